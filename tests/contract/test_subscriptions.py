"""Queue groups, ends of subscriptions, drain."""

from __future__ import annotations

from twisted.internet.defer import Deferred

import txnats
from tests.contract.worlds import SOON, Story, in_every_world
from txnats import Drained, EndReason


class Subscriptions(Story):
    async def test_one_member_of_each_queue_group_gets_a_message(self) -> None:
        publisher = await self.connect()
        clients = [await self.connect() for _ in range(3)]
        red = [client.subscribe("jobs.*", queue="red") for client in clients]
        blue = [client.subscribe("jobs.>", queue="blue") for client in clients[:2]]
        alone = clients[0].subscribe("jobs.1")
        for client in clients:
            await client.flush()
        for _ in range(200):
            publisher.publish("jobs.1", b"")
        await publisher.flush()
        for client in clients:
            await client.flush()
        assert sum(member.delivered for member in red) == 200
        assert sum(member.delivered for member in blue) == 200
        assert alone.delivered == 200
        assert all(0 < member.delivered < 200 for member in red + blue)

    async def test_a_group_may_stand_under_several_patterns(self) -> None:
        client = await self.connect()
        members = [client.subscribe(pattern, queue="q") for pattern in ("a.b", "a.*", ">")]
        for _ in range(50):
            client.publish("a.b", b"")
        await client.flush()
        assert sum(member.delivered for member in members) == 50

    async def test_without_echo_another_member_is_asked(self) -> None:
        silent, other = await self.connect(echo=False), await self.connect()
        mine, theirs = silent.subscribe("a", queue="q"), other.subscribe("a", queue="q")
        await other.flush()
        await silent.flush()
        for _ in range(30):
            silent.publish("a", b"")
        await silent.flush()
        await other.flush()
        assert (mine.delivered, theirs.delivered) == (0, 30)

    async def test_a_subscription_ends_after_its_last_message(self) -> None:
        client = await self.connect()
        subscription = client.subscribe("a", max_messages=3)
        for number in range(5):
            client.publish("a", b"%d" % number)
        assert [message.payload for message in await self.collected(subscription, 3)] == [b"0", b"1", b"2"]
        assert await subscription.when_done() is EndReason.MAX_MESSAGES
        await client.flush()
        assert subscription.delivered == 3

    async def test_a_maximum_set_later_counts_from_the_beginning(self) -> None:
        client = await self.connect()
        subscription = client.subscribe("a")
        client.publish("a", b"0")
        await client.flush()
        subscription.unsubscribe(max_messages=3)
        for number in range(1, 6):
            client.publish("a", b"%d" % number)
        await client.flush()
        assert [message.payload for message in await self.collected(subscription, 3)] == [b"0", b"1", b"2"]
        assert await subscription.when_done() is EndReason.MAX_MESSAGES

    async def test_unsubscribed_is_unsubscribed(self) -> None:
        client, other = await self.connect(), await self.connect()
        subscription, witness = client.subscribe("a"), other.subscribe("a")
        await other.flush()
        subscription.unsubscribe()
        await client.flush()
        client.publish("a", b"")
        await witness.next(SOON)
        await client.flush()
        assert (subscription.delivered, client.statistics.messages_in) == (0, 0)
        assert await subscription.when_done() is EndReason.UNSUBSCRIBED

    async def test_drain_hands_out_what_was_sent_before(self) -> None:
        client = await self.connect()
        handled = []
        going_on: Deferred[None] = Deferred()

        async def handler(message: txnats.Message) -> None:
            await going_on
            handled.append(message.payload)

        subscription = client.subscribe("a", handler)
        for number in range(10):
            client.publish("a", b"%d" % number)
        drained = subscription.drain(SOON)
        client.publish("a", b"too late")
        await client.flush()
        going_on.callback(None)
        assert await drained == Drained(handled=10, abandoned=0)
        assert handled == [b"%d" % number for number in range(10)]

    async def test_a_drained_client_answers_what_it_was_asked(self) -> None:
        service, client = await self.connect(), await self.connect()
        service.subscribe("double", lambda message: message.respond(message.payload * 2))
        await service.flush()
        answers = [client.request("double", b"%d" % number) for number in range(10)]
        await client.flush()
        report = await service.drain(SOON)
        assert [(await answer).payload for answer in answers] == [b"%d%d" % (number, number) for number in range(10)]
        assert (report.handled, report.abandoned, report.unsent) == (10, 0, 0)
        assert service.status is txnats.Status.CLOSED


globals().update(in_every_world(Subscriptions))
