"""What a client says to a server: bytes to commands, the other side of the protocol. Pure.

The grammar is what nats-server takes, which is more than clients send: op names in any case, fields apart by any run of
blanks, lines that end without CR, letters behind PING.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

_MAX_DIGITS = 18
_BLANKS = b" \t"
_FIELDS = re.compile(rb"[^ \t]+")
_OPERATIONS = (
    *(b"CONNECT", b"PING", b"PONG", b"+OK"),
    *(
        operation + blank
        for operation in (b"PUB", b"HPUB", b"SUB", b"UNSUB", b"INFO", b"-ERR")
        for blank in (b" ", b"\t")
    ),
)


class Connect(msgspec.Struct, frozen=True):
    """CONNECT, with the fields of its body."""

    fields: dict[str, Any]


class Ping(msgspec.Struct, frozen=True):
    """PING."""


class Pong(msgspec.Struct, frozen=True):
    """PONG."""


class Publish(msgspec.Struct, frozen=True, kw_only=True):
    """PUB or HPUB with its body.

    Attributes:
        headers: The header block; empty when an HPUB says that it has none, None for a PUB.
        sizes: The size or sizes as the sender wrote them: a server passes them on just so.
    """

    subject: bytes
    reply: bytes | None = None
    headers: bytes | None = None
    payload: bytes
    sizes: bytes


class Subscribe(msgspec.Struct, frozen=True):
    """SUB. The server takes anything as a ``sid``."""

    subject: bytes
    queue: bytes | None
    sid: bytes


class Unsubscribe(msgspec.Struct, frozen=True):
    """UNSUB. Without ``max_messages``, or with one that is no number above 0, it is for now."""

    sid: bytes
    max_messages: int


class Ignored(msgspec.Struct, frozen=True):
    """A line that means nothing to a server: +OK, or INFO with a body that can be read."""


class Violation(msgspec.Struct, frozen=True):
    """The bytes broke the protocol: the server says ``text``, if there is one, and closes. Nothing comes after it."""

    text: str | None


Command: TypeAlias = Connect | Ping | Pong | Publish | Subscribe | Unsubscribe | Ignored | Violation

UNKNOWN = Violation("Unknown Protocol Operation")
TOO_LARGE = Violation("Maximum Payload Violation")
TOO_LONG = Violation("maximum control line exceeded")
UNREADABLE = Violation(None)


class _Body(msgspec.Struct, frozen=True):
    """The line of a PUB or HPUB whose body is awaited."""

    subject: bytes
    reply: bytes | None
    header_size: int | None
    size: int
    sizes: bytes


class CommandParser:
    """Turns a client's bytes into commands, whatever pieces they come in.

    Attributes:
        control_line: Longest line, its operation not counted.
        max_payload: Bytes that one publish may have, headers included.
        headers: Whether HPUB is known.
    """

    def __init__(self, *, control_line: int = 4096, max_payload: int = 1_048_576, headers: bool = True) -> None:
        self.control_line = control_line
        self.max_payload = max_payload
        self.headers = headers
        self._buffer = bytearray()
        self._searched = 0
        self._body: _Body | None = None
        self._failed = False

    def feed(self, data: bytes) -> Iterator[Command]:
        """The commands that these bytes complete. After a Violation there are no more.

        Each is read when it is taken, so what one of them changes holds for the next.
        """
        self._buffer += data
        while not self._failed:
            command = self._next_line() if self._body is None else self._next_body(self._body)
            if command is None:
                return
            if isinstance(command, _Body):
                self._body = command
                continue
            self._failed = isinstance(command, Violation)
            yield command
        self._buffer.clear()

    def _next_line(self) -> Command | _Body | None:
        buffer = self._buffer
        end = buffer.find(b"\n", self._searched)
        start = bytes(buffer[:8]).upper()
        operation = next((each for each in _OPERATIONS if start.startswith(each)), None)
        if operation is None:
            could_become_one = any(each.startswith(start) for each in _OPERATIONS) and end < 0
            return None if could_become_one else UNKNOWN
        line = buffer[len(operation) : end if end >= 0 else None].lstrip(_BLANKS)
        if line.endswith(b"\r"):
            del line[-1:]
        if len(line) > self.control_line:
            return TOO_LONG
        if end < 0:
            self._searched = len(buffer)
            return None
        del buffer[: end + 1]
        self._searched = 0
        return self._command(operation.rstrip(_BLANKS), bytes(line))

    def _command(self, operation: bytes, line: bytes) -> Command | _Body:
        match operation:
            case b"PING":
                return Ping()
            case b"PONG":
                return Pong()
            case b"CONNECT":
                return _connect(line)
            case b"SUB":
                return _subscribe(_FIELDS.findall(line))
            case b"UNSUB":
                return _unsubscribe(_FIELDS.findall(line))
            case b"PUB":
                return self._publish(_FIELDS.findall(line), with_headers=False)
            case b"HPUB":
                return self._publish(_FIELDS.findall(line), with_headers=True)
            case b"+OK":
                return Ignored()
            case b"INFO":
                return UNREADABLE if _fields(line) is None else Ignored()
        return UNREADABLE

    def _publish(self, fields: list[bytes], *, with_headers: bool) -> Violation | _Body:
        numbers = 2 if with_headers else 1
        if not 1 <= len(fields) - numbers <= 2:
            return UNREADABLE
        subject, *reply = fields[:-numbers]
        sizes = [_number(field) for field in fields[-numbers:]]
        header_size, size = sizes[0], sizes[-1]
        if header_size < 0 or size < header_size or (with_headers and not self.headers):
            return UNREADABLE
        if size > self.max_payload:
            return TOO_LARGE
        # A block of no bytes makes no HMSG of it.
        written = fields[-1:] if header_size == 0 else fields[-numbers:]
        return _Body(
            subject, reply[0] if reply else None, header_size if with_headers else None, size, b" ".join(written)
        )

    def _next_body(self, body: _Body) -> Command | None:
        buffer, size = self._buffer, body.size
        if not b"\r\n".startswith(buffer[size : size + 2]):
            return UNKNOWN
        if len(buffer) < size + 2:
            return None
        start = body.header_size or 0
        publish = Publish(
            subject=body.subject,
            reply=body.reply,
            headers=None if body.header_size is None else bytes(buffer[:start]),
            payload=bytes(buffer[start:size]),
            sizes=body.sizes,
        )
        del buffer[: size + 2]
        self._body = None
        return publish


def _connect(line: bytes) -> Connect | Violation:
    fields = _fields(line)
    return UNREADABLE if fields is None else Connect(fields)


def _fields(line: bytes) -> dict[str, Any] | None:
    """The fields of a JSON object, or None when it is none."""
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _subscribe(fields: list[bytes]) -> Subscribe | Violation:
    match fields:
        case [subject, sid]:
            return Subscribe(subject, None, sid)
        case [subject, queue, sid]:
            return Subscribe(subject, queue, sid)
    return UNREADABLE


def _unsubscribe(fields: list[bytes]) -> Unsubscribe | Violation:
    match fields:
        case [sid]:
            return Unsubscribe(sid, 0)
        case [sid, maximum]:
            return Unsubscribe(sid, max(0, _number(maximum)))
    return UNREADABLE


def _number(digits: bytes) -> int:
    """Zero or more; -1 for what is no number."""
    return int(digits) if digits.isdigit() and len(digits) <= _MAX_DIGITS else -1
