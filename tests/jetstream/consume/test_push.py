"""Push consumers on a real server: flow control, heartbeats, groups, gaps, ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.jetstream.consume.world import Receiving, Work, numbers
from tests.jetstream.story import error_of, until
from txnats.jetstream.assets.streams import Stream
from txnats.jetstream.consume.events import ConsumeEvent, Gap, HeartbeatsMissed
from txnats.jetstream.consume.push import Push
from txnats.jetstream.errors import ConsumerNotFound, StreamNotFound
from txnats.jetstream.message import JsMessage


@pytest.mark.usefixtures("class_server", "make_server")
class Pushing(Receiving):
    async def push(self, stream: Stream, *, heartbeat: float = 0.0, **config: Any) -> Push:
        subject = stream.js.client.new_inbox()
        config = {"durable_name": "P", "name": "P", "deliver_subject": subject, "ack_policy": "explicit"} | config
        if heartbeat:
            config["idle_heartbeat"] = int(heartbeat * 1e9)
        body = json.dumps({"stream_name": stream.name, "config": config}).encode()
        await stream.js.api.call(f"CONSUMER.CREATE.{stream.name}.P", body)
        return Push(
            stream.js,
            stream.name,
            "P",
            deliver_subject=subject,
            deliver_group=config.get("deliver_group"),
            heartbeat=heartbeat,
            settles=config["ack_policy"] != "none",
        )

    async def test_all_messages_with_flow_control(self) -> None:
        js = await self.js()
        stream = await self.stream(js)
        await self.fill(stream, 0, 3000, size=500)
        push = await self.push(stream, heartbeat=0.5, flow_control=True, max_ack_pending=10_000)
        told: list[ConsumeEvent] = []
        seen: list[int] = []

        def handle(message: JsMessage) -> None:
            seen.append(int(message.payload))
            message.ack()

        consuming = push.consume(handle, on_event=told.append)
        await until(lambda: len(seen) >= 3000)
        assert seen == list(range(3000))
        assert told == []
        drained = await consuming.drain()
        assert (drained.handled, drained.abandoned) == (3000, 0)

    async def test_flow_control_waits_for_the_handler(self) -> None:
        js = await self.js()
        stream = await self.stream(js)
        await self.fill(stream, 0, 2000, size=4000)
        push = await self.push(stream, heartbeat=0.5, flow_control=True, max_ack_pending=10_000)
        work = Work()
        consuming = push.consume(work)
        await until(lambda: work.begun)
        for _ in range(3):
            await js.client.flush()
        assert consuming.pending < 1000  # the server waits with the rest
        while len(work.begun) < 2000:
            work.end()
            await js.client.flush() if not work.open else None
        assert work.begun == list(range(2000))
        work.end()
        consuming.stop()

    async def test_members_of_a_group_share_the_messages(self) -> None:
        js = await self.js()
        stream = await self.stream(js)
        push = await self.push(stream, deliver_group="workers")
        seen: list[list[int]] = [[], [], []]

        def handle(which: int, message: JsMessage) -> None:
            seen[which].append(int(message.payload))
            message.ack()

        loops = [push.consume(lambda message, each=each: handle(each, message)) for each in range(3)]  # type: ignore[misc]
        await js.client.flush()
        await self.fill(stream, 0, 300)
        await until(lambda: sum(map(len, seen)) == 300)
        assert sorted(number for each in seen for number in each) == list(range(300))
        assert all(seen)
        for loop in loops:
            loop.stop()

    async def test_an_iterator_without_acknowledgements(self) -> None:
        js = await self.js()
        stream = await self.stream(js)
        await self.fill(stream, 0, 50)
        messages = (await self.push(stream, ack_policy="none")).messages()
        assert numbers(await messages.collect(50)) == list(range(50))
        messages.close()

    async def test_more_than_may_wait_is_given_back(self) -> None:
        js = await self.js()
        stream = await self.stream(js)
        push = await self.push(stream)
        messages = push.messages(max_messages=5)
        await js.client.flush()
        await self.fill(stream, 0, 20)
        seen: set[int] = set()
        while len(seen) < 20:
            message = await messages.next(10.0)
            assert messages.pending <= 5
            seen.add(int(message.payload))
            message.ack()
        messages.close()

    async def test_a_deleted_consumer_or_stream_is_the_end(self) -> None:
        js = await self.js()
        for heartbeat in (0.0, 0.2):
            stream = await self.stream(js)
            push = await self.push(stream, heartbeat=heartbeat)
            consuming = push.consume(lambda _: None)
            await js.client.flush()
            await stream.delete_consumer("P")
            assert isinstance(await error_of(consuming.when_done()), ConsumerNotFound)
            push = await self.push(stream, heartbeat=heartbeat)
            messages = push.messages()
            await js.client.flush()
            await stream.delete()
            assert isinstance(await error_of(messages.next(10.0)), (ConsumerNotFound, StreamNotFound))

    async def test_messages_that_got_lost_are_told(self) -> None:
        js = await self.js()
        stream = await self.stream(js)
        push = await self.push(stream, heartbeat=0.1, ack_policy="none")
        told: list[ConsumeEvent] = []
        seen: list[int] = []
        consuming = push.consume(lambda message: seen.append(int(message.payload)), on_event=told.append)
        await js.client.flush()
        await self.fill(stream, 0, 3)
        await until(lambda: len(seen) == 3)
        accept = consuming._loop._feed.accept  # type: ignore[attr-defined]
        consuming._loop._feed.accept = lambda message: None if message.payload == b"4" else accept(message)  # type: ignore[attr-defined]
        await self.fill(stream, 3, 6)
        await until(lambda: told)
        assert seen == [0, 1, 2, 3, 5]
        assert told == [Gap(6, 6)]
        consuming.stop()

    async def test_silence_is_told_and_asked_about(self) -> None:
        js = await self.js()
        stream = await self.stream(js)
        await self.push(stream)
        silent = Push(js, stream.name, "P", deliver_subject="nobody.sends.here", heartbeat=0.1)
        told: list[ConsumeEvent] = []
        messages = silent.messages(on_event=told.append)
        await until(lambda: told)
        assert told == [HeartbeatsMissed(stream.name, "P")]
        messages.close()
