"""Publishing and subscribing."""

from __future__ import annotations

import txnats
from tests.contract.worlds import SOON, Story, in_every_world


class Messages(Story):
    async def test_a_message_reaches_its_subscriber(self) -> None:
        client = await self.connect()
        subscription = client.subscribe("greet.joe")
        client.publish("greet.joe", b"hello", reply="answer.here")
        message = await subscription.next(SOON)
        assert (message.subject, message.payload, message.reply) == ("greet.joe", b"hello", "answer.here")
        assert not message.headers

    async def test_wildcards(self) -> None:
        client = await self.connect()
        one, rest, all_of_it = client.subscribe("a.*.c"), client.subscribe("a.>"), client.subscribe(">")
        for subject in ("a.b.c", "a.b", "a", "a.b.c.d", "x.b.c"):
            client.publish(subject, subject.encode())
        await client.flush()
        assert [message.subject for message in await self.collected(one, 1)] == ["a.b.c"]
        assert [message.subject for message in await self.collected(rest, 3)] == ["a.b.c", "a.b", "a.b.c.d"]
        assert [message.subject for message in await self.collected(all_of_it, 5)] == [
            *("a.b.c", "a.b", "a", "a.b.c.d", "x.b.c")
        ]
        assert (one.pending, rest.pending, all_of_it.pending) == (0, 0, 0)

    async def test_every_subscription_gets_its_copy(self) -> None:
        publisher, other = await self.connect(), await self.connect()
        subscriptions = [client.subscribe("news") for client in (publisher, other, other)]
        await other.flush()
        publisher.publish("news", b"1")
        for subscription in subscriptions:
            assert (await subscription.next(SOON)).payload == b"1"

    async def test_headers_keep_order_case_and_each_value(self) -> None:
        client = await self.connect()
        subscription = client.subscribe("a")
        headers = txnats.Headers(
            [("Color", "red"), ("color", "grün"), ("Color", "青"), ("Empty", ""), ("Colon", "a: b")]
        )
        client.publish("a", b"body", headers=headers)
        client.publish("a", b"", headers={"Alone": "1"})
        first, second = await self.collected(subscription, 2)
        assert first.headers == headers
        assert first.headers.get_all("Color") == ["red", "青"]
        assert first.payload == b"body"
        assert (second.headers.items(), second.payload) == ((("Alone", "1"),), b"")

    async def test_subjects_are_any_text(self) -> None:
        client = await self.connect()
        subscription = client.subscribe("größe.*")
        client.publish("größe.'\"\\ß", b"")
        assert (await subscription.next(SOON)).subject == "größe.'\"\\ß"

    async def test_payloads_are_any_bytes(self) -> None:
        client = await self.connect()
        subscription = client.subscribe("a")
        payloads = [b"", b"\r\n", b"PING\r\n" * 100, bytes(range(256)), b"\r" * 3, b"x" * 1_048_576]
        for payload in payloads:
            client.publish("a", payload)
        assert [message.payload for message in await self.collected(subscription, len(payloads))] == payloads

    async def test_many_megabytes_arrive_in_order(self) -> None:
        publisher, client = await self.connect(), await self.connect()
        subscription = client.subscribe("big")
        await client.flush()
        for number in range(16):
            await publisher.ready_to_write()
            publisher.publish("big", b"%d " % number + bytes(1_000_000))
        for number in range(16):
            message = await subscription.next(SOON)
            assert (len(message.payload), message.payload.split(b" ")[0]) == (1_000_002 + (number > 9), b"%d" % number)

    async def test_thousands_of_small_ones_arrive_in_order(self) -> None:
        client = await self.connect()
        subscription = client.subscribe("n.*")
        for number in range(5_000):
            client.publish(f"n.{number % 7}", b"%d" % number)
        messages = await self.collected(subscription, 5_000)
        assert [int(message.payload) for message in messages] == list(range(5_000))

    async def test_without_echo_ones_own_messages_stay_away(self) -> None:
        silent, other = await self.connect(echo=False), await self.connect()
        mine, theirs = silent.subscribe("a"), other.subscribe("a")
        await other.flush()
        silent.publish("a", b"from silent")
        await silent.flush()
        other.publish("a", b"from other")
        assert [message.payload for message in await self.collected(theirs, 2)] == [b"from silent", b"from other"]
        assert (await mine.next(SOON)).payload == b"from other"
        assert mine.pending == 0

    async def test_verbose_changes_nothing_else(self) -> None:
        client = await self.connect(verbose=True)
        subscription = client.subscribe("a", max_messages=2)
        client.publish("a", b"1")
        client.publish("a", b"2", headers={"A": "b"})
        assert [message.payload for message in await self.collected(subscription, 2)] == [b"1", b"2"]
        await client.flush()

    async def test_pedantic_takes_what_the_client_lets_through(self) -> None:
        client = await self.connect(pedantic=True)
        subscription = client.subscribe("a.>")
        client.publish("a.b-c.d", b"1")
        assert (await subscription.next(SOON)).payload == b"1"
        await client.flush()


globals().update(in_every_world(Messages))
