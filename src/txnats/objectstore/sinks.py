"""Where an object can go: bytes, a path, a file, a Twisted consumer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from ..errors import InvalidArgument, NatsError
from ..nuid import next_nuid


class SinkStopped(NatsError):
    """The consumer wants nothing more."""

    def __init__(self) -> None:
        super().__init__("the consumer that the object was written to has stopped")


class Sink(Protocol):
    """Takes an object, chunk by chunk, in order."""

    def write(self, chunk: bytes) -> Deferred[None]:
        """Fires when the next one may come."""

    def done(self) -> Any:
        """All came and it is right. What the caller gets instead of the object's info, or None."""

    def failed(self, error: BaseException) -> None:
        """Nothing more comes, and what came is not the object."""


def sink_of(what: Any) -> Sink:
    """A sink for whatever can be one.

    Raises:
        InvalidArgument: It cannot.
        OSError: The file cannot be opened.
    """
    if what is None:
        return BytesSink()
    if isinstance(what, os.PathLike):
        return PathSink(Path(what))
    if hasattr(what, "registerProducer"):
        return ConsumerSink(what)
    if hasattr(what, "write"):
        return FileSink(what)
    raise InvalidArgument(f"an object cannot be written to {type(what).__name__}")


class BytesSink:
    """All of it, in memory."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, chunk: bytes) -> Deferred[None]:
        self._parts.append(chunk)
        return succeed(None)

    def done(self) -> bytes:
        return b"".join(self._parts)

    def failed(self, error: BaseException) -> None:
        self._parts.clear()


class FileSink:
    """A file that somebody else has opened, and closes. After a failure it holds a part of the object."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, chunk: bytes) -> Deferred[None]:
        self._file.write(chunk)
        return succeed(None)

    def done(self) -> None:
        flush = getattr(self._file, "flush", None)
        if flush is not None:
            flush()

    def failed(self, error: BaseException) -> None:
        pass


class PathSink:
    """A file that is there when all of it is right, and not before: until then it has another name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.{next_nuid()}.part")
        self._file = self._part.open("xb")

    def write(self, chunk: bytes) -> Deferred[None]:
        self._file.write(chunk)
        return succeed(None)

    def done(self) -> None:
        self._file.close()
        self._part.replace(self._path)

    def failed(self, error: BaseException) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)


@implementer(IPushProducer)
class ConsumerSink:
    """A Twisted consumer: a transport, a request of twisted.web. It is written to as fast as it takes it.

    It has to learn that what came is not the object: a ``failed(error)`` of its own is called, else its connection is
    aborted, where it has one.
    """

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._paused = False
        self._stopped = False
        self._waiting: Deferred[None] | None = None
        consumer.registerProducer(self, True)

    def write(self, chunk: bytes) -> Deferred[None]:
        if self._stopped:
            raise SinkStopped
        self._consumer.write(chunk)
        if self._stopped:
            raise SinkStopped
        if not self._paused:
            return succeed(None)
        self._waiting = Deferred(self._forget)
        return self._waiting

    def done(self) -> None:
        self._leave()

    def failed(self, error: BaseException) -> None:
        stopped = self._stopped
        self._leave()
        if stopped:
            return
        told = getattr(self._consumer, "failed", None)
        if callable(told):
            told(error)
            return
        transport = getattr(self._consumer, "transport", None)
        for each in (self._consumer, transport):
            abort = getattr(each, "abortConnection", None) or getattr(each, "loseConnection", None)
            if callable(abort):
                abort()
                return

    def pauseProducing(self) -> None:
        """Write nothing more for now."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Go on."""
        self._paused = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def stopProducing(self) -> None:
        """It wants nothing more."""
        self._stopped = True
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.errback(SinkStopped())

    def _forget(self, _: Deferred[None]) -> None:
        self._waiting = None

    def _leave(self) -> None:
        if not self._stopped:
            self._consumer.unregisterProducer()
