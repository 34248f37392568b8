"""The headers that tell a stream what to do with a message.

Source: ADR-2, ADR-43 (TTL) and the header names of the server.
"""

from __future__ import annotations

from math import isfinite
from typing import Literal, TypeAlias

import msgspec

from ...errors import InvalidArgument, InvalidOption
from ...headers import Headers, HeaderSource

MESSAGE_ID = "Nats-Msg-Id"
TTL = "Nats-TTL"
REQUIRED_API_LEVEL = "Nats-Required-Api-Level"
EXPECTED_STREAM = "Nats-Expected-Stream"
EXPECTED_LAST_SEQUENCE = "Nats-Expected-Last-Sequence"
EXPECTED_LAST_SUBJECT_SEQUENCE = "Nats-Expected-Last-Subject-Sequence"
EXPECTED_LAST_SUBJECT = "Nats-Expected-Last-Subject-Sequence-Subject"
EXPECTED_LAST_MESSAGE_ID = "Nats-Expected-Last-Msg-Id"

Ttl: TypeAlias = "float | Literal['never']"
_MOST_SEQUENCE = 2**64 - 1


class Expect(msgspec.Struct, frozen=True, kw_only=True):
    """What must hold for the message to be stored; else it is refused and the error says what differs.

    Args:
        stream: The name of the stream that takes it, else WrongStream.
        last_sequence: The stream's last sequence, 0 for an empty one, else WrongLastSequence.
        last_subject_sequence: The last sequence of the message's own subject, 0 for none, else WrongLastSequence.
        last_subject: Another subject, which may have wildcards, to compare ``last_subject_sequence`` with.
        last_message_id: The message id of the stream's last message, else WrongLastMessageId.
    """

    stream: str | None = None
    last_sequence: int | None = None
    last_subject_sequence: int | None = None
    last_subject: str | None = None
    last_message_id: str | None = None

    def __post_init__(self) -> None:
        for name in ("last_sequence", "last_subject_sequence"):
            number = getattr(self, name)
            if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 0):
                raise InvalidOption(f"Expect.{name} is {number!r:.80}", why="it is a whole number of at least 0")
            if number is not None and number > _MOST_SEQUENCE:
                raise InvalidOption(f"Expect.{name} is out of all bounds")
        if self.last_subject is not None and self.last_subject_sequence is None:
            raise InvalidOption(
                "Expect.last_subject says nothing by itself", hint="give last_subject_sequence, 0 for no message"
            )

    def pairs(self) -> list[tuple[str, str]]:
        """As headers."""
        wanted = (
            (EXPECTED_STREAM, self.stream),
            (EXPECTED_LAST_SEQUENCE, self.last_sequence),
            (EXPECTED_LAST_SUBJECT_SEQUENCE, self.last_subject_sequence),
            (EXPECTED_LAST_SUBJECT, self.last_subject),
            (EXPECTED_LAST_MESSAGE_ID, self.last_message_id),
        )
        return [(name, str(value)) for name, value in wanted if value is not None]


def ttl_text(ttl: Ttl) -> str:
    """Seconds as a server reads them.

    Raises:
        InvalidArgument: Neither ``"never"`` nor a number of seconds from 1 on.
    """
    if ttl == "never":
        return "never"
    if isinstance(ttl, bool) or not isinstance(ttl, (int, float)) or not isfinite(ttl) or ttl < 1:
        raise InvalidArgument(
            f"a time to live is at least 1 second, not {ttl!r:.80}", hint="'never' exempts it from the stream's max_age"
        )
    return str(ttl) if isinstance(ttl, int) else f"{ttl:.9f}".rstrip("0").rstrip(".") + "s"


def gather(
    headers: HeaderSource | None, message_id: str | None, ttl: Ttl | None, expect: Expect | None
) -> tuple[HeaderSource | None, bool]:
    """All headers of a publish, as a copy that nobody changes, and whether there is a message id among them.

    Raises:
        InvalidHeader, InvalidArgument: One of them cannot be sent.
    """
    if message_id is not None and not message_id:
        raise InvalidArgument("a message id is empty", hint="leave it away for none")
    pairs = [] if message_id is None else [(MESSAGE_ID, message_id)]
    if ttl is not None:
        pairs.append((TTL, ttl_text(ttl)))
    if expect is not None:
        pairs += expect.pairs()
    if headers is None:
        return pairs or None, message_id is not None
    merged = Headers(headers)
    for name, value in pairs:
        merged.set(name, value)
    return merged, message_id is not None or MESSAGE_ID in merged
