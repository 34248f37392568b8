"""What the stories of receiving have in common: a stream of numbers, and a consumer of it."""

from __future__ import annotations

from itertools import count
from typing import Any

from twisted.internet.defer import Deferred

from tests.jetstream.story import JetStreamStory
from txnats.jetstream import ConsumerConfig, JetStream, StreamConfig
from txnats.jetstream.assets.consumers import Consumer
from txnats.jetstream.assets.streams import Stream
from txnats.jetstream.message import JsMessage

_names = count(1)


class Receiving(JetStreamStory):
    """Each test has a stream of its own, with the subjects ``<its name>.>``."""

    async def stream(self, js: JetStream, **options: Any) -> Stream:
        name = f"{type(self).__name__}{next(_names)}"
        options.setdefault("storage", "memory")
        return await js.create_stream(StreamConfig(name=name, subjects=[f"{name}.>"], **options))

    async def consumer(self, stream: Stream, **options: Any) -> Consumer:
        options.setdefault("durable_name", f"C{next(_names)}")
        return await stream.create_consumer(ConsumerConfig(**options))

    async def fill(self, stream: Stream, start: int, end: int, size: int = 0) -> None:
        """Numbers from start to end - 1, stored when this returns."""
        client = stream.js.client
        for number in range(start, end - 1):
            client.publish(f"{stream.name}.{number % 3}", (b"%d" % number).ljust(size))
        await client.request(f"{stream.name}.{(end - 1) % 3}", (b"%d" % (end - 1)).ljust(size), timeout=10.0)

    async def world(self, count: int = 0, **options: Any) -> tuple[Stream, Consumer]:
        js = await self.js()
        stream = await self.stream(js)
        if count:
            await self.fill(stream, 0, count)
        return stream, await self.consumer(stream, **options)


def numbers(messages: list[JsMessage]) -> list[int]:
    return [int(message.payload) for message in messages]


class Work:
    """A handler whose messages end when the test says so."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.open: dict[int, tuple[JsMessage, Deferred[None]]] = {}

    def __call__(self, message: JsMessage) -> Deferred[None]:
        number = int(message.payload)
        self.begun.append(number)
        done: Deferred[None] = Deferred()
        self.open[number] = message, done
        return done

    def end(self, *which: int) -> None:
        for number in which or list(self.open):
            message, done = self.open.pop(number)
            message.ack()
            done.callback(None)
