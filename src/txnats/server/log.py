"""What a server writes: kept in a bounded memory, waited for by its words, and copied to a file if one is wanted."""

from __future__ import annotations

import threading
from collections import deque
from time import monotonic
from typing import BinaryIO

_LINE_LIMIT = 8 * 1024
_MEMORY_LIMIT = 512 * 1024
_LINE_OVERHEAD = 64


class ServerLog:
    """The last half megabyte of lines. It may be read and waited on from any thread.

    Args:
        path: A file that every line is appended to.
    """

    def __init__(self, path: str | None = None) -> None:
        self._path = path
        self._lines: deque[str] = deque()
        self._size = 0
        self._dropped = 0
        self._changed = threading.Condition()
        self._writers = 0

    @property
    def position(self) -> int:
        """How many lines there have been: a place to look from, later."""
        with self._changed:
            return self._dropped + len(self._lines)

    def tail(self, lines: int | None = None) -> str:
        """The last ``lines`` lines, or all that are remembered."""
        with self._changed:
            kept = list(self._lines)
        return "\n".join(kept if lines is None else kept[len(kept) - min(lines, len(kept)) :])

    def wait_for(self, *texts: str, since: int, timeout: float) -> str | None:
        """The first line from position ``since`` on that holds one of ``texts``; None if none came.

        It gives up early when the server that writes has gone.
        """
        deadline = monotonic() + timeout
        with self._changed:
            while True:
                seen = max(since, self._dropped)
                for line in list(self._lines)[seen - self._dropped :]:
                    if any(text in line for text in texts):
                        return line
                since = self._dropped + len(self._lines)
                if not self._writers or not self._changed.wait(max(0.0, deadline - monotonic())):
                    return None

    def attach(self) -> None:
        """Somebody is about to write: say so before ``drain`` runs in its thread."""
        with self._changed:
            self._writers += 1

    def drain(self, pipe: BinaryIO) -> None:
        """Read ``pipe`` to its end and close it; the server never waits for a reader."""
        copy: BinaryIO | None = None
        try:
            if self._path is not None:
                copy = self._open(self._path)
            while line := pipe.readline(_LINE_LIMIT):
                self._add(line)
                if copy is not None:
                    copy = self._copy(copy, line)
        finally:
            pipe.close()
            if copy is not None:
                copy.close()
            with self._changed:
                self._writers -= 1
                self._changed.notify_all()

    def _open(self, path: str) -> BinaryIO | None:
        try:
            return open(path, "ab", buffering=0)
        except OSError as error:
            self._add(f"(no copy of this log is kept: {error})".encode())
            return None

    def _copy(self, copy: BinaryIO, line: bytes) -> BinaryIO | None:
        """A full disk must stop the copy, not the server, which would block on a pipe that nobody reads."""
        try:
            copy.write(line)
        except OSError as error:
            copy.close()
            self._add(f"(the copy of this log ends here: {error})".encode())
            return None
        return copy

    def _add(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        with self._changed:
            self._lines.append(text)
            self._size += len(text) + _LINE_OVERHEAD
            while self._size > _MEMORY_LIMIT:
                self._size -= len(self._lines.popleft()) + _LINE_OVERHEAD
                self._dropped += 1
            self._changed.notify_all()
