"""Bytes cut into chunks, and chunks checked as they come. It answers, and does no I/O.

Source: ADR-20.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256

from .errors import ChunksMissing, DigestMismatch, ObjectDamaged, SizeMismatch
from .info import ALGORITHM, ObjectInfo


class Cutter:
    """Cuts what comes in pieces of any size into chunks of one.

    Args:
        size: Bytes of a chunk; the last one may be shorter.

    Attributes:
        total: Bytes that went in.
        chunks: Chunks that came out.
    """

    __slots__ = ("_parts", "_size", "_waiting", "chunks", "total")

    def __init__(self, size: int) -> None:
        self._size = size
        self._parts: list[bytes | memoryview] = []
        self._waiting = 0
        self.total = 0
        self.chunks = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The chunks that are full now."""
        if not self._waiting and len(data) == self._size:
            yield self._out(data)
            return
        rest = memoryview(data)
        while self._waiting + len(rest) >= self._size:
            cut = self._size - self._waiting
            self._parts.append(rest[:cut])
            yield self._out(self._joined())
            rest = rest[cut:]
        if len(rest):
            self._parts.append(bytes(rest))
            self._waiting += len(rest)

    def end(self) -> Iterator[bytes]:
        """What is left."""
        if self._waiting:
            yield self._out(self._joined())

    def _joined(self) -> bytes:
        chunk = b"".join(self._parts)
        self._parts.clear()
        self._waiting = 0
        return chunk

    def _out(self, chunk: bytes) -> bytes:
        self.total += len(chunk)
        self.chunks += 1
        return chunk


class Check:
    """Checks an object's chunks as they come, from the first to the last.

    Args:
        info: What the object is to be.

    Attributes:
        size: Bytes that came.
        chunks: Chunks that came.
    """

    __slots__ = ("_digest", "_info", "chunks", "size")

    def __init__(self, info: ObjectInfo) -> None:
        self._info = info
        self._digest = sha256()
        self.size = 0
        self.chunks = 0

    def take(self, chunk: bytes, pending: int) -> ObjectDamaged | None:
        """One more chunk.

        Args:
            chunk: It.
            pending: How many the store has behind it.

        Returns:
            What is wrong, told before the chunk that shows it is handed on; None when all is well so far.
        """
        info = self._info
        self._digest.update(chunk)
        self.size += len(chunk)
        self.chunks += 1
        if self.chunks < info.chunks:
            if self.size > info.size:
                return SizeMismatch(info.store, info.name, expected=info.size, actual=self.size)
            if not pending:
                return ChunksMissing(info.store, info.name, expected=info.chunks, actual=self.chunks)
            return None
        # The digest says more than the size, where there is one.
        damage: ObjectDamaged | None = self._checked()
        if damage is None and self.size != info.size:
            damage = SizeMismatch(info.store, info.name, expected=info.size, actual=self.size)
        return damage

    def empty(self) -> ObjectDamaged | None:
        """There are no chunks."""
        info = self._info
        return SizeMismatch(info.store, info.name, expected=info.size, actual=0) if info.size else None

    @property
    def is_whole(self) -> bool:
        """Whether all chunks came."""
        return self.chunks >= self._info.chunks

    def _checked(self) -> DigestMismatch | None:
        info = self._info
        actual = self._digest.digest()
        if not info.digest or digest_bytes(info.digest) == actual:
            return None
        return DigestMismatch(info.store, info.name, expected=info.digest, actual=digest_text(actual))


def digest_text(digest: bytes) -> str:
    """A SHA-256 as it is stored."""
    return ALGORITHM + urlsafe_b64encode(digest).decode()


def digest_bytes(text: str) -> bytes | None:
    """A SHA-256 from its text, padded or not; None when it is none."""
    name, equals, value = text.partition("=")
    if not equals or name.upper() != "SHA-256":
        return None
    try:
        return urlsafe_b64decode(value.rstrip("=") + "=" * (-len(value.rstrip("=")) % 4))
    except ValueError:
        return None
