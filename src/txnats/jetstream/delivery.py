"""What the reply subject of a delivered message tells, as far as those want to know who read in order."""

from __future__ import annotations

import msgspec


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """What a reply subject tells.

    Attributes:
        revision: Stream sequence.
        number: Consumer sequence.
        time_text: When it was stored, in nanoseconds since the start of 1970: the digits.
        pending: Messages that are left for the consumer behind it.
    """

    revision: int
    number: int
    time_text: bytes
    pending: int

    @property
    def time(self) -> int:
        """When it was stored, in nanoseconds since the start of 1970."""
        return int(self.time_text)


def delivery_of(reply: bytes) -> Delivery | None:
    """What a reply subject tells; None when it is not that of a consumer. As ``ack_reply.parse``, and half of it."""
    if not reply.startswith(b"$JS.ACK."):
        return None
    if reply.count(b".") == 8:
        _, revision, number, time, pending = reply.rsplit(b".", 4)
    else:
        tokens = reply.split(b".", 12)
        if len(tokens) < 11:
            return None
        revision, number, time, pending = tokens[7:11]
    try:
        return Delivery(int(revision), int(number), time, int(pending))
    except ValueError:
        return None
