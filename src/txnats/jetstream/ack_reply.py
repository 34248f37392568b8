"""The reply subject of a message that a consumer delivered: what it tells of the message.

Nine tokens, ``$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>``, or at least
eleven, with the domain (``_`` for none) and a hash of the account after ``$JS.ACK``, and perhaps more at the end.
Source: ADR-15.
"""

from __future__ import annotations

import msgspec

from .units import Timestamp


class Metadata(msgspec.Struct, frozen=True, gc=False):
    """What a consumer tells of a message that it delivers.

    Attributes:
        stream_sequence: Its number in the stream.
        consumer_sequence: The number of this delivery; each delivery of a message has another.
        delivered: How often it was delivered, this time included.
        pending: Messages that are left for the consumer after it.
        timestamp_ns: When it was stored, in nanoseconds since the start of 1970.
        domain: The JetStream domain; empty when there is none.
        account_hash: Names the account; empty when it was not told.
    """

    stream: str
    consumer: str
    stream_sequence: int
    consumer_sequence: int
    delivered: int
    pending: int
    timestamp_ns: int
    domain: str = ""
    account_hash: str = ""

    @property
    def timestamp(self) -> Timestamp:
        """When it was stored."""
        return Timestamp.from_ns(self.timestamp_ns)


def parse(reply: bytes | None) -> Metadata | None:
    """What the reply subject tells; None when the message came from no consumer."""
    if reply is None or not reply.startswith(b"$JS.ACK."):
        return None
    tokens = reply.split(b".")
    count = len(tokens)
    at = 2 if count == 9 else 4
    if count < 9 or count == 10:
        return None
    try:
        delivered, stream_sequence, consumer_sequence, time, pending = map(int, tokens[at + 2 : at + 7])
        domain, account = (tokens[2].decode(), tokens[3].decode()) if at == 4 else ("", "")
        return Metadata(
            tokens[at].decode(),
            tokens[at + 1].decode(),
            stream_sequence,
            consumer_sequence,
            delivered,
            pending,
            time,
            "" if domain == "_" else domain,
            account,
        )
    except ValueError:
        return None


def sequences(reply: bytes | None) -> tuple[int, int] | None:
    """Stream and consumer sequence alone, for who counts them; None when the message came from no consumer."""
    if reply is None or not reply.startswith(b"$JS.ACK."):
        return None
    if reply.count(b".") == 8:
        _, stream, consumer, _, _ = reply.rsplit(b".", 4)
    else:
        tokens = reply.split(b".", 9)
        if len(tokens) < 10 or reply.count(b".") == 9:
            return None
        stream, consumer = tokens[7:9]
    try:
        return int(stream), int(consumer)
    except ValueError:
        return None
