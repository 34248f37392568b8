"""What we say, as bytes. Subjects that come here were checked; sizes and lengths are checked here.

A publish is a few pieces that are joined with many others later: the head of a subject and the line of a length are
made once and kept, both in bounded tables. The kept head is also the proof that the subject was checked.
Source: the NATS protocol page.
"""

from __future__ import annotations

from ..errors import InvalidArgument, InvalidSubject
from ..subjects import check_publish

CRLF = b"\r\n"
PING = b"PING\r\n"
PONG = b"PONG\r\n"

_KEPT_HEADS = 4096
_KEPT_HEAD_LENGTH = 512
SHORT = 4096
LENGTH_LINES = tuple(b"%d\r\n" % size for size in range(SHORT))
"""The end of a PUB line for each payload below SHORT bytes."""


class PublishHeads:
    """Subject to ``PUB subject `` and ``HPUB subject ``, each subject checked when it is first met.

    Args:
        control_line: Longest line that may be sent.

    Attributes:
        plain: The kept heads of PUB; a hit here is all that a publish to a known subject costs.
    """

    __slots__ = ("_control_line", "plain")

    def __init__(self, control_line: int) -> None:
        self._control_line = control_line
        self.plain: dict[str | bytes, bytes] = {}

    def find(self, subject: str | bytes) -> bytes:
        """``head``, if need be."""
        known = self.plain.get(subject) if isinstance(subject, (str, bytes)) else None
        return known or self.head(subject)

    def head(self, subject: str | bytes) -> bytes:
        """``PUB subject ``, kept for next time.

        Raises:
            InvalidSubject: Nothing can be published there.
        """
        head = b"PUB " + check_publish(subject) + b" "
        # The longest line is "HPUB subject  <header length> <total length>"; its fields other than subject and reply
        # take 24 bytes at the most.
        if len(head) + 24 > self._control_line:
            raise _too_long(self._control_line)
        if len(head) <= _KEPT_HEAD_LENGTH:
            if len(self.plain) >= _KEPT_HEADS:
                self.plain.clear()
            self.plain[subject] = head
        return head

    def reply(self, head: bytes, reply: str | bytes) -> bytes:
        """A reply subject, checked, with the blank behind it.

        Raises:
            InvalidSubject: It is no literal subject, or the line would become too long.
        """
        return self.own_reply(head, check_publish(reply, "await a reply at"))

    def own_reply(self, head: bytes, reply: bytes) -> bytes:
        """A reply subject of our own making, with the blank behind it.

        Raises:
            InvalidSubject: The line would become too long.
        """
        if len(head) + len(reply) + 24 > self._control_line:
            raise _too_long(self._control_line)
        return reply + b" "


def length_line(size: int) -> bytes:
    """The end of a PUB line."""
    return LENGTH_LINES[size] if size < SHORT else b"%d\r\n" % size


def with_headers(head: bytes, block: bytes, payload: bytes) -> tuple[bytes, bytes, bytes]:
    """A PUB's head and payload as those of an HPUB: its head, the end of its line, and its body."""
    body = block + payload
    size = len(body)
    if size < SHORT:
        return b"H" + head, LENGTH_LINES[len(block)][:-2] + b" " + LENGTH_LINES[size], body
    return b"H" + head, length_lines(block, payload), body


def length_lines(block: bytes, payload: bytes) -> bytes:
    """The end of an HPUB line."""
    return b"%d %d\r\n" % (len(block), len(block) + len(payload))


def payload_bytes(payload: object) -> bytes:
    """A payload as bytes that nobody can change any more: str as UTF-8, buffers copied.

    Raises:
        InvalidArgument: It is none of these.
    """
    if isinstance(payload, str):
        try:
            return payload.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise InvalidArgument("the payload cannot be encoded", why="it holds lone surrogates") from None
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)
    raise InvalidArgument(
        f"a payload is bytes or str, not {type(payload).__name__}", hint="encode it first, for instance as JSON"
    )


def subscribe(subject: bytes, queue: bytes | None, sid: int) -> bytes:
    """SUB."""
    return b"SUB %b %d\r\n" % (subject, sid) if queue is None else b"SUB %b %b %d\r\n" % (subject, queue, sid)


def unsubscribe(sid: int, max_messages: int | None = None) -> bytes:
    """UNSUB, at once or after that many messages in all since the SUB that the server knows."""
    return b"UNSUB %d\r\n" % sid if max_messages is None else b"UNSUB %d %d\r\n" % (sid, max_messages)


def connect(body: bytes) -> bytes:
    """CONNECT around its JSON body."""
    return b"CONNECT " + body + CRLF


def check_subscribe_line(subject: bytes, queue: bytes | None, limit: int) -> None:
    """Refuse what would make a SUB line that the server cuts.

    Raises:
        InvalidSubject: The line would exceed the limit.
    """
    if len(subject) + len(queue or b"") + 32 > limit:
        raise _too_long(limit)


def _too_long(limit: int) -> InvalidSubject:
    return InvalidSubject(
        "the subject is too long",
        why=f"a line to the server may have {limit:,} bytes",
        hint="shorten it, or raise max_control_line on the server and Limits.control_line_out here",
    )
