"""A message as a stream holds it, read by either of the two ways there are.

Source: ADR-31 and the server's ``STREAM.MSG.GET``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...errors import RemoteProtocolError
from ...headers import Headers
from ...message import Message
from ...wire.header_block import HeaderBlock
from ..error_codes import BadRequest, StreamTooManyRequests
from ..errors import JetStreamError, MessageNotFound, NotSupported, TooManyResults
from ..records import Record, Time, from_wire
from ..units import Timestamp

SEQUENCE = "Nats-Sequence"
OWN = ("Nats-Stream", "Nats-Subject", SEQUENCE, "Nats-Time-Stamp", "Nats-Num-Pending", "Nats-Last-Sequence")
"""Headers that the server adds when it hands out a stored message."""


class StoredMessage(msgspec.Struct, frozen=True, eq=False):
    """A message of a stream.

    Attributes:
        subject: What it was published to.
        sequence: Its number in the stream.
        payload: The body.
        headers: As they were published.
        timestamp: When it was stored.
        stream: The stream that it was read from: a mirror may have answered.
    """

    subject: str
    sequence: int
    payload: bytes
    headers: Headers
    timestamp: Timestamp
    stream: str = ""


class _Told(Record, frozen=True):
    """The message inside an answer of ``STREAM.MSG.GET``."""

    subject: str = ""
    seq: int = 0
    data: bytes = b""
    hdrs: bytes = b""
    time: Time | None = None


class GetRequest(Record, frozen=True):
    """Which message is wanted, or how many."""

    seq: int = 0
    last_by_subj: str = ""
    next_by_subj: str = ""
    batch: int = 0
    max_bytes: int = 0
    start_time: Time | None = None
    multi_last: list[str] = []
    up_to_seq: int = 0
    up_to_time: Time | None = None


def from_answer(told: dict[str, Any], stream: str) -> StoredMessage:
    """The message in an answer of the API.

    Raises:
        RemoteProtocolError: It is not all there.
    """
    message = from_wire(_Told, told.get("message") or {})
    if not message.seq or message.time is None:
        raise RemoteProtocolError("JetStream's answer holds no message")
    headers = HeaderBlock(message.hdrs).headers() if message.hdrs else Headers()
    return StoredMessage(message.subject, message.seq, message.data, headers, Timestamp.of(message.time), stream)


def from_direct(message: Message) -> StoredMessage:
    """The message that came as itself, with what is told of it in its headers.

    Raises:
        JetStreamError: A status came instead.
        RemoteProtocolError: It does not tell what it is.
    """
    pairs = list(message.headers.items())
    # What was published may have headers of these names too: the server's own come last.
    told = {name: index for index, (name, _) in enumerate(pairs) if name in OWN}
    if message.status is not None and SEQUENCE not in told:
        raise status_error(message)
    try:
        subject, sequence = pairs[told["Nats-Subject"]][1], int(pairs[told[SEQUENCE]][1])
        timestamp = Timestamp.parse(pairs[told["Nats-Time-Stamp"]][1]) or Timestamp.from_ns(0)
        stream = pairs[told["Nats-Stream"]][1]
    except (KeyError, ValueError):
        raise RemoteProtocolError("a message of a stream does not tell what it is") from None
    own = set(told.values())
    users = Headers.trusted([pair for index, pair in enumerate(pairs) if index not in own])
    return StoredMessage(subject, sequence, message.payload, users, timestamp, stream)


def status_error(message: Message) -> JetStreamError:
    """What a status in place of a message says."""
    code = message.status or 0
    kind, err_code = _STATUSES.get(code, (JetStreamError, 0))
    return kind(code, err_code, message.description or "no message")


_STATUSES: dict[int, tuple[type[JetStreamError], int]] = {
    404: (MessageNotFound, 10037),
    408: (BadRequest, 10003),
    412: (NotSupported, 10185),
    413: (TooManyResults, 0),
    429: (StreamTooManyRequests, 10167),
}
