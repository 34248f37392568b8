"""What the stories of JetStream against a real server have in common."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

import txnats
from txnats.jetstream import JetStream
from txnats.server import NatsServer

reactor: Any = _reactor
FAST = txnats.ReconnectOptions(first_wait=0.02, max_wait=0.1)


async def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait for a condition."""
    end = reactor.seconds() + seconds
    while not condition():
        assert reactor.seconds() < end, "it did not come true in time"
        await deferLater(reactor, 0.005, lambda: None)


async def error_of(deferred: Deferred[Any]) -> Exception:
    try:
        result = await deferred
    except Exception as error:
        return error
    raise AssertionError(f"it gave {result!r}")


class JetStreamStory(TestCase):
    """Each test has streams with names of its own; a decorator says which server it has as ``self.server``."""

    timeout = 60
    server: NatsServer
    make_server: Callable[..., NatsServer]

    def tearDown(self) -> Any:
        gc.collect()

    async def client(self, server: NatsServer | None = None, **options: Any) -> txnats.Client:
        client = await txnats.connect(reactor, (server or self.server).url, **{"reconnect": FAST, **options})
        self.addCleanup(client.close)
        return client

    async def js(self, server: NatsServer | None = None, **options: Any) -> JetStream:
        return JetStream(await self.client(server), **options)
