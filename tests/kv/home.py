"""A server, a client and a bucket for the tests of this room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

import txnats
from txnats import kv
from txnats.jetstream import JetStream
from txnats.nuid import next_nuid
from txnats.server import NatsServer

reactor: Any = _reactor
Value = TypeVar("Value")
QUICK = txnats.ReconnectOptions(first_wait=0.02, max_wait=0.1, max_attempts=-1)


class Home(TestCase):
    """Ask for ``class_server`` and ``make_server`` by ``usefixtures``."""

    server: NatsServer
    make_server: Callable[..., NatsServer]

    async def stream_of_all(self, **options: Any) -> JetStream:
        """JetStream by a client that is closed when the test is over."""
        url = options.pop("url", None) or self.server.url
        client = await txnats.connect(reactor, url, reconnect=QUICK, **options)
        self.addCleanup(client.close)
        return JetStream(client)

    async def bucket(self, **options: Any) -> kv.Bucket:
        """A fresh bucket."""
        return await kv.create(await self.stream_of_all(), kv.BucketConfig(next_nuid(), **options))


async def error_of(deferred: Deferred[Any]) -> BaseException:
    """What a Deferred fails with."""
    try:
        result = await deferred
    except txnats.NatsError as error:
        return error
    raise AssertionError(f"it gave {result!r}")


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for a condition."""
    end = reactor.seconds() + seconds
    while not condition():
        assert reactor.seconds() < end, "it did not come true in time"
        await deferLater(reactor, 0.005, lambda: None)


async def apart(call: Callable[..., Value], *arguments: Any) -> Value:
    """Do something that blocks in a thread."""
    result: Value = await deferToThread(call, *arguments)
    return result


async def by_asyncio(make: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
    """Run a coroutine of asyncio's in a thread of its own: another client of NATS, for one."""
    return await apart(lambda: asyncio.run(make()))
