"""What a client tells of itself when it is asked."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Status(StrEnum):
    """Where a client is in its life."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    DRAINING = "draining"
    CLOSED = "closed"


class Statistics(msgspec.Struct, frozen=True):
    """Counts since the client was made.

    Attributes:
        messages_in: Messages received, replies included.
        bytes_in: Bytes of their headers and payloads.
        messages_out: Messages accepted for sending.
        bytes_out: Bytes of their headers and payloads.
        socket_bytes_in: All bytes read.
        reconnects: Connections after the first.
        subscriptions: Active at the moment, the one for replies included.
        requests: Unanswered at the moment.
        waiting_bytes: Bytes that wait to be sent.
        unconfirmed: Publishes written that the server may not have read yet.
    """

    messages_in: int
    bytes_in: int
    messages_out: int
    bytes_out: int
    socket_bytes_in: int
    reconnects: int
    subscriptions: int
    requests: int
    waiting_bytes: int
    unconfirmed: int
