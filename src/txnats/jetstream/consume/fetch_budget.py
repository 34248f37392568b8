"""The rules of one fetch: so many messages, once, and what each status leads to.

Answers and acts nothing, has no clock: ``fetching`` obeys. One pull is out at a time; another is sent for what is left
only when the first is gone without its answer, as after a reconnect.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TypeAlias

import msgspec

from ..errors import JetStreamError, JetStreamUnavailable, MessageExceedsMaxBytes, PullLimitExceeded, WrongPinId
from .pull_budget import ending
from .pull_request import Priority, PullRequest
from .statuses import Meaning, meaning

_FIRST_WAIT, _LONGEST_WAIT = 0.05, 0.5


class Verdict(Enum):
    """What a fetch makes of a status."""

    GO_ON = auto()
    END = auto()
    END_UNLESS_EMPTY = auto()
    AGAIN = auto()
    ASK_AND_AGAIN = auto()
    RAISE = auto()


VERDICTS: dict[Meaning, Verdict] = {
    Meaning.ALIVE: Verdict.GO_ON,
    Meaning.EMPTY: Verdict.END,
    Meaning.EXPIRED: Verdict.END,
    Meaning.COMPLETED: Verdict.END,
    Meaning.TOO_LARGE: Verdict.END_UNLESS_EMPTY,
    Meaning.MOVED: Verdict.AGAIN,
    Meaning.NOBODY: Verdict.ASK_AND_AGAIN,
    Meaning.CROWDED: Verdict.RAISE,
    Meaning.OVER_LIMIT: Verdict.RAISE,
    Meaning.NOT_PINNED: Verdict.RAISE,
    Meaning.UNKNOWN: Verdict.RAISE,
}
"""The rest is the end of every pull."""

_ERRORS: dict[Meaning, type[JetStreamError]] = {
    Meaning.TOO_LARGE: MessageExceedsMaxBytes,
    Meaning.CROWDED: PullLimitExceeded,
    Meaning.OVER_LIMIT: PullLimitExceeded,
    Meaning.NOT_PINNED: WrongPinId,
}


class GoOn(msgspec.Struct, frozen=True):
    """The pull stands."""


class End(msgspec.Struct, frozen=True):
    """Nothing more will come."""


class Again(msgspec.Struct, frozen=True):
    """Send another pull after so many seconds; ask meanwhile if the consumer still exists."""

    seconds: float
    ask: bool


class Raise(msgspec.Struct, frozen=True):
    """It failed."""

    error: JetStreamError


FetchAnswer: TypeAlias = GoOn | End | Again | Raise


class FetchBudget:
    """What one fetch still wants.

    Args:
        where: Stream and consumer, for errors.
        messages: How many.
        size: Bytes at most, or None.
        no_wait: Only what is there.
        priority: For consumers with priority groups.

    Attributes:
        left: Messages that are still wanted.
        pulls: Pulls so far: after one, nothing can come that was not asked for.
        problem: What kept the last pull from being served; None once something came.
    """

    __slots__ = ("_failures", "_got", "_no_wait", "_priority", "_size", "_where", "left", "problem", "pulls")

    def __init__(
        self, where: str, *, messages: int, size: int | None, no_wait: bool, priority: Priority | None = None
    ) -> None:
        self._where = where
        self._size = size
        self._no_wait = no_wait
        self._priority = priority
        self._failures = 0
        self._got = 0
        self.left = messages
        self.pulls = 0
        self.problem: JetStreamError | None = None

    @property
    def counts_bytes(self) -> bool:
        """Whether ``arrived`` needs the sizes of messages."""
        return self._size is not None

    def pull(self, expires: float, heartbeat: float) -> PullRequest:
        """The pull for what is left."""
        self.pulls += 1
        return PullRequest(
            token=self.pulls,
            batch=self.left,
            expires=0.0 if self._no_wait else expires,
            heartbeat=0.0 if self._no_wait else heartbeat,
            max_bytes=self._size,
            no_wait=self._no_wait,
            priority=self._priority,
        )

    def arrived(self, size: int = 0, count: int = 1) -> bool:
        """So many messages came, of so many bytes together. True when that is all."""
        self.left -= count
        self._got += count
        self.problem = None
        if self._size is not None:
            self._size -= size
            if self._size <= 0:
                return True
        return self.left <= 0

    def status(self, token: int, code: int, description: str) -> FetchAnswer:
        """A status came for the pull with this token."""
        found = meaning(code, description)
        error = ending(found, code, description, self._where)
        if error is not None:
            return Raise(error)
        if token != self.pulls:
            return GoOn()
        match VERDICTS[found]:
            case Verdict.GO_ON:
                self.problem = None
                return GoOn()
            case Verdict.END:
                return End()
            case Verdict.END_UNLESS_EMPTY if self._got:
                return End()
            case Verdict.AGAIN:
                return self._again(ask=False)
            case Verdict.ASK_AND_AGAIN:
                self.problem = JetStreamUnavailable(
                    code,
                    0,
                    description or "nobody serves this consumer",
                    what="nothing could be pulled",
                    where=self._where,
                )
                return self._again(ask=True)
            case _:
                kind = _ERRORS.get(found, JetStreamError)
                return Raise(kind(code, 0, description, what="the pull was refused", where=self._where))

    def _again(self, *, ask: bool) -> Again:
        seconds = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(self._failures, 10))
        self._failures += 1
        return Again(seconds, ask)
