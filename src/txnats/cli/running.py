"""A verb's life: its reactor, its client, Ctrl-C, and what its end means for the exit status."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import click
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.logger import globalLogBeginner
from twisted.python.failure import Failure

import txnats

from ..client import Client
from ..errors import NatsError
from .output import Output
from .settings import Settings

FAILED, INTERRUPTED = 1, 130
DRAIN = 5.0


class Session:
    """What a verb works with.

    Attributes:
        reactor: The reactor.
        settings: What it was told.
        out: Where its words go.
        endless: Whether Ctrl-C is the verb's usual end, and so no failure.
    """

    def __init__(self, reactor: Any, settings: Settings) -> None:
        self.reactor = reactor
        self.settings = settings
        self.out = Output(as_json=bool(settings.json))
        self.endless = False
        self._clients: list[Client] = []
        self._told: list[Deferred[None]] = []

    async def connect(self, **options: Any) -> Client:
        """A connected client, drained at the end."""
        client = await txnats.connect(self.reactor, **{**self.settings.connect_options(), **options})
        self._clients.append(client)
        return client

    def interrupted(self) -> Deferred[None]:
        """Fires at Ctrl-C, for verbs that have no other end."""
        waiter: Deferred[None] = Deferred(self._told.remove)
        self._told.append(waiter)
        return waiter

    async def pause(self, seconds: float) -> bool:
        """Wait so long; True when Ctrl-C came before."""
        told = self.interrupted()
        told.addTimeout(seconds, self.reactor)
        try:
            await told
        except TimedOut:
            return False
        return True

    def interrupt(self) -> bool:
        """Ctrl-C: whether somebody waits for that."""
        told, self._told = self._told, []
        for waiter in told:
            waiter.callback(None)
        return bool(told)

    async def close(self) -> None:
        """Drain what was opened."""
        for client in self._clients:
            await client.drain(DRAIN)


def run(settings: Settings, verb: Callable[[Session], Coroutine[Any, Any, object]]) -> None:
    """Run a verb to its end, and exit."""
    from twisted.internet import reactor as chosen  # noqa: PLC0415  # the program chooses, and not the import

    reactor: Any = chosen
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False, discardBuffer=True)
    session = Session(reactor, settings)
    ends: list[int] = []
    work: list[Deferred[object]] = []

    def start() -> None:
        work.append(Deferred.fromCoroutine(_whole(session, verb)))
        work[0].addCallbacks(
            lambda _: ends.append(0), lambda failure: ends.append(_told(failure, endless=session.endless))
        )
        work[0].addBoth(lambda _: reactor.stop())

    def interrupt(*_: object) -> None:
        if len(pressed) > 1:
            os._exit(INTERRUPTED)
        pressed.append(None)
        reactor.callFromThread(end)

    def end() -> None:
        if not session.interrupt():
            work[0].cancel()

    pressed: list[None] = []
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    reactor.callWhenRunning(start)
    reactor.run(installSignalHandlers=False)
    _leave(ends[0] if ends else FAILED)


async def _whole(session: Session, verb: Callable[[Session], Awaitable[object]]) -> None:
    try:
        await verb(session)
    finally:
        await session.close()


def _told(failure: Failure, *, endless: bool) -> int:
    """Say what went wrong, in one line, and give the exit status."""
    error = failure.value
    if isinstance(error, CancelledError):
        return 0 if endless else INTERRUPTED
    if isinstance(error, BrokenPipeError):
        return 0  # whoever read has had enough
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    complain(error)
    return FAILED


def complain(error: object) -> None:
    """One line on standard error."""
    if isinstance(error, NatsError):
        text = str(error)
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror.lower()}: {error.filename}" if error.filename else error.strerror.lower()
    else:
        text = f"{type(error).__name__}: {error}"
    sys.stderr.write("txnats: " + " ".join(text.split()) + "\n")


def _leave(status: int) -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would complain at its own exit otherwise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)
