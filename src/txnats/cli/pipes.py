"""Standard input and output, read and written in a thread: the connection lives on while the other side takes its time.

The thread is a daemon and holds no lock of Python's files, so that one that is stuck keeps no process alive.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Self, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..errors import InvalidArgument

CHUNK = 128 * 1024
MOST_BODY = 64 * 1024 * 1024
"""No server takes a larger message."""
T = TypeVar("T")


class Worker:
    """A thread that does one thing after the other; it begins with the first."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._calls: SimpleQueue[tuple[Deferred[Any], Callable[[], Any]]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def do(self, call: Callable[[], T]) -> Deferred[T]:
        """Call it there. Cancelling forgets what comes of it."""
        done: Deferred[T] = Deferred()
        self._calls.put((done, call))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        return done

    def _run(self) -> None:
        while True:
            done, call = self._calls.get()
            try:
                result: Any = call()
            except Exception:
                result = Failure()
            self._reactor.callFromThread(done.callback, result)


class Input:
    """A descriptor that is read, bit by bit: ``async for chunk in ...``."""

    def __init__(self, reactor: Any, descriptor: int = 0) -> None:
        self._worker = Worker(reactor)
        self._descriptor = descriptor

    def chunk(self) -> Deferred[bytes]:
        """What is there, or comes next; nothing at the end."""
        return self._worker.do(lambda: os.read(self._descriptor, CHUNK))

    async def whole(self) -> bytes:
        """All of it.

        Raises:
            InvalidArgument: It is more than a message can hold.
        """
        parts, size = [], 0
        async for chunk in self:
            parts.append(chunk)
            size += len(chunk)
            if size > MOST_BODY:
                raise _too_large()
        return b"".join(parts)

    def lines(self) -> Lines:
        """Line by line, without the line's end."""
        return Lines(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self.chunk()
        if not chunk:
            raise StopAsyncIteration
        return chunk


class Lines:
    """An input's lines, as they come; the last need not have an end."""

    def __init__(self, source: Input) -> None:
        self._source = source
        self._rest = b""
        self._lines: list[bytes] = []
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self._lines:
            if self._ended:
                raise StopAsyncIteration
            chunk = await self._source.chunk()
            if not chunk:
                self._ended = True
                self._lines = [self._rest] if self._rest else []
                continue
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            if len(self._rest) > MOST_BODY:
                raise _too_large()
            self._lines = lines[::-1]
        return self._lines.pop()


class Sink:
    """A descriptor that is written to, as fast as its reader takes it."""

    def __init__(self, reactor: Any, descriptor: int = 1) -> None:
        self._worker = Worker(reactor)
        self._descriptor = descriptor

    def write(self, data: bytes) -> Deferred[None]:
        """Write all of it."""
        return self._worker.do(lambda: self._write(data))

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def _too_large() -> InvalidArgument:
    return InvalidArgument(
        "standard input is too large for a message",
        why=f"no server takes more than {MOST_BODY:,} bytes",
        hint="`txnats object put` stores any size",
    )
