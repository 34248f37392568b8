"""A ``twisted.logger`` observer that publishes what a program logs."""

from __future__ import annotations

import re
from collections import deque
from typing import Any

import msgspec
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from twisted.python import threadable
from twisted.python.failure import Failure
from zope.interface import implementer

from .. import events
from ..client import Client
from ..errors import InvalidArgument, InvalidOption, NatsError
from ..options import check_count
from ..redaction import without_secrets
from ..statistics import Status
from ..subjects import check_publish

MOST_TEXT = 16_384
"""Characters of a text; the rest is cut off."""
OUR_OWN = "txnats"
_LEVELS = tuple(LogLevel.iterconstants())
_LOGIN = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@]+@", re.IGNORECASE)
_NAMED = re.compile(
    r"""((?:password|passwd|secret|token|seed|api_?key|authorization|credentials)["']?\s*[:=]).*""",
    re.IGNORECASE | re.DOTALL,
)
_KEY = re.compile(r"\bS[ACNOUX][A-Z2-7]{40,}|\beyJ[\w-]+\.[\w.-]+")
"""Seeds of nkeys, and JWTs."""


class LogRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One log event, as it is published in JSON.

    Attributes:
        time: Seconds since the start of 1970.
        level: ``debug``, ``info``, ``warn``, ``error`` or ``critical``.
        namespace: Which logger.
        text: The event's text, without secrets.
        source: Who logs: what ``LogPublisher`` was told.
        failure: The exception, if it tells of one: its name and text.
        traceback: Where it came from, without variables.
        dropped: Log events before this one that found no room.
    """

    time: float
    level: str
    namespace: str
    text: str
    source: str = ""
    failure: str = ""
    traceback: str = ""
    dropped: int = 0


@implementer(ILogObserver)
class LogPublisher:
    """Publishes log events as JSON on ``SUBJECT.LEVEL``: ``globalLogPublisher.addObserver(LogPublisher(client))``.

    It never waits and never grows: while there is no connection, or much waits to be sent, the newest ``limit`` events
    are kept and older ones are dropped and counted. What this library logs is not published, nor is anything that is
    logged because of publishing, so that no event makes another. Only the text of an event is sent, without logins,
    tokens and keys; none of its other fields. It may be called from any thread.

    Args:
        client: Publishes; hooks are not told.
        subject: First tokens of the subjects.
        level: The least that is published.
        source: Who logs, in each record: a host, an instance.
        limit: Events that may wait here.
        most_waiting: Bytes that may wait in the client before events are held back here.

    Attributes:
        dropped: Events that found no room, in all.
    """

    def __init__(
        self,
        client: Client,
        subject: str = "logs",
        *,
        level: Any = LogLevel.info,
        source: str = "",
        limit: int = 1000,
        most_waiting: int = 262_144,
    ) -> None:
        check_publish(subject, "publish logs")
        if level not in _LEVELS:
            raise InvalidOption("level is none of twisted.logger.LogLevel")
        check_count("limit", limit)
        check_count("most_waiting", most_waiting)
        self._client = client
        self._subject = subject
        self._source = source
        self._least = _LEVELS.index(level)
        self._most_waiting = most_waiting
        self._waiting: deque[LogRecord] = deque(maxlen=limit)
        self._publishing = False
        self._called = False
        self._closed = False
        self._untold = 0
        self.dropped = 0
        self._events = client.events().call(self._told)

    def __call__(self, event: LogEvent) -> None:
        """Take one log event."""
        level = event.get("log_level", LogLevel.info)
        namespace = str(event.get("log_namespace", ""))
        if self._closed or self._publishing or level not in _LEVELS or _LEVELS.index(level) < self._least:
            return
        if namespace == OUR_OWN or namespace.startswith(OUR_OWN + "."):
            return
        if len(self._waiting) == self._waiting.maxlen:
            self.dropped += 1
            self._untold += 1
        self._waiting.append(_record(event, level.name, namespace, self._source))
        # Before the reactor runs no thread is registered as its own.
        here: Any = threadable.ioThread
        if here is None or threadable.isInIOThread():
            self._publish()
        elif not self._called:
            self._called = True
            reactor: Any = self._client.clock
            if IReactorFromThreads.providedBy(reactor):
                reactor.callFromThread(self._publish)

    @property
    def waiting(self) -> int:
        """Events that are held back."""
        return len(self._waiting)

    def close(self) -> None:
        """Publish no more; what waits is dropped. Take it out of the observers, too."""
        self._closed = True
        self._waiting.clear()
        self._events.close()

    # Inside

    def _told(self, event: events.Event) -> None:
        match event:
            case events.Connected() | events.Reconnected():
                self._publish()
            case events.Closed():
                self.close()

    def _publish(self) -> None:
        """Publish what waits, as far as there is room."""
        self._called = False
        if self._publishing:
            return
        self._publishing = True
        try:
            while self._waiting and self._has_room():
                record = self._waiting[0]
                if self._untold:
                    record = msgspec.structs.replace(record, dropped=self._untold)
                self._send(record)
                self._waiting.popleft()
        except NatsError:
            # It would be logged, and that published: it waits for a better time.
            pass
        finally:
            self._publishing = False

    def _send(self, record: LogRecord) -> None:
        try:
            Client.publish(self._client, f"{self._subject}.{record.level}", msgspec.json.encode(record))
            self._untold = 0
        except InvalidArgument:
            # This server takes no messages of that size, and never will.
            self.dropped += 1
            self._untold += 1

    def _has_room(self) -> bool:
        client = self._client
        return client.status is Status.CONNECTED and client.statistics.waiting_bytes < self._most_waiting


def _record(event: LogEvent, level: str, namespace: str, source: str) -> LogRecord:
    failure = event.get("log_failure")
    named, traceback = "", ""
    if isinstance(failure, Failure):
        named = f"{failure.type.__name__ if failure.type else ''}: {failure.getErrorMessage()}"
        traceback = failure.getBriefTraceback()
    time = event.get("log_time", 0.0)
    return LogRecord(time, level, namespace, _clean(formatEvent(event)), source, _clean(named), _clean(traceback))


def _clean(text: str) -> str:
    """A text without secrets, and not too long."""
    clean = _KEY.sub("***", _LOGIN.sub(r"\1***@", text[: 2 * MOST_TEXT]))
    clean = without_secrets(_NAMED.sub(r"\1***", clean))
    return clean if len(clean) <= MOST_TEXT else clean[:MOST_TEXT] + "..."
