"""Requests and their replies."""

from __future__ import annotations

from functools import partial

import pytest

from tests.contract.worlds import Story, in_every_world
from txnats import Message, NoResponders, RequestTimeout


class Requests(Story):
    async def test_a_request_gets_its_reply(self) -> None:
        service, client = await self.connect(), await self.connect()
        service.subscribe("echo", lambda message: message.respond(message.payload, headers=message.headers))
        await service.flush()
        reply = await client.request("echo", b"hello", headers={"A": "1"})
        assert (reply.payload, reply.headers.items()) == (b"hello", (("A", "1"),))

    async def test_many_requests_at_a_time_keep_their_replies_apart(self) -> None:
        service, client = await self.connect(), await self.connect()
        service.subscribe("echo", lambda message: message.respond(message.payload), queue="q")
        await service.flush()
        asked = [client.request("echo", b"%d" % number) for number in range(500)]
        assert [(await reply).payload for reply in asked] == [b"%d" % number for number in range(500)]
        assert client.statistics.requests == 0

    async def test_nobody_there_is_told_at_once(self) -> None:
        client = await self.connect()
        before = self.clock.seconds()
        with pytest.raises(NoResponders) as caught:
            await client.request("nobody.here", b"", timeout=30.0)
        assert caught.value.subject == "nobody.here"
        assert self.clock.seconds() - before < 10.0

    async def test_ones_own_subscription_is_nobody_without_echo(self) -> None:
        client = await self.connect(echo=False)
        client.subscribe("me", lambda message: message.respond(b"myself"))
        with pytest.raises(NoResponders):
            await client.request("me", b"", timeout=30.0)

    async def test_whoever_stays_silent_is_a_timeout(self) -> None:
        service, client = await self.connect(), await self.connect()
        service.subscribe("silent", lambda message: None)
        await service.flush()
        with pytest.raises(RequestTimeout):
            await client.request("silent", b"", timeout=0.05)

    async def test_a_publish_with_a_reply_to_nobody_gets_a_status_message(self) -> None:
        client = await self.connect()
        inbox = client.subscribe("my.inbox")
        client.publish("nobody", b"", reply="my.inbox")
        message = await inbox.next(2.0)
        assert (message.subject, message.status, message.description, message.payload) == ("my.inbox", 503, "", b"")
        assert message.headers.items() == (("Nats-Subject", "nobody"),)

    async def test_all_replies_of_many(self) -> None:
        services, client = [await self.connect() for _ in range(3)], await self.connect()
        for number, service in enumerate(services):
            service.subscribe("who", partial(Message.respond, payload=b"%d" % number))
            await service.flush()
        by_count = [reply.payload async for reply in client.request_many("who", b"", max_messages=3)]
        by_pause = [reply.payload async for reply in client.request_many("who", b"", stall=0.1)]
        assert sorted(by_count) == sorted(by_pause) == [b"0", b"1", b"2"]

    async def test_of_many_nobody_there_is_told_at_once(self) -> None:
        client = await self.connect()
        with pytest.raises(NoResponders):
            await client.request_many("nobody", b"", timeout=30.0).collect()

    async def test_an_inbox_prefix_of_ones_own(self) -> None:
        service, client = await self.connect(), await self.connect(inbox_prefix="private.inbox")
        asked = service.subscribe("echo", lambda message: message.respond((message.reply or "").encode()))
        await service.flush()
        assert (await client.request("echo", b"")).payload.startswith(b"private.inbox.")
        assert asked.delivered == 1


globals().update(in_every_world(Requests))
