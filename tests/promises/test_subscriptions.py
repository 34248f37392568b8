"""P8 and P9: subscriptions come back as they were, and order is kept."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import islice, pairwise

import pytest

import txnats
from tests.promises.promise import Promise, Told, apart, sized, turns, until
from txnats import Message, events
from txnats.server import NatsServer


@pytest.mark.usefixtures("make_server")
class Subscriptions(Promise):
    @sized
    async def test_p8_subscriptions_come_back(self, plain: int, grouped: int, limited: int, kills: int) -> None:
        """After each kill every subscription gets what is its own: members of a group share, limits go on counting.

        Two members share each group. A limited subscription wants from 1 to twice as many messages as there are rounds,
        and is offered two in each round.
        """
        server: NatsServer = self.make_server()
        client = await self.client(server.url)
        publisher = await self.client(server.url)
        got: Counter[str] = Counter()

        def count(name: str, _: Message) -> None:
            got[name] += 1

        rounds = kills + 1
        limits = {f"limited.{number}": 1 + number % (2 * rounds) for number in range(limited)}
        for number in range(plain):
            client.subscribe(f"plain.{number}", partial(count, f"plain.{number}"))
        for number in range(grouped):
            client.subscribe(f"group.{number // 2}", partial(count, f"group.{number // 2}"), queue="members")
        limited_subscriptions = [
            client.subscribe(name, partial(count, name), max_messages=limit) for name, limit in limits.items()
        ]
        subjects = list(dict.fromkeys(entry.subject for entry in client._active()))
        await client.flush()
        missing = over = 0
        for round_ in range(1, rounds + 1):
            for subject in subjects:
                publisher.publish(subject)
                publisher.publish(subject)
            await publisher.flush()
            await client.flush()
            for subject in subjects:
                wanted = min(2 * round_, limits.get(subject, 2 * round_))
                missing += max(0, wanted - got[subject])
                over += max(0, got[subject] - wanted)
            if round_ <= kills:
                await apart(server.kill)
                await apart(server.restart)
                await until(lambda: min(each.statistics.reconnects for each in (client, publisher)) == round_)  # noqa: B023
                await client.flush()  # it has read the subscriptions before what is published on another connection
        ended = sum(not each.is_active for each in limited_subscriptions)
        self.tell(
            subscriptions=plain + grouped + limited,
            kills=kills,
            delivered=sum(got.values()),
            missing=missing,
            over_delivered=over,
            limits_reached=ended,
            left=client.statistics.subscriptions,
        )
        assert missing == over == 0
        assert ended == sum(limit <= 2 * rounds for limit in limits.values())
        assert client.statistics.subscriptions == plain + grouped + limited - ended

    @sized
    async def test_p8_what_is_left_of_a_limit(self, reconnects: int) -> None:
        """A member of a group that has had its fill takes nothing away from the others.

        Its limit is set after reconnects, when the server has counted only some of its messages.
        """
        server: NatsServer = self.make_server()
        client = await self.client(server.url)
        publisher = await self.client(server.url)
        got: Counter[str] = Counter()
        limited = client.subscribe("work", lambda _: got.update(["limited"]), queue="members")
        await client.flush()
        for round_ in range(reconnects):
            publisher.publish("work")
            await publisher.flush()
            await client.flush()
            client.reconnect()
            await until(lambda: client.statistics.reconnects == round_ + 1)  # noqa: B023
            await client.flush()
        limited.unsubscribe(max_messages=reconnects + 1)
        client.subscribe("work", lambda _: got.update(["other"]), queue="members")
        await client.flush()
        for _ in range(40):
            publisher.publish("work")
        await publisher.flush()
        await client.flush()
        self.tell(published=reconnects + 40, limited=got["limited"], other=got["other"])
        assert got["limited"] == reconnects + 1
        assert got.total() == reconnects + 40

    @sized
    async def test_p9_no_inversion(self, messages: int, reconnects: int) -> None:
        """Numbered messages arrive in their order through kills and reconnects of the publisher's own, some missing."""
        server: NatsServer = self.make_server()
        seen: list[int] = []
        told = Told()
        subscriber = await self.client(server.url)
        subscription = subscriber.subscribe("numbers", lambda message: seen.append(int(message.payload)))
        publisher = await self.client(server.url, on_event=told)
        await subscriber.flush()
        numbers = iter(range(messages))

        def publish(count: int) -> None:
            for number in islice(numbers, count):
                publisher.publish("numbers", b"%d" % number)

        while publisher.statistics.messages_out < messages:
            for _ in range(messages // (reconnects + 1) // 1000):
                publish(1000)
                await publisher.ready_to_write()
                await turns()
            if publisher.statistics.reconnects == reconnects:
                continue
            cuts = publisher.statistics.reconnects
            if cuts % 2:
                await apart(server.kill)
                await until(lambda: publisher.status is txnats.Status.RECONNECTING)
                publish(500)
                await apart(server.restart)
            else:
                publish(500)
                publisher.reconnect()
                publish(500)
            await until(lambda: publisher.statistics.reconnects == cuts + 1)  # noqa: B023
            await until(lambda: subscriber.status is txnats.Status.CONNECTED)
            await subscriber.flush()
        await publisher.flush(60)
        await subscriber.flush(60)
        inversions = sum(after <= before for before, after in pairwise(seen))
        self.tell(
            published=messages,
            received=len(seen),
            reconnects=publisher.statistics.reconnects,
            unconfirmed=sum(event.unconfirmed for event in told.of(events.Disconnected)),
            inversions=inversions,
        )
        assert inversions == 0
        assert publisher.statistics.reconnects == reconnects
        assert subscription.dropped == 0
