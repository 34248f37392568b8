"""Where events go: the log, the caller's callable, and every iterator."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Self

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from . import events
from .errors import NatsError, RemoteProtocolError
from .streams import Queue

_LEVELS: dict[type, LogLevel] = {
    events.AttemptFailed: LogLevel.warn,
    events.Disconnected: LogLevel.warn,
    events.SlowConsumer: LogLevel.warn,
    events.PermissionDenied: LogLevel.warn,
    events.AuthenticationExpired: LogLevel.warn,
    events.CredentialsReadable: LogLevel.warn,
    events.ServerErrorReported: LogLevel.warn,
    events.BadHeaders: LogLevel.warn,
    events.ServersDiscovered: LogLevel.debug,
}


class EventStream(Queue[events.Event]):
    """Everything that happens to a client from now on. Made by ``Client.events``; ends after Closed.

    Attributes:
        missed: Events that were dropped, oldest first, because they were not taken in time.
    """

    __slots__ = ("_last", "_left", "_listener")
    log = Logger()

    def __init__(self, clock: IReactorTime, limit: int, left: Callable[[EventStream], None]) -> None:
        super().__init__(clock, limit)
        self._left = left
        self._listener: Callable[[events.Event], object] | None = None
        self._last: Callable[[NatsError | None], object] | None = None

    def call(
        self, listener: Callable[[events.Event], object], last: Callable[[NatsError | None], object] | None = None
    ) -> Self:
        """Call this with each event at the moment when it happens, until ``close``; nothing is queued any more.

        A new connection has been told the subscriptions when Reconnected comes: what is published then is the first
        thing after them. What the listener raises is logged.

        Args:
            listener: It.
            last: Called, with the reason that Closed will have, when the client is closed while it is connected: what
                is published then still leaves. Closed comes when nothing does any more.
        """
        self._listener = listener
        self._last = last
        return self

    def tell(self, event: events.Event) -> None:
        """Something has happened."""
        if self._listener is None:
            self._put(event)
        elif not self._ended:
            try:
                self._listener(event)
            except BaseException:  # as Twisted does with callbacks: told, and nothing else ends
                self.log.failure("a listener raised for {nats_event!r}", nats_event=event)
        if isinstance(event, events.Closed):
            self._finish()

    def part(self, reason: NatsError | None) -> None:
        """The client is about to close."""
        last, self._last = self._last, None
        if last is not None:
            try:
                last(reason)
            except BaseException:  # as for events
                self.log.failure("a last word raised")

    def _released(self) -> None:
        self._listener = self._last = None
        self._left(self)


class EventHub:
    """Tells everybody who wants to know.

    Args:
        clock: For iterators.
        limit: Events that may wait in one iterator.
        on_event: Called with each event; what it raises is logged.
        name: The client's name in the log.
    """

    log = Logger()

    def __init__(
        self, clock: IReactorTime, limit: int, on_event: Callable[[events.Event], object] | None, name: str | None
    ) -> None:
        self._clock = clock
        self._limit = limit
        self._on_event = on_event
        self._name = name or "nats"
        self._streams: set[EventStream] = set()
        self._untold: deque[events.Event] = deque()
        self._bad_headers_told = False
        self._closed: events.Closed | None = None

    def stream(self) -> EventStream:
        """A new iterator; after the end it gives Closed and ends."""
        stream = EventStream(self._clock, self._limit, self._streams.discard)
        if self._closed is None:
            self._streams.add(stream)
        else:
            stream.tell(self._closed)
        return stream

    def tell(self, event: events.Event) -> None:
        """Something has happened. What happens while others are being told waits for its turn."""
        self._untold.append(event)
        if len(self._untold) > 1:
            return
        while self._untold:
            try:
                self._tell_all(self._untold[0])
            finally:
                self._untold.popleft()

    def part(self, reason: NatsError | None) -> None:
        """The client is about to close: who has a last word says it now, and not when others have been told."""
        for stream in list(self._streams):
            stream.part(reason)

    def _tell_all(self, event: events.Event) -> None:
        self._log(event)
        match event:
            case events.Closed():
                self._closed = event
            case events.Connected() | events.Reconnected():
                self._bad_headers_told = False
        for stream in list(self._streams):
            stream.tell(event)
        if self._on_event is not None:
            try:
                self._on_event(event)
            except BaseException:  # as Twisted does with callbacks: told, and nothing else ends
                self.log.failure("on_event raised for {event!r}", event=event)

    def bad_headers(self, error: RemoteProtocolError) -> None:
        """Tell of headers that cannot be read, once a connection."""
        if not self._bad_headers_told:
            self._bad_headers_told = True
            self.tell(events.BadHeaders(error))

    def _log(self, event: events.Event) -> None:
        if isinstance(event, events.HandlerFailed):
            failure = Failure(event.error, type(event.error), event.error.__traceback__)
            self.log.failure(
                "{client}: a handler of {subject!r} raised",
                failure=failure,
                client=self._name,
                subject=event.subscription.subject,
                nats_event=event,
            )
        else:
            level = _LEVELS.get(type(event), LogLevel.info)
            self.log.emit(level, "{client}: {nats_event!r}", client=self._name, nats_event=event)
