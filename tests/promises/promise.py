"""What promise tests share: two sizes, one line of figures, and clients that are closed whatever happens."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

import txnats
from tests.promises.sizes import SIZES
from txnats import events
from txnats.server import NatsServer

reactor: Any = _reactor
QUICK = txnats.ReconnectOptions(first_wait=0.02, max_wait=0.1, max_attempts=-1)
"""Back soon after a server is."""

_HOURS = 4 * 3600
Test = Callable[..., Coroutine[Any, Any, None]]
Value = TypeVar("Value")


class sized:  # noqa: N801
    """A test method that becomes two, with the arguments of its row in the table; the R one is called ``..._soak``."""

    def __init__(self, test: Test) -> None:
        self._test = test

    def __set_name__(self, owner: type, name: str) -> None:
        sizes = SIZES[name]
        small = _run(self._test, name, "C", sizes.C)
        small.timeout = 100  # type: ignore[attr-defined]
        setattr(owner, name, small)
        large = _run(self._test, name, "R", sizes.R)
        large.timeout = _HOURS  # type: ignore[attr-defined]
        large.__name__ = name + "_soak"
        setattr(owner, large.__name__, pytest.mark.timeout(_HOURS)(pytest.mark.soak(large)))


def _run(test: Test, name: str, size: str, values: dict[str, Any]) -> Test:
    @wraps(test)
    async def run(self: Promise) -> None:
        self.figures = {}
        start = monotonic()
        kept = False
        try:
            await test(self, **values)
            kept = True
        finally:
            promise = name.split("_")[1].upper()
            _tell(
                {"promise": promise, "test": name, "size": size, "kept": kept, "seconds": round(monotonic() - start, 2)}
                | {"of": values, "figures": self.figures}
            )

    return run


def _tell(figures: dict[str, Any]) -> None:
    line = json.dumps(figures)
    sys.stdout.write(line + "\n")
    path = os.environ.get("TXNATS_FIGURES")
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


class Promise(TestCase):
    """A group of promises. Ask for ``make_server`` by ``usefixtures`` where a server is needed.

    Attributes:
        figures: What a test has found, for its line of figures; told also when it fails.
    """

    figures: dict[str, Any]
    make_server: Callable[..., NatsServer]

    def tell(self, **figures: Any) -> None:
        """Add to the line of figures."""
        self.figures.update(figures)

    async def client(self, servers: Any, **options: Any) -> txnats.Client:
        """A client that is closed when the test is over."""
        options.setdefault("reconnect", QUICK)
        client = await txnats.connect(reactor, servers, **options)
        self.addCleanup(client.close)
        return client


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for a condition."""
    end = reactor.seconds() + seconds
    while not condition():
        assert reactor.seconds() < end, "it did not come true in time"
        await deferLater(reactor, 0.002, lambda: None)


async def turns(seconds: float = 0.0) -> None:
    """Let the reactor go on."""
    await deferLater(reactor, seconds, lambda: None)


async def apart(call: Callable[..., Value], *arguments: Any) -> Value:
    """Do something that blocks in a thread, so that clients go on meanwhile."""
    result: Value = await deferToThread(call, *arguments)
    return result


class Told(list[events.Event]):
    """All events of a client: give it as ``on_event``."""

    def __call__(self, event: events.Event) -> None:
        self.append(event)

    def of(self, kind: type[Value]) -> list[Value]:
        """Those of one kind."""
        return [event for event in self if isinstance(event, kind)]
