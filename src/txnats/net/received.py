"""Counts of what came in."""

from __future__ import annotations

import msgspec

from .connection import Connection


class Received(msgspec.Struct, frozen=True):
    """What came in, over one connection or many.

    Attributes:
        messages: MSG and HMSG.
        message_bytes: Bytes of their headers and payloads.
        socket_bytes: All bytes.
    """

    messages: int
    message_bytes: int
    socket_bytes: int

    @classmethod
    def over(cls, connection: Connection) -> Received:
        """What came in over one connection so far."""
        return cls(connection.parser.messages, connection.parser.message_bytes, connection.received)

    def __add__(self, other: Received) -> Received:
        return Received(
            self.messages + other.messages,
            self.message_bytes + other.message_bytes,
            self.socket_bytes + other.socket_bytes,
        )
