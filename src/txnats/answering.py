"""Answers to reply subjects that came off the wire.

Nearly each of them is used once: nothing is kept of it, and it is looked at for what could do harm, not looked up.
"""

from __future__ import annotations

from .errors import PayloadTooLarge
from .message import Publish
from .net.session import Session
from .wire.encode import LENGTH_LINES, SHORT, length_line

_REST_OF_LINE = 32


class Answering:
    """Publishes payloads without headers.

    Args:
        session: Where they leave.
        publish: ``Client.publish``: gets whatever is out of the ordinary, and says what is wrong with it.
        control_line: Longest line that may be sent.
    """

    __slots__ = ("_add", "_longest", "_publish", "_session")

    def __init__(self, session: Session, publish: Publish, control_line: int) -> None:
        self._session = session
        self._publish = publish
        self._add = session.outbox.add
        self._longest = control_line - _REST_OF_LINE

    def __call__(self, reply: bytes, payload: bytes) -> None:
        """As ``Client.publish``, and raises what that raises."""
        size = len(payload)
        if _LF in reply or _CR in reply or _NUL in reply or _STAR in reply or _GREATER in reply:
            self._publish(reply, payload)
            return
        if len(reply) > self._longest:
            self._publish(reply, payload)
            return
        if size > self._session.max_payload:
            raise PayloadTooLarge(size=size, limit=self._session.max_payload)
        self._add(b"PUB %b " % reply, LENGTH_LINES[size] if size < SHORT else length_line(size), payload)


# A parser has split the line at blanks, so there is none. A number is found in bytes many times as fast as bytes are.
_NUL, _LF, _CR, _STAR, _GREATER = b"\0\n\r*>"
