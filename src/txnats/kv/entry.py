"""One revision of a key, as the server hands it out.

Source: ADR-8, and ADR-43 and ADR-48 for the server's own markers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from ..errors import RemoteProtocolError
from ..jetstream.assets.stored import StoredMessage
from ..jetstream.delivery import Delivery
from ..jetstream.units import Timestamp
from ..message import Message

OPERATION = "KV-Operation"
MARKER_REASON = "Nats-Marker-Reason"
MESSAGE_SIZE = "Nats-Msg-Size"


class Operation(StrEnum):
    """What happened to a key."""

    PUT = "PUT"
    DELETE = "DEL"
    PURGE = "PURGE"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One revision of a key.

    Attributes:
        bucket: The bucket that it was read from.
        key: The key.
        value: The value; empty for a delete or purge, and when only metadata was asked for.
        revision: Its number: the bucket counts all its writes.
        operation: PUT, or what ended the key.
        delta: From a watcher: how many entries the server had for it behind this one. Else 0.
        size: Bytes of the value, also when it was not sent.
        reason: Why the server itself ended the key: ``MaxAge``, ``Purge`` or ``Remove``; empty when a client did.
    """

    bucket: str
    key: str
    value: bytes
    revision: int
    operation: Operation = Operation.PUT
    delta: int = 0
    size: int = 0
    reason: str = ""
    _time: int | str | bytes = 0

    @property
    def created(self) -> Timestamp:
        """When it was written."""
        told = self._time
        if isinstance(told, str):
            return Timestamp.parse(told) or Timestamp.from_ns(0)
        return Timestamp.from_ns(int(told))

    @property
    def is_deleted(self) -> bool:
        """Whether it is the end of the key and no value."""
        return self.operation is not PUT


PUT = Operation.PUT
"""Looking up a member is slow before Python 3.12."""
_OPERATIONS = {each.value: each for each in Operation}
_REASONS = {"MaxAge": Operation.PURGE, "Purge": Operation.PURGE, "Remove": Operation.DELETE}


SEQUENCE, TIME = "Nats-Sequence", "Nats-Time-Stamp"
_of_a_plain_value = re.compile(
    rb"NATS/1\.0\r\nNats-Stream: [^\r\n]+\r\nNats-Subject: [^\r\n]+\r\n"
    rb"Nats-Sequence: ([0-9]{1,19})\r\nNats-Time-Stamp: ([-+.:0-9TZ]+)\r\n\r\n"
).fullmatch
"""The headers of a direct answer, when the message has none of its own, as every server so far writes them."""


def plain_value(bucket: str, key: str, message: Message) -> Entry | None:
    """The entry in a direct answer that is a value without headers, the most of all; None: look closer."""
    told = _of_a_plain_value(message.header_bytes)
    if told is None:
        return None
    revision, time = told.groups()
    value = message.payload
    return Entry(bucket, key, value, int(revision), PUT, 0, len(value), "", time.decode())


def from_direct(bucket: str, key: str, message: Message) -> Entry:
    """The entry in a direct answer of the stream, which tells what it is in its headers.

    Raises:
        RemoteProtocolError: It does not tell it.
    """
    told = dict(message.headers.items())
    operation, reason = operation_of(told)
    value = message.payload
    try:
        return Entry(bucket, key, value, int(told[SEQUENCE]), operation, 0, len(value), reason, told[TIME])
    except (KeyError, ValueError):
        raise RemoteProtocolError("a message of a bucket does not tell what it is", where=key) from None


def from_stored(bucket: str, key: str, message: StoredMessage) -> Entry:
    """The entry in a message that was read from the stream."""
    operation, reason = operation_of(dict(message.headers.items()))
    value, time = message.payload, message.timestamp.to_ns()
    return Entry(bucket, key, value, message.sequence, operation, 0, len(value), reason, time)


def from_delivered(bucket: str, key: str, message: Message, delivery: Delivery) -> Entry:
    """The entry in a message that a consumer delivered."""
    value = message.payload
    revision, time, pending = delivery.revision, delivery.time_text, delivery.pending
    size = len(value)
    if message.size == size:  # there are no headers
        return Entry(bucket, key, value, revision, PUT, pending, size, "", time)
    told = dict(message.headers.items())
    operation, reason = operation_of(told)
    return Entry(bucket, key, value, revision, operation, pending, size_of(told, value), reason, time)


def operation_of(headers: Mapping[str, str]) -> tuple[Operation, str]:
    """What a message of a bucket did to its key, and the server's reason if it was the server.

    A word that is not known is a delete: only a message without any is a value.
    """
    word = headers.get(OPERATION)
    if word is not None:
        return _OPERATIONS.get(word, Operation.DELETE), ""
    reason = headers.get(MARKER_REASON)
    if reason is not None:
        return _REASONS.get(reason, Operation.DELETE), reason
    return PUT, ""


def size_of(headers: Mapping[str, str], payload: bytes) -> int:
    """Bytes of a value, of which perhaps only the headers were sent."""
    told = headers.get(MESSAGE_SIZE)
    return int(told) if told is not None and told.isdigit() and not payload else len(payload)
