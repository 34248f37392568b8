"""What can be put: bytes, a path, a file, an iterable of bytes, a Twisted producer; each read bit by bit."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from zope.interface import implementer

from ..errors import InvalidArgument

MOST_WAITING = 1024 * 1024
"""Bytes of a producer that may wait; beyond that it is asked to pause."""


class Source(Protocol):
    """Bytes, read bit by bit.

    Attributes:
        total: How many there will be, if that is known.
    """

    total: int | None

    def read(self, size: int) -> Deferred[bytes]:
        """Some bytes, about so many; none at the end. Asked again only when this was answered."""

    def close(self) -> None:
        """Nothing more is wanted, or there is nothing more."""


def source_of(what: Any) -> Source:
    """A source for whatever can be one.

    Raises:
        InvalidArgument: It cannot.
        OSError: The file cannot be opened.
    """
    if isinstance(what, (bytes, bytearray, memoryview)):
        return BytesSource(bytes(what))
    if isinstance(what, os.PathLike):
        file = Path(what).open("rb")  # noqa: SIM115  # closed by the source
        return FileSource(file, os.fstat(file.fileno()).st_size, owned=True)
    if isinstance(what, Inlet):
        return what
    if hasattr(what, "startProducing"):
        return Inlet.fed_by(what)
    if hasattr(what, "read"):
        return FileSource(what, None, owned=False)
    if isinstance(what, AsyncIterable):
        return AsyncSource(aiter(what))
    if isinstance(what, Iterable) and not isinstance(what, str):
        return IterableSource(iter(what))
    hint = "encode it, or give a pathlib.Path" if isinstance(what, str) else ""
    raise InvalidArgument(f"{type(what).__name__} cannot be put", hint=hint)


class BytesSource:
    """Bytes that are there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self.total: int | None = len(data)

    def read(self, size: int) -> Deferred[bytes]:
        part = self._data[self._at : self._at + size]
        self._at += size
        return succeed(part)

    def close(self) -> None:
        self._data = b""


class FileSource:
    """A file. It is read in the reactor's thread, as Twisted's own FileSender does."""

    def __init__(self, file: BinaryIO, total: int | None, *, owned: bool) -> None:
        self._file = file
        self._owned = owned
        self.total = total

    def read(self, size: int) -> Deferred[bytes]:
        data: Any = self._file.read(size)
        if isinstance(data, str):
            raise InvalidArgument("the file gives text", hint="open it in binary mode")
        return succeed(data or b"")

    def close(self) -> None:
        if self._owned:
            self._file.close()


class IterableSource:
    """Pieces of any size."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.total: int | None = None

    def read(self, size: int) -> Deferred[bytes]:
        for piece in self._pieces:
            if piece:
                return succeed(_checked(piece))
        return succeed(b"")

    def close(self) -> None:
        close = getattr(self._pieces, "close", None)
        if close is not None:
            with suppress(Exception):
                close()


class AsyncSource:
    """Pieces of any size that have to be waited for."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self.total: int | None = None

    def read(self, size: int) -> Deferred[bytes]:
        return Deferred.fromCoroutine(self._read())

    async def _read(self) -> bytes:
        while True:
            try:
                piece = await anext(self._pieces)
            except StopAsyncIteration:
                return b""
            if piece:
                return _checked(piece)

    def close(self) -> None:
        close = getattr(self._pieces, "aclose", None) or getattr(self._pieces, "close", None)
        if close is None:
            return
        with suppress(Exception):
            closing = close()
            if hasattr(closing, "__await__"):
                Deferred.fromCoroutine(_awaited(closing)).addErrback(lambda _: None)


@implementer(IConsumer)
class Inlet:
    """A Twisted consumer whose bytes are read here.

    A producer that is faster than the store is asked to pause.

    Attributes:
        total: Bytes that the producer says that it has.
    """

    def __init__(self, total: int | None = None) -> None:
        self.total = total
        self._pieces: deque[bytes] = deque()
        self._waiting = 0
        self._ended = False
        self._error: BaseException | None = None
        self._producer: Any = None
        self._streaming = True
        self._paused = False
        self._reader: Deferred[bytes] | None = None
        self._body: Any = None

    @classmethod
    def fed_by(cls, body: Any) -> Inlet:
        """Of an IBodyProducer: it begins at once."""
        length = getattr(body, "length", None)
        inlet = cls(length if isinstance(length, int) and not isinstance(length, bool) else None)
        inlet._body = body
        done = body.startProducing(inlet)
        inlet._streaming_body(done)
        return inlet

    def _streaming_body(self, done: Deferred[Any]) -> None:
        self._producer = self._producer or self._body
        done.addCallbacks(lambda _: self.unregisterProducer(), self.fail)

    # IConsumer

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """A producer begins."""
        if self._producer is not None and self._producer is not self._body:
            raise RuntimeError("there is a producer already")
        self._producer, self._streaming = producer, streaming
        if self._ended:
            producer.stopProducing()
        elif not streaming:
            producer.resumeProducing()

    def write(self, data: bytes) -> None:
        """Some bytes."""
        if self._ended or not data:
            return
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.callback(_checked(data))
        else:
            self._pieces.append(_checked(data))
            self._waiting += len(data)
            if self._waiting >= MOST_WAITING and self._streaming and not self._paused and self._producer is not None:
                self._paused = True
                self._producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """There is nothing more."""
        self._finish(None)

    def fail(self, failure: Failure) -> None:
        """The producer cannot go on."""
        self._finish(failure.value)

    # Source

    def read(self, size: int) -> Deferred[bytes]:
        if self._pieces:
            piece = self._pieces.popleft()
            self._waiting -= len(piece)
            self._go_on()
            return succeed(piece)
        if self._error is not None:
            raise self._error
        if self._ended:
            return succeed(b"")
        reader: Deferred[bytes] = Deferred(self._forget)
        self._reader = reader
        self._go_on()
        return reader

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            if self._producer is not None:
                self._producer.stopProducing()
        self._pieces.clear()

    def _go_on(self) -> None:
        if self._producer is None or self._ended:
            return
        if not self._streaming:
            if not self._pieces:
                self._producer.resumeProducing()
        elif self._paused and self._waiting <= MOST_WAITING // 2:
            self._paused = False
            self._producer.resumeProducing()

    def _finish(self, error: BaseException | None) -> None:
        if self._ended:
            return
        self._ended = True
        self._error = error
        self._producer = None
        reader, self._reader = self._reader, None
        if reader is not None and not reader.called:
            if error is None:
                reader.callback(b"")
            else:
                reader.errback(error)

    def _forget(self, _: Deferred[bytes]) -> None:
        self._reader = None


def _checked(piece: Any) -> bytes:
    if not isinstance(piece, (bytes, bytearray, memoryview)):
        raise InvalidArgument(f"an object is made of bytes, not {type(piece).__name__}")
    return piece if isinstance(piece, bytes) else bytes(piece)


async def _awaited(closing: Any) -> None:
    await closing
