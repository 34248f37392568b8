"""The parser: ``feed(bytes) -> ops``. It owns no socket and knows no client.

Two lanes lead through a chunk, and they give the same ops; where there is a third, the compiled ``scan``, that goes in
front of the walk in place of the first:

- the bulk lane splits the whole chunk at CRLF and pairs control lines with payloads. It is twice as fast for small
  messages and takes nothing but MSG whose payload has just the declared length;
- the walk goes by position and takes everything. The first piece that the bulk lane does not take ends it for this
  chunk and closes it for the next few, and for more each time, so that payloads full of CRLF cost few wasted splits.

Fields of a control line are separated by any run of spaces and tabs; op names may come in any case. Numbers are ASCII
digits with a capped length, nothing else that ``int()`` would take.
"""

from __future__ import annotations

from typing import TypeAlias

from ..errors import RemoteProtocolError
from ..message import Message, Origin
from ..options import Limits
from ..redaction import without_connect
from .header_block import HeaderBlock, header_block
from .info import decode_info
from .ops import OK, PING, PONG, Err, Fault, Info, Op
from .speedups import SCAN, Scan

Fields: TypeAlias = tuple[bytes, int, bytes | None, int, int]
"""A message's control line, read: subject, sid, reply, bytes in all, bytes of those that are headers (0: a MSG)."""

CRLF = b"\r\n"
_BULK_PAYLOAD = 192
"""Bytes: splitting looks at every byte of a payload, so that above this the walk is faster."""
_BULK_DATA = 1024
"""Bytes: in a smaller chunk there is too little to win."""
_BULK_PAUSE = 8
"""Chunks for which the bulk lane is closed when it was of no use; twice as many each time that it is of none again."""
_MOST_BULK_PAUSE = 512
_TAB = ord("\t")  # a number is found in bytes many times as fast as bytes are
_CACHED_LINES = 1024
_CACHED_LINE_LENGTH = 128
_SMALL_SEGMENT = 1024
_MAX_DIGITS = 19


