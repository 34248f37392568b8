"""What the reply subject of a delivered message tells, as far as a watcher wants to know."""

from __future__ import annotations

from typing import NamedTuple


class Delivery(NamedTuple):
    """What a reply subject tells.

    Attributes:
        revision: Stream sequence.
        number: Consumer sequence.
        time: When it was stored, in nanoseconds since the start of 1970.
        pending: Messages that are left for the consumer behind it.
    """

    revision: int
    number: int
    time: int
    pending: int


_new = tuple.__new__


def delivery_of(reply: bytes) -> Delivery | None:
    """What a reply subject tells; None when it is not that of a consumer. As ``ack_reply.parse``, and half of it."""
    tokens = reply.split(b".", 12)
    count = len(tokens)
    if count < 9 or count == 10:
        return None
    at = 5 if count == 9 else 7
    try:
        return _new(Delivery, map(int, tokens[at : at + 4]))
    except ValueError:
        return None
