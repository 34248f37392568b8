"""The rules of a fast batch: how far one may run ahead, what each answer means, when to ping. Pure: it is told time.

The stream answers every so many messages, and says with each answer how many that are. Answers may be lost: each stands
for all before it, and a ping brings the newest again. A ping also keeps the batch alive, so that an answer alone is no
progress: what counts is that more messages are accounted for.
Source: ADR-50.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, TypeAlias, TypeVar

import msgspec

from ..errors import ApiError
from .ack import PubAck, read

PING_AFTER = 1.0
"""Seconds without an answer that is awaited."""
KEEP_ALIVE = 4.0
"""Seconds without a message; after 10 the server abandons the batch without a word."""
UNKNOWN_BATCH = 10208

Gaps: TypeAlias = Literal["fail", "ok"]


class Operation(IntEnum):
    """What a message of the batch is."""

    START = 0
    APPEND = 1
    COMMIT = 2
    END = 3
    """Commit, and do not store this message."""
    PING = 4


# What an answer means


class Go(msgspec.Struct, frozen=True):
    """All up to ``acknowledged`` is through."""

    acknowledged: int


class Gap(msgspec.Struct, frozen=True):
    """Messages were lost on the way.

    Attributes:
        first: The first of them.
        last: The last of them.
    """

    first: int
    last: int


class Refused(msgspec.Struct, frozen=True):
    """One message was refused.

    Attributes:
        sequence: Its number in the batch.
        error: Why.
    """

    sequence: int
    error: ApiError


class Done(msgspec.Struct, frozen=True):
    """The batch has ended, as was asked or before."""

    ack: PubAck


class Failed(msgspec.Struct, frozen=True):
    """The batch is not, or not any more."""

    error: ApiError


class Nonsense(msgspec.Struct, frozen=True):
    """No stream says this."""


Loss = TypeVar("Loss", Gap, Refused)
Meaning: TypeAlias = Go | Gap | Refused | Done | Failed | Nonsense


class _Told(msgspec.Struct, frozen=True):
    """An answer in the middle of a batch."""

    type: str
    seq: int = 0
    msgs: int = 0
    last_seq: int = 0
    error: ApiError | None = None


_read_told = msgspec.json.Decoder(_Told).decode


class Flow:
    """Where a fast batch stands.

    Args:
        every: Messages from one answer to the next at the most; the stream may want fewer.
        outstanding: Answers that may be missing before one waits.
        gaps: Whether a message that was lost ends the batch.

    Attributes:
        sent: The number of the last message that left.
        acknowledged: The stream has all up to here; with ``gaps="ok"`` all that came through.
        is_open: The stream has answered to the first message.
        is_over: The stream has ended it.
        stopped_by: What makes it senseless to send on: the batch is about to end.
    """

    def __init__(self, *, every: int, outstanding: int, gaps: Gaps) -> None:
        self.every = every
        self._outstanding = outstanding
        self._gaps = gaps
        self.sent = 0
        self.acknowledged = 0
        self.is_open = False
        self.is_over = False
        self.stopped_by: Gap | Refused | None = None
        self._committing = False
        # An answer of a batch that goes on, heard behind the message that was to end it.
        self._end_missing = False
        # What answers account for: stored, or lost or refused where that ends nothing.
        self._through = 0
        self._last_sent = 0.0
        self._last_heard = 0.0
        self._last_progress = 0.0

    @property
    def messages(self) -> int:
        """Messages that are to be stored: the one that only ends the batch is none."""
        return self.sent - self._committing

    @property
    def may_commit(self) -> bool:
        """Whether it goes on."""
        return self.sent > 0 and not (self._committing or self.is_over or self.stopped_by is not None)

    @property
    def may_send(self) -> bool:
        """Whether one more message may leave: the first, or one within reach of the last answer."""
        if self.is_over or self.stopped_by is not None or self._committing:
            return False
        if not self.is_open:
            return self.sent == 0  # its answer tells how fast the stream will be
        return self.sent < self._through + self.every * self._outstanding

    def send(self, now: float, *, last: bool = False) -> int:
        """A message leaves: its number."""
        self.sent += 1
        self._last_sent = self._last_progress = now
        self._committing = self._committing or last
        return self.sent

    def end_again(self) -> None:
        """Another copy of the message that ends the batch leaves."""
        self._end_missing = False

    def hear(self, payload: bytes, now: float) -> Meaning:
        """What an answer means."""
        self._last_heard = now
        try:
            told = _read_told(payload)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return self._ended(payload)
        match told.type:
            case "ack":
                return self._acknowledge(told)
            case "gap":
                return self._missed(Gap(told.last_seq, told.seq - 1), told.seq - 1)
            case "err" if told.error is not None:
                # The stream answers no more for a message that it refused: this is its last word on it.
                return self._missed(Refused(told.seq, told.error), told.seq)
        return Nonsense()

    def due(self, now: float, timeout: float) -> Literal["ping", "end", "give up"] | None:
        """What silence calls for; or, where something is awaited, answers that get nowhere."""
        if self.is_over or self.sent == 0:
            return None
        awaited = not self.may_send
        if awaited and now - self._last_progress >= timeout:
            return "give up"
        if now - max(self._last_heard, self._last_sent) < (PING_AFTER if awaited else KEEP_ALIVE):
            return None
        return "end" if self._end_missing else "ping"

    def reply(self, inbox: str, flow: int, operation: Operation, sequence: int) -> str:
        """The reply subject of a message, which says all that the stream has to know."""
        return f"{inbox}.{flow}.{self._gaps}.{sequence}.{operation.value}.$FI"

    def _acknowledge(self, told: _Told) -> Go:
        if not self.is_open:
            self.is_open = True
            self._last_progress = self._last_heard
        if told.msgs > 0:
            self.every = told.msgs
        self.acknowledged = max(self.acknowledged, told.seq)
        self._account_for(told.seq)
        # A stream that has been told of the end answers with that: the message was lost, or another one leads now.
        self._end_missing = self._committing
        return Go(self.acknowledged)

    def _missed(self, loss: Loss, last: int) -> Loss:
        if self._gaps == "ok":
            self._account_for(last)
        elif self.stopped_by is None:
            self.stopped_by = loss
            self._last_progress = self._last_heard
        return loss

    def _account_for(self, last: int) -> None:
        # No further than what was sent, whatever the other side says.
        last = min(last, self.sent)
        if last > self._through:
            self._through = last
            self._last_progress = self._last_heard

    def _ended(self, payload: bytes) -> Meaning:
        ack = read(payload)
        if ack is None:
            return Nonsense()
        self.is_over = True
        if isinstance(ack, ApiError):
            return Failed(ack)
        self.acknowledged = max(self.acknowledged, ack.count)
        return Done(ack)