class Parser:
    """Turns the server's bytes into ops, whatever pieces they come in.

    Args:
        limits: What is too long.
        origin: Handed on to each message, so that it can be responded to.
        scan: The compiled loop, or None for pure Python.

    Attributes:
        messages: MSG and HMSG seen so far.
        message_bytes: Bytes of their headers and payloads.
    """

    __slots__ = (
        "_body",
        "_bulk_patience",
        "_bulk_pause",
        "_failed",
        "_have",
        "_header_lines",
        "_limits",
        "_line",
        "_lines",
        "_numbers",
        "_origin",
        "_parts",
        "_scan",
        "message_bytes",
        "messages",
    )

    def __init__(self, limits: Limits | None = None, origin: Origin | None = None, *, scan: Scan | None = SCAN) -> None:
        self._origin = origin
        self._scan = scan
        self._limits = limits or Limits()
        # Control lines that repeat are read once. MSG and HMSG are kept apart: the bulk lane takes only the first.
        self._lines: dict[bytes, Fields] = {}
        self._header_lines: dict[bytes, Fields] = {}
        self._numbers: dict[bytes, int] = {}
        self._bulk_pause = 0
        self._bulk_patience = _BULK_PAUSE
        self._failed = False
        self._line = bytearray()
        self._body: Fields | None = None
        self._parts: list[bytearray | memoryview] = []
        self._have = 0
        self.messages = 0
        self.message_bytes = 0

    def feed(self, data: bytes) -> list[Op]:
        """The ops that these bytes complete, in order; what is left waits for more.

        When the bytes break the protocol the last op is a Fault, and later calls give nothing.
        """
        ops: list[Op] = []
        if self._failed:
            return ops
        try:
            position = self._resume(data, ops) if self._body is not None or self._line else 0
            if self._scan is not None:
                self._scan_on(self._scan, data, position, ops)
                return ops
            if self._bulk_pause:
                self._bulk_pause -= 1
            elif len(data) > _BULK_DATA and self._starts_small(data, position):
                position = self._bulk(data, position, ops)
            self._walk(data, position, len(data), ops)
        except RemoteProtocolError as error:
            self._failed = True
            self._line, self._parts, self._body = bytearray(), [], None
            # Its frames hold the bytes: whoever keeps the error would keep them too.
            error.__traceback__ = error.__context__ = None
            ops.append(Fault(error))
        return ops

    # The lanes

    def _scan_on(self, scan: Scan, data: bytes, position: int, ops: list[Op]) -> None:
        """Take everything from here on, plain messages by the compiled loop and one after another what is between."""
        limits, origin = self._limits, self._origin
        line, payload, block = limits.control_line, limits.payload, limits.header_block
        end, step = len(data), 1
        while position < end:
            before = len(ops)
            position, size = scan(data, position, ops, Message, HeaderBlock, origin, line, payload, block)
            taken = len(ops) - before
            self.messages += taken
            self.message_bytes += size
            # Where there are none for it, the walk goes further each time before it is asked again.
            step = 1 if taken else step * 4
            position = self._walk(data, position, position + step, ops)

    def _starts_small(self, data: bytes, position: int) -> bool:
        """Whether a chunk goes on with a message that the bulk lane can take."""
        end = data.find(CRLF, position, position + _CACHED_LINE_LENGTH)
        if end < 0:
            return False
        line = data[position:end]
        fields = self._lines.get(line) or self._plain(line)
        return fields is not None and fields[3] <= _BULK_PAYLOAD

    def _bulk(self, data: bytes, position: int, ops: list[Op]) -> int:
        """Take small plain messages from here on; the position of the first byte not taken."""
        pieces = (data[position:] if position else data).split(CRLF)
        known, append, origin = self._lines.get, ops.append, self._origin
        index, last = 0, len(pieces) - 2
        total = 0
        try:
            while index < last:
                line = pieces[index]
                fields = known(line)
                if fields is None:
                    fields = self._plain(line)
                    if fields is None or fields[3] > _BULK_PAYLOAD:
                        break
                subject, sid, reply, size, _ = fields
                payload = pieces[index + 1]
                if len(payload) != size:
                    break
                append(Message(subject, sid, reply, payload, None, origin))
                total += size
                index += 2
        finally:
            self.messages += index >> 1
            self.message_bytes += total
        if index < last:
            self._bulk_pause = self._bulk_patience
            self._bulk_patience = min(2 * self._bulk_patience, _MOST_BULK_PAUSE)
        else:
            self._bulk_patience = _BULK_PAUSE
        rest = pieces[index:]
        return len(data) - sum(map(len, rest)) - 2 * (len(rest) - 1)

    def _plain(self, line: bytes) -> Fields | None:
        """The fields of a MSG line, or None when it is another."""
        if line[:4] != b"MSG ":
            return None
        words = line.split(b" ")
        if len(words) == 5 and len(line) <= self._limits.control_line and _TAB not in line:
            # A reply subject that is used once makes the line new; its numbers are not.
            _, subject, sid_digits, reply, size_digits = words
            sid, size = self._numbers.get(sid_digits), self._numbers.get(size_digits)
            if sid is not None and size is not None and subject and reply and size <= self._limits.payload:
                return subject, sid, reply, size, 0
        self._check_length(line, whole=True)
        return self._message_fields(line, with_headers=False)

    def _walk(self, data: bytes, position: int, until: int, ops: list[Op]) -> int:
        """Take all that begins before ``until`` and keep what is half read; gives the position behind it."""
        end_of_data = len(data)
        known, known_with_headers, find = self._lines.get, self._header_lines.get, data.find
        until = min(until, end_of_data)
        while position < until:
            end = find(CRLF, position)
            if end < 0:
                self._line += data[position:]
                self._check_length(self._line, whole=False)
                return end_of_data
            line = data[position:end]
            position = end + 2
            fields = known(line) or known_with_headers(line)
            if fields is None:
                fields = self._plain(line) if line[:4] == b"MSG " else self._control(line, ops)
                if fields is None:
                    continue
            end = position + fields[3]
            if end + 2 > end_of_data:
                self._body = fields
                self._keep(memoryview(data)[position:])
                return end_of_data
            if data[end : end + 2] != CRLF:
                raise _unterminated(data[end : end + 2])
            subject, sid, reply, size, header_size = fields
            if header_size:
                start = position + header_size
                block = header_block(data[position:start])
                ops.append(Message(subject, sid, reply, data[start:end], block, self._origin))
            else:
                ops.append(Message(subject, sid, reply, data[position:end], None, self._origin))
            self.messages += 1
            self.message_bytes += size
            position = end + 2
        return position

    # What was left half read

    def _resume(self, data: bytes, ops: list[Op]) -> int:
        """Finish the line or the body that an earlier chunk began; the position behind it."""
        position = 0
        if self._line:
            if self._line.endswith(b"\r") and data.startswith(b"\n"):
                line, position = bytes(self._line[:-1]), 1
            else:
                end = data.find(CRLF)
                if end < 0:
                    self._line += data
                    self._check_length(self._line, whole=False)
                    return len(data)
                line, position = bytes(self._line + data[:end]), end + 2
            self._line = bytearray()
            self._body = self._lines.get(line) or self._control(line, ops)
        return position if self._body is None else self._resume_body(self._body, data, position, ops)

    def _resume_body(self, body: Fields, data: bytes, position: int, ops: list[Op]) -> int:
        missing = body[3] + 2 - self._have
        segment = memoryview(data)[position : position + missing]
        self._keep(segment)
        if len(segment) == missing:
            subject, sid, reply, size, header_size = body
            headers, payload, trailer = self._take(header_size), self._take(size - header_size), self._take(2)
            self._body, self._have = None, 0
            if trailer != CRLF:
                raise _unterminated(trailer)
            block = header_block(headers) if header_size else None
            ops.append(Message(subject, sid, reply, payload, block, self._origin))
            self.messages += 1
            self.message_bytes += size
        return position + len(segment)

    def _keep(self, segment: memoryview) -> None:
        """Keep a part of a body. Tiny ones share a buffer: a peer that sends single bytes costs single bytes."""
        self._have += len(segment)
        if len(segment) >= _SMALL_SEGMENT:
            self._parts.append(segment)
        elif self._parts and isinstance(self._parts[-1], bytearray):
            self._parts[-1] += segment
        else:
            self._parts.append(bytearray(segment))

    def _take(self, size: int) -> bytes:
        """The next bytes of the kept body: each is copied once, into the result."""
        taken: list[memoryview] = []
        parts = self._parts
        index = 0
        while size:
            part = memoryview(parts[index])
            taken.append(part[:size])
            if len(part) > size:
                parts[index] = part[size:]
                break
            size -= len(part)
            index += 1
        del parts[:index]
        return b"".join(taken)

    # Control lines

    def _control(self, line: bytes, ops: list[Op]) -> Fields | None:
        """Read one whole line: the fields of a message whose body follows, or None when the line is all there is."""
        self._check_length(line, whole=True)
        word, _, rest = line.replace(b"\t", b" ").partition(b" ")
        match word.upper():
            case b"MSG":
                return self._message_fields(line, with_headers=False)
            case b"HMSG":
                return self._message_fields(line, with_headers=True)
            case b"PING":
                ops.append(PING)
            case b"PONG":
                ops.append(PONG)
            case b"+OK":
                ops.append(OK)
            case b"-ERR":
                ops.append(Err(without_connect(rest.strip().strip(b"'").decode("utf-8", "backslashreplace"))))
            case b"INFO":
                ops.append(Info(decode_info(line[4:])))
            case _:
                raise RemoteProtocolError("the server sent an unknown operation", snippet=line)
        return None

    def _message_fields(self, line: bytes, *, with_headers: bool) -> Fields:
        words = line.split(b" ")
        if b"" in words or _TAB in line:
            words = [word for word in line.replace(b"\t", b" ").split(b" ") if word]
        verb_and_numbers = 5 if with_headers else 4
        if len(words) == verb_and_numbers:
            reply = None
        elif len(words) == verb_and_numbers + 1:
            reply = words[3]
        else:
            raise RemoteProtocolError("a message's control line has a wrong number of fields", snippet=line)
        sid, size = words[2], words[-1]
        if not sid.isdigit() or len(sid) > _MAX_DIGITS:
            raise _no_number("subscription id", line)
        if not size.isdigit() or len(size) > _MAX_DIGITS:
            raise _no_number("size", line)
        header_size = self._header_size(words[-2], int(size), line) if with_headers else 0
        fields = (words[1], self._number(sid), reply, self._number(size), header_size)
        if fields[3] - header_size > self._limits.payload:
            raise RemoteProtocolError(f"a payload exceeds {self._limits.payload:,} bytes", snippet=line)
        if reply is None and len(line) <= _CACHED_LINE_LENGTH:
            lines = self._header_lines if with_headers else self._lines
            if len(lines) >= _CACHED_LINES:
                lines.clear()
            lines[line] = fields
        return fields

    def _number(self, digits: bytes) -> int:
        """Digits that were looked at, as a number; it is kept, for the next time."""
        numbers = self._numbers
        if len(numbers) >= _CACHED_LINES:
            numbers.clear()
        numbers[digits] = number = int(digits)
        return number

    def _header_size(self, digits: bytes, total: int, line: bytes) -> int:
        if not digits.isdigit() or len(digits) > _MAX_DIGITS:
            raise _no_number("header size", line)
        size = int(digits)
        if size > total:
            raise RemoteProtocolError("a message's headers are larger than the whole message", snippet=line)
        if size < len(b"NATS/1.0\r\n\r\n"):
            raise RemoteProtocolError("a header block is too short", snippet=line)
        if size > self._limits.header_block:
            raise RemoteProtocolError(f"a header block exceeds {self._limits.header_block:,} bytes", snippet=line)
        return size

    # Bounds

    def _limit_for(self, line: bytes | bytearray) -> int:
        return self._limits.info if line[:4].upper() == b"INFO" else self._limits.control_line

    def _check_length(self, line: bytes | bytearray, *, whole: bool) -> None:
        """A line that is not whole may end in the CR of its terminator, which does not count."""
        length = len(line) if whole or line[-1:] != b"\r" else len(line) - 1
        limit = self._limit_for(line)
        if length > limit:
            raise RemoteProtocolError(f"a line exceeds {limit:,} bytes", snippet=bytes(line[:32]))


def _unterminated(found: bytes) -> RemoteProtocolError:
    return RemoteProtocolError("a payload is not followed by CRLF", snippet=found)


def _no_number(what: str, line: bytes) -> RemoteProtocolError:
    return RemoteProtocolError(f"the {what} of a message is not a number", snippet=line)
