"""Priority groups on a real server: overflow, pinned clients and their events, prioritised ones."""

from __future__ import annotations

import pytest

from tests.jetstream.consume.world import Receiving, numbers
from tests.jetstream.story import error_of, until
from txnats.jetstream.consume.events import ConsumeEvent, Pinned, Unpinned
from txnats.jetstream.consume.pull_request import Priority
from txnats.jetstream.errors import BadPullRequest
from txnats.jetstream.message import JsMessage


class Seen(list[int]):
    """A handler that settles all."""

    def __call__(self, message: JsMessage) -> None:
        self.append(int(message.payload))
        message.ack()


@pytest.mark.usefixtures("class_server", "make_server")
class Priorities(Receiving):
    async def test_overflow_gets_messages_only_beyond_its_threshold(self) -> None:
        stream, consumer = await self.world(5, priority_groups=["A"], priority_policy="overflow")
        overflow = Priority(group="A", min_pending=10)
        assert await consumer.fetch(5, 0.2, priority=overflow) == []
        await self.fill(stream, 5, 20)
        assert numbers(await consumer.fetch(3, 2.0, priority=overflow)) == [0, 1, 2]
        more = await consumer.fetch(5, 0.3, priority=Priority(group="A", min_ack_pending=4))
        assert more == []
        assert numbers(await consumer.fetch(2, 2.0, priority=Priority(group="A"))) == [3, 4]
        assert numbers(await consumer.fetch(1, 2.0, priority=Priority(group="A", min_ack_pending=4))) == [5]

    async def test_a_pull_without_its_group_is_refused(self) -> None:
        _, consumer = await self.world(1, priority_groups=["A"], priority_policy="overflow")
        for priority in (None, Priority(group="B")):
            assert isinstance(await error_of(consumer.fetch(1, 1.0, priority=priority)), BadPullRequest)
        assert isinstance(await error_of(consumer.consume(lambda _: None).when_done()), BadPullRequest)

    async def test_one_client_is_pinned_until_it_goes_or_is_unpinned(self) -> None:
        options = {"priority_groups": ["A"], "priority_policy": "pinned_client", "priority_timeout": 1.0}
        stream, consumer = await self.world(0, **options)
        group = Priority(group="A")
        seen = Seen(), Seen()
        told: tuple[list[ConsumeEvent], list[ConsumeEvent]] = ([], [])
        loops = [
            consumer.consume(seen[number], expires=2.0, priority=group, on_event=told[number].append)
            for number in range(2)
        ]
        await self.fill(stream, 0, 20)
        await until(lambda: len(seen[0]) + len(seen[1]) == 20)
        first = 0 if seen[0] else 1
        second = 1 - first
        assert (seen[first], seen[second]) == (list(range(20)), [])
        (pinned,) = told[first]
        assert isinstance(pinned, Pinned)
        assert (pinned.group, bool(pinned.pin), told[second]) == ("A", True, [])

        await consumer.unpin("A")
        await self.fill(stream, 20, 40)
        await until(lambda: len(seen[0]) + len(seen[1]) == 40)
        assert [event for each in told for event in each if isinstance(event, Unpinned)]
        assert len([event for each in told for event in each if isinstance(event, Pinned)]) >= 2

        # The one that is pinned now goes: after priority_timeout the other one is.
        last = first if len(seen[first]) > 20 else second
        loops[last].stop()
        other = 1 - last
        before = len(seen[other])
        await self.fill(stream, 40, 50)
        await until(lambda: len(seen[other]) - before >= 10)
        loops[other].stop()

    async def test_the_lowest_priority_number_is_served_first(self) -> None:
        stream, consumer = await self.world(0, priority_groups=["A"], priority_policy="prioritized")
        low, high = Seen(), Seen()
        second = consumer.consume(low, priority=Priority(group="A", priority=5))
        first = consumer.consume(high, priority=Priority(group="A", priority=0))
        await stream.js.client.flush()
        await self.fill(stream, 0, 20)
        await until(lambda: len(high) + len(low) == 20)
        assert (high, low) == (list(range(20)), [])
        first.stop()
        await stream.js.client.flush()
        await self.fill(stream, 20, 30)
        await until(lambda: len(low) == 10)
        second.stop()
