"""A verb's life: its reactor, its client, Ctrl-C, and what its end means for the exit status."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from functools import cached_property
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.logger import globalLogBeginner, textFileLogObserver

import txnats

from .. import events
from ..client import Client
from ..errors import NatsError, PermissionDenied
from .complaints import INTERRUPTED, complain, debugging, line_of, tell
from .output import Output
from .pipes import Input
from .settings import Settings

DRAIN = 5.0


class Session:
    """What a verb works with.

    Attributes:
        reactor: The reactor.
        settings: What it was told.
        out: Where its words go.
        endless: Whether Ctrl-C is the verb's usual end, and so no failure.
        status: The exit status, as far as it is known.
    """

    def __init__(self, reactor: Any, settings: Settings) -> None:
        self.reactor = reactor
        self.settings = settings
        self.out = Output(as_json=bool(settings.json), on_gone=self._nobody_reads)
        self.endless = False
        self.status = 0
        self._clients: list[Client] = []
        self._told: list[Deferred[None]] = []
        self._work: Deferred[None] | None = None
        self._end: NatsError | None = None
        self._is_ending = False
        self._denied: str | None = None

    @cached_property
    def input(self) -> Input:
        """Standard input."""
        return Input(self.reactor)

    async def connect(self) -> Client:
        """A connected client, drained at the end. What happens to it meanwhile is told on standard error."""
        client = await txnats.connect(self.reactor, **self.settings.connect_options(), on_event=self._happened)
        self._clients.append(client)
        client.when_closed().addCallback(self._closed)
        return client

    def interrupted(self) -> Deferred[None]:
        """Fires at Ctrl-C, for verbs that have no other end."""
        self.endless = True
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

    def stop(self) -> None:
        """Ctrl-C, or something that is as good: whoever waits for it is told, else the verb is cancelled."""
        told, self._told = self._told, []
        for waiter in told:
            waiter.callback(None)
        if not told and self._work is not None:
            self._work.cancel()

    def run(self, verb: Callable[[Session], Coroutine[Any, Any, object]]) -> Deferred[None]:
        """Run a verb; fires at its end, whatever that is, when ``status`` is known."""
        self._work = Deferred.fromCoroutine(self._whole(verb))
        return self._work

    async def _whole(self, verb: Callable[[Session], Awaitable[object]]) -> None:
        try:
            try:
                await verb(self)
            finally:
                self._is_ending = True
                for client in self._clients:
                    await client.drain(DRAIN)
        except BaseException as error:
            if isinstance(error, GeneratorExit):
                raise
            self._failed(error)
        if self._end is not None and not self.status:
            self.status = complain(self._end)

    def _failed(self, error: BaseException) -> None:
        if self._end is not None:
            error, self._end = self._end, None
        if isinstance(error, PermissionDenied) and error.subject == self._denied:
            return  # it is told
        status = complain(error)
        self.status = 0 if status == INTERRUPTED and self.endless else status or self.status

    def _closed(self, reason: NatsError | None) -> None:
        """The client has given up, and so has the verb."""
        if reason is not None and not self._is_ending:
            self._end = reason
            self.stop()

    def _nobody_reads(self) -> None:
        self.endless = True
        self.reactor.callLater(0, self.stop)

    def _happened(self, event: events.Event) -> None:
        match event:
            case events.Disconnected() if not self._is_ending:
                tell(f"disconnected: {line_of(event.reason)}; connecting anew")
            case events.Reconnected():
                tell(f"connected again: {event.server}")
            case events.SlowConsumer():
                tell(f"{event.dropped:,} messages came faster than they could be taken, and are lost")
            case events.HandlerFailed():
                complain(event.error)
            case events.PermissionDenied() if event.operation != "subscribe":
                # A publish has no other way to tell it; whoever waits for something hears it, too.
                self._denied = event.subject
                self.status = complain(PermissionDenied(event.operation, event.subject))


def server_of(client: Client) -> str:
    """The server in use by the name it was given, or by its address."""
    told = client.server_info
    return told.server_name if told.server_name not in ("", told.server_id) else f"{told.host}:{told.port}"


def run(settings: Settings, verb: Callable[[Session], Coroutine[Any, Any, object]]) -> int:
    """Run a verb to its end; returns its exit status."""
    from twisted.internet import reactor as chosen  # noqa: PLC0415  # the program chooses, and not the import

    reactor: Any = chosen
    observers = [textFileLogObserver(sys.stderr)] if debugging() else []
    globalLogBeginner.beginLoggingTo(observers, redirectStandardIO=False, discardBuffer=True)
    session = Session(reactor, settings)
    pressed: list[None] = []

    def interrupt(*_: object) -> None:
        if len(pressed) > 1:
            os._exit(INTERRUPTED)  # thrice: whoever presses it wants no more waiting
        pressed.append(None)
        reactor.callFromThread(session.stop)

    def begin() -> None:
        # Behind the reactor's own handlers, of which the one for the ends of processes stays.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, interrupt)
        session.run(verb).addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    return session.status
