"""Counters: subjects whose last message holds a sum that every publish adds to.

Source: ADR-49.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import msgspec

from ...errors import InvalidArgument
from ...nuid import next_nuid
from ..errors import JetStreamError
from ..records import Record
from .outgoing import Outgoing

API_LEVEL = 2
INCREMENT = "Nats-Incr"
MOST_BITS = 8192


class _Value(msgspec.Struct, frozen=True):
    """What a counter's message holds."""

    val: str


class _BySequence(Record, frozen=True, kw_only=True):
    """Which message?"""

    seq: int


_read_value = msgspec.json.Decoder(_Value).decode


def increment_text(by: int) -> str:
    """A step, as a server reads it: always with its sign.

    Raises:
        InvalidArgument: It is no whole number, or has thousands of digits.
    """
    if isinstance(by, bool) or not isinstance(by, int):
        raise InvalidArgument(f"a counter goes by whole numbers, not {type(by).__name__}")
    if by.bit_length() > MOST_BITS:
        raise InvalidArgument(
            f"a step of {by.bit_length():,} bits is too large", why=f"it has {MOST_BITS:,} at the most"
        )
    return f"{by:+d}"


def value_of(payload: bytes) -> int:
    """The value that a counter's message holds.

    Raises:
        JetStreamError: It is no counter's message.
    """
    try:
        return int(_read_value(payload).val)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise JetStreamError(0, 0, f"the message is none of a counter: {payload[:40]!r}") from None


async def increment(
    outgoing: Outgoing, subject: str | bytes, by: int, *, message_id: str | None, timeout: float | None
) -> int:
    """As ``JetStream.increment``."""
    headers = {INCREMENT: increment_text(by)}
    await outgoing.require(API_LEVEL, "counters")
    # With an id it is added once, however often it is sent.
    ack = await outgoing.publish(subject, headers=headers, message_id=message_id or next_nuid(), timeout=timeout)
    if ack.value is not None:
        return ack.value
    if not ack.duplicate:
        raise JetStreamError(0, 0, f"the stream {ack.stream} has stored a plain message", where=str(subject))
    # An earlier copy was added; a duplicate's answer does not tell to what.
    told: dict[str, Any] = await outgoing.api.call(
        f"STREAM.MSG.GET.{ack.stream}", _BySequence(seq=ack.sequence), timeout=timeout
    )
    return value_of(b64decode(told["message"].get("data", "")))
