"""What a process of the demo tells the one that started it: a JSON object a line."""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The server knows my subscription."""


class Progress(msgspec.Struct, frozen=True, tag=True):
    """Answers so far, by responder."""

    by: dict[str, int]


class Asked(msgspec.Struct, frozen=True, tag=True):
    """All requests are answered.

    Attributes:
        by: Answers by responder.
        seconds: Time from the first request to the last answer.
        p50: Seconds that half of the requests took at the most.
        p99: The same for 99 in 100.
    """

    by: dict[str, int]
    seconds: float
    p50: float
    p99: float


class Handled(msgspec.Struct, frozen=True, tag=True):
    """I have handled so many messages, and no more will come."""

    count: int


class Failed(msgspec.Struct, frozen=True, tag=True):
    """I cannot go on; the text holds no secret."""

    text: str


Note: TypeAlias = Ready | Progress | Asked | Handled | Failed

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Note).decode
