"""What can happen to a receiving loop, told to its ``on_event`` and to the log."""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Pulled(msgspec.Struct, frozen=True):
    """The server said something about a pull that is out of the ordinary; the loop goes on.

    Attributes:
        code: The status.
        description: The server's words.
    """

    code: int
    description: str


class HeartbeatsMissed(msgspec.Struct, frozen=True):
    """The server was silent for longer than two heartbeats: a new pull is sent."""

    stream: str
    consumer: str


class Pinned(msgspec.Struct, frozen=True):
    """This loop is the one that its priority group delivers to.

    Attributes:
        pin: The id that the server gave.
    """

    group: str
    pin: str


class Unpinned(msgspec.Struct, frozen=True):
    """Another client is, or will be, the one that the priority group delivers to."""

    group: str
    description: str


class Recreated(msgspec.Struct, frozen=True):
    """An ordered consumer was made anew, and goes on behind the last message that was handed over.

    Attributes:
        consumer: Its new name.
        sequence: The stream sequence that it starts at; None before the first message.
        why: What made it necessary.
    """

    consumer: str
    sequence: int | None
    why: str


class Gap(msgspec.Struct, frozen=True):
    """Messages of a push consumer did not arrive: the server counts more than came.

    Attributes:
        expected: The consumer sequence that should have come next.
        got: The one that came, or that the server has reached.
    """

    expected: int
    got: int


class HandlerFailed(msgspec.Struct, frozen=True):
    """A handler of yours raised. The message was not acknowledged by that, and the loop goes on.

    Attributes:
        stream: Whose message it was.
        consumer: The consumer.
        error: What it raised.
    """

    stream: str
    consumer: str
    error: BaseException


ConsumeEvent: TypeAlias = Pulled | HeartbeatsMissed | Pinned | Unpinned | Recreated | Gap | HandlerFailed
