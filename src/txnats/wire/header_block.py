"""The header block of an HMSG or HPUB.

::

    NATS/1.0[ <code>[ <description>]] CRLF
    (<name>:<value> CRLF)*
    CRLF

Source: ADR-4.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ..errors import HeadersTooLarge, InvalidHeader, RemoteProtocolError
from ..headers import GOOD_NAMES, NAME_CHARACTERS, Headers, HeaderSource

_STARTS = (b"NATS/1.0\r", b"NATS/1.0 ", b"NATS/1.0\t")
_NO_STATUS = _STARTS[0]
_END = b"\r\n\r\n"
_BLANKS = b" \t"
MOST = 64 * 1024
"""Bytes of a block, unless the limits say otherwise."""
_UNFIT = re.compile(r"[\r\n\0]")


def encode(source: HeaderSource, limit: int = MOST) -> bytes:
    """The block of these headers.

    Those that a user put into Headers were checked then; those that came off the wire may hold what we must not send.

    Raises:
        InvalidHeader: A name or value cannot be sent unchanged, or the block has more bytes than the limit.
    """
    lines = _plain_lines(source) if source.__class__ is dict else None
    if lines is None:
        headers = source if isinstance(source, Headers) else Headers(source)
        pairs = headers.items()
        if not headers.is_checked and any(_UNFIT.search(value) for _, value in pairs):
            raise InvalidHeader("the headers cannot be sent", why="a value holds CR, LF or NUL")
        lines = "".join([f"{name}: {value}\r\n" for name, value in pairs])
    block = b"NATS/1.0\r\n" + lines.encode("utf-8", "surrogateescape") + b"\r\n"
    if len(block) > limit:
        raise HeadersTooLarge(size=len(block), limit=limit)
    return block


def _plain_lines(source: Any) -> str | None:
    """The lines of a plain dict without the detour over Headers; None when a value needs more than a look."""
    lines = ""
    for name, value in source.items():
        if name not in GOOD_NAMES or value.__class__ is not str or not value.isalnum():
            return None
        # Joined, not formatted: a str of the user's own class may print as something else.
        lines += name + ": " + value + "\r\n"
    return lines


class HeaderBlock(msgspec.Struct, eq=False):
    """A block as it came, with a right frame; lines and status are read when somebody asks.

    Attributes:
        raw: Every byte, the blank line at the end included.
    """

    raw: bytes
    _headers: Headers | None = None

    @property
    def status(self) -> int | None:
        """The three-digit code of the first line, or None."""
        if self.raw.startswith(_NO_STATUS):
            return None
        code = self.raw[8:].lstrip(_BLANKS)[:3]
        return int(code) if len(code) == 3 and code.isdigit() else None

    @property
    def description(self) -> str:
        """The text behind the code; empty when there is none."""
        if self.status is None:
            return ""
        line = self.raw[8 : self.raw.index(b"\r\n")].strip(_BLANKS)
        return line[3:].strip(_BLANKS).decode("utf-8", "surrogateescape")

    def headers(self) -> Headers:
        """All headers in order.

        Raises:
            RemoteProtocolError: A line is no header.
        """
        if self._headers is None:
            self._headers = Headers.trusted(_decode_lines(self.raw))
        return self._headers


def header_block(raw: bytes) -> HeaderBlock:
    """A block whose frame is right; its lines are looked at when they are read.

    Raises:
        RemoteProtocolError: It does not start or end as a block must.
    """
    if raw[:9] not in _STARTS or raw[-4:] != _END:
        raise RemoteProtocolError("a header block has a wrong start or end", snippet=raw)
    return HeaderBlock(raw)


def _decode_lines(raw: bytes) -> list[tuple[str, str]]:
    pairs = []
    lines = raw[: -len(_END)].decode("utf-8", "surrogateescape").split("\r\n")
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or not NAME_CHARACTERS.issuperset(name):
            raise RemoteProtocolError("a header line cannot be read", snippet=line.encode("utf-8", "surrogateescape"))
        pairs.append((name, value.strip(" \t")))
    return pairs
