"""The rules of a fast batch: how far one may run ahead, what each answer means, when to ping. Pure: it is told time.

The stream answers every so many messages, and says with each answer how many that are. Answers may be lost: each stands
for all before it, and a ping brings the newest again.
Source: ADR-50.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, TypeAlias

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
        self._last_sent = 0.0
        self._last_heard = 0.0
        self._waiting_since: float | None = None

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
        return self.sent < self.acknowledged + self.every * self._outstanding

    def send(self, now: float, *, last: bool = False) -> int:
        """A message leaves: its number."""
        self.sent += 1
        self._last_sent = now
        self._committing = self._committing or last
        if not self.may_send and self._waiting_since is None:
            self._waiting_since = now
        return self.sent

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
                gap = Gap(told.last_seq, told.seq - 1)
                if self._gaps == "fail":
                    self.stopped_by = gap
                return gap
            case "err" if told.error is not None:
                refused = Refused(told.seq, told.error)
                if self._gaps == "fail":
                    self.stopped_by = refused
                return refused
        return Nonsense()

    def due(self, now: float, timeout: float) -> Literal["ping", "give up"] | None:
        """What silence calls for."""
        if self.is_over or self.sent == 0:
            return None
        awaited = self._waiting_since is not None or self._committing or not self.is_open or self.stopped_by is not None
        silent = now - max(self._last_heard, self._last_sent if self._waiting_since is None else self._waiting_since)
        if awaited and silent >= timeout:
            return "give up"
        return "ping" if silent >= (PING_AFTER if awaited else KEEP_ALIVE) else None

    def reply(self, inbox: str, flow: int, operation: Operation, sequence: int) -> str:
        """The reply subject of a message, which says all that the stream has to know."""
        return f"{inbox}.{flow}.{self._gaps}.{sequence}.{operation.value}.$FI"

    def _acknowledge(self, told: _Told) -> Go:
        self.is_open = True
        if told.msgs > 0:
            self.every = told.msgs
        self.acknowledged = max(self.acknowledged, told.seq)
        if self.may_send:
            self._waiting_since = None
        return Go(self.acknowledged)

    def _ended(self, payload: bytes) -> Meaning:
        ack = read(payload)
        if ack is None:
            return Nonsense()
        self.is_over = True
        if isinstance(ack, ApiError):
            return Failed(ack)
        self.acknowledged = max(self.acknowledged, ack.count)
        return Done(ack)
