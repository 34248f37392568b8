"""The rules of a loop that pulls: how much is asked for, when, and what each answer leads to.

Answers and acts nothing, has no clock: ``pull_loop`` obeys. Messages are *out* from the pull that asks for them until
they arrive, and *held* from then on until they are handed over; both together never exceed what may be asked for.

Source: ADR-37 (thresholds, heartbeats), ADR-42 (priority groups).
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ..errors import (
    BadPullRequest,
    ConsumerDeleted,
    ConsumerIsPush,
    MessageExceedsMaxBytes,
    NotSupported,
    PullFailed,
    PullLimitExceeded,
)
from .events import ConsumeEvent, HeartbeatsMissed, Pinned, Pulled, Unpinned
from .pull_request import Priority, PullRequest
from .statuses import Meaning, count_limit, meaning, time_limit

MOST_OPEN = 4096
"""Pulls that are remembered; the oldest is forgotten beyond, which costs at most one heartbeat."""
BATCH_OF_BYTES = 1_000_000
"""Messages that are asked for when only bytes count."""
SHORTEST_EXPIRES = 1.0
_FIRST_WAIT, _LONGEST_WAIT = 0.05, 0.5


class Ignore(msgspec.Struct, frozen=True):
    """Nothing is to be done."""


class Refill(msgspec.Struct, frozen=True):
    """Send this pull, and tell of the event if there is one."""

    request: PullRequest
    event: ConsumeEvent | None = None


class Warn(msgspec.Struct, frozen=True):
    """Tell of this, and send nothing."""

    event: ConsumeEvent


class Wait(msgspec.Struct, frozen=True):
    """Send nothing for so many seconds; then ask ``resume``.

    Attributes:
        ask: Whether to ask the server meanwhile if the consumer still exists.
    """

    seconds: float
    event: ConsumeEvent | None = None
    ask: bool = False


class Stop(msgspec.Struct, frozen=True):
    """It is over."""

    error: PullFailed | NotSupported


Answer: TypeAlias = Ignore | Refill | Warn | Wait | Stop

IGNORE = Ignore()

_ENDS: dict[Meaning, type[PullFailed]] = {
    Meaning.DELETED: ConsumerDeleted,
    Meaning.NO_PULL: ConsumerIsPush,
    Meaning.BAD_REQUEST: BadPullRequest,
}


def ending(found: Meaning, code: int, description: str, where: str) -> PullFailed | NotSupported | None:
    """The error that a status is for every kind of pull, or None when it is not the end."""
    if found is Meaning.TOO_OLD:
        return NotSupported(code, 10185, description, what="the pull was refused", where=where)
    kind = _ENDS.get(found)
    return None if kind is None else kind(code, 0, description, what="the pull has ended", where=where)


class _Pull(msgspec.Struct):
    """One pull that the server may hold."""

    messages: int
    size: int | None
    arrived_before: int
    repeats: bool
    """It was sent after one that came to nothing."""


class PullBudget:
    """What is out, what is held, and what may be asked for.

    Args:
        stream: For the words of errors and events.
        consumer: Likewise.
        messages: Messages that may be out and held together.
        size: Bytes that may be, or None when bytes do not count.
        expires: Seconds that a pull may wait at the server.
        heartbeat: Seconds of silence after which the server says that it is there.
        threshold: A pull is sent when no more messages than this are out and held.
        size_threshold: The same for bytes.
        priority: For consumers with priority groups.

    Attributes:
        heartbeat: Seconds; less than was given when the consumer allows no pull to wait so long.
        out: Messages that were asked for and may still come.
        held: Messages that came and were not handed over.
        out_size: Bytes that may still come.
        held_size: Bytes that were not handed over.
        is_waiting: True from ``Wait`` until ``resume`` or ``reset``.
    """

    __slots__ = (
        "_arrived",
        "_consumer",
        "_ends",
        "_expires",
        "_failures",
        "_idle",
        "_lowered",
        "_messages",
        "_next_token",
        "_open",
        "_pin",
        "_priority",
        "_size",
        "_size_threshold",
        "_stream",
        "_stuck",
        "_threshold",
        "heartbeat",
        "held",
        "held_size",
        "is_waiting",
        "out",
        "out_size",
    )

    def __init__(
        self,
        stream: str,
        consumer: str,
        *,
        messages: int,
        size: int | None,
        expires: float,
        heartbeat: float,
        threshold: int,
        size_threshold: int,
        priority: Priority | None = None,
    ) -> None:
        self._stream = stream
        self._consumer = consumer
        self._messages = messages
        self._size = size
        self._expires = expires
        self.heartbeat = heartbeat
        self._threshold = min(threshold, messages)
        self._size_threshold = size_threshold
        self._priority = priority
        self._pin: str | None = None
        self._lowered = False
        self._ends = False
        self._open: dict[int, _Pull] = {}
        self._next_token = 1
        self._arrived = 0
        self._failures = 0
        # The last pull to end came to nothing: without a message, and without a heartbeat since.
        self._idle = False
        # How often in a row the next message did not fit although all bytes were free.
        self._stuck = 0
        self.out = 0
        self.held = 0
        self.out_size = 0
        self.held_size = 0
        self.is_waiting = False

    @property
    def where(self) -> str:
        """Whose messages they are."""
        return f"{self._stream} > {self._consumer}"

    @property
    def counts_bytes(self) -> bool:
        """Whether ``arrived`` and ``handed`` need the sizes of messages."""
        return self._size is not None

    # What happens

    def arrived(self, size: int = 0) -> None:
        """A message came. It is held until ``handed``."""
        self._arrived += 1
        self._failures = 0
        self.held += 1
        if self.out > 0:
            self.out -= 1
        if self._size is not None:
            self._stuck = 0
            self.held_size += size
            self.out_size = max(0, self.out_size - size)

    def handed(self, size: int = 0) -> Refill | None:
        """A held message was handed over, or given back."""
        if self.held > 0:
            self.held -= 1
        if self._size is not None:
            self.held_size = max(0, self.held_size - size)
        elif self.out + self.held > self._threshold:
            return None
        return self._refill()

    def status(self, token: int, code: int, description: str, left: tuple[int, int] | None) -> Answer:
        """A status came.

        Args:
            token: Which pull it is for.
            code: The status code.
            description: The server's words.
            left: Messages and bytes of the pull that will not come, if the server tells.
        """
        found = meaning(code, description)
        if found is Meaning.ALIVE:
            self._failures = 0
            self._idle = False
            return IGNORE
        error = ending(found, code, description, self.where)
        if error is not None:
            return Stop(error)
        pull = self._open.pop(token, None)
        if pull is None:
            return IGNORE  # a pull of before a reset: it counts no more
        if found is Meaning.MOVED:
            self._forget()
        else:
            self._close(pull, left)
        return self._after(found, pull, Pulled(code, description))

    def silent(self) -> Refill | Warn:
        """Nothing came for too long while pulls were out: whoever held them holds them no more."""
        event = HeartbeatsMissed(self._stream, self._consumer)
        self._forget()
        self.is_waiting = self._ends
        request = self.refill()
        return Warn(event) if request is None else Refill(request, event)

    def reset(self) -> Refill | Ignore:
        """The connection is new: no earlier pull counts. What is held stays so."""
        self._forget()
        self._failures = 0
        return self.resume()

    def hold(self) -> None:
        """Ask for nothing more: it ends."""
        self.is_waiting = self._ends = True

    def resume(self) -> Refill | Ignore:
        """The time of a ``Wait`` is over."""
        self.is_waiting = self._ends
        return self._refill() or IGNORE

    def pinned(self, pin: str) -> Warn | Ignore:
        """A message carried this id of the pinned client, which is us."""
        if pin == self._pin or self._priority is None:
            return IGNORE
        self._pin = pin
        return Warn(Pinned(self._priority.group, pin))

    def refill(self) -> PullRequest | None:
        """The pull that is due now, if one is."""
        if self.is_waiting:
            return None
        pending, room = self.out + self.held, None
        if self._size is not None:
            pending_size = self.out_size + self.held_size
            room = self._size - pending_size
            if pending > self._threshold and pending_size > self._size_threshold:
                return None
            if room <= 0 or (self._stuck and pending):
                return None
        elif pending > self._threshold:
            return None
        wanted = self._messages - pending
        return self._ask(wanted, room) if wanted > 0 else None

    # Inside

    def _refill(self) -> Refill | None:
        request = self.refill()
        return None if request is None else Refill(request)

    def _ask(self, messages: int, size: int | None) -> PullRequest:
        token, self._next_token = self._next_token, self._next_token + 1
        self._open[token] = _Pull(messages, size, self._arrived, self._idle)
        if len(self._open) > MOST_OPEN:
            del self._open[next(iter(self._open))]
        self.out += messages
        if size is not None:
            self.out_size += size
        return PullRequest(
            token=token,
            batch=messages,
            expires=self._expires,
            max_bytes=size,
            heartbeat=self.heartbeat,
            priority=self._priority,
            pin=self._pin,
        )

    def _forget(self) -> None:
        """No pull is out."""
        self._open.clear()
        self.out = self.out_size = 0

    def _close(self, pull: _Pull, left: tuple[int, int] | None) -> None:
        """One pull has ended. Without a word on what is left of it, it was refused before it delivered anything."""
        messages, size = left or (pull.messages, pull.size or 0)
        self.out = max(0, self.out - min(messages, pull.messages))
        if pull.size is not None:
            self.out_size = max(0, self.out_size - min(size, pull.size))
        # What other pulls did not ask for cannot come.
        self.out = min(self.out, sum(other.messages for other in self._open.values()))
        if not self._open:
            self.out_size = 0

    def _after(self, found: Meaning, pull: _Pull, event: Pulled) -> Answer:
        match found:
            case Meaning.EXPIRED | Meaning.COMPLETED if self._came_to_nothing_again(pull):
                return self._wait(event, ask=False)
            case Meaning.EXPIRED | Meaning.COMPLETED:
                return self._refill() or IGNORE
            case Meaning.TOO_LARGE:
                return self._did_not_fit(pull, event)
            case Meaning.OVER_LIMIT:
                return self._lower(pull, event)
            case Meaning.NOT_PINNED if self._priority is not None and self._pin is not None:
                self._pin = None
                unpinned = Unpinned(self._priority.group, event.description)
                request = self.refill()
                return Warn(unpinned) if request is None else Refill(request, unpinned)
            case _:
                return self._wait(event, ask=found is Meaning.NOBODY)

    def _came_to_nothing_again(self, pull: _Pull) -> bool:
        """Whether it ended without messages and heartbeats, as did the one before it: the next one has to wait.

        A pull that waits at a server for its time has heartbeats.
        """
        nothing = pull.arrived_before == self._arrived
        again = nothing and pull.repeats and self._idle
        self._idle = nothing
        return again

    def _wait(self, event: ConsumeEvent, *, ask: bool) -> Wait:
        self.is_waiting = True
        told = event if not self._failures else None  # the first of a row
        seconds = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(self._failures, 10))
        self._failures += 1
        return Wait(seconds, told, ask)

    def _did_not_fit(self, pull: _Pull, event: Pulled) -> Answer:
        """The next message is larger than what was left: ask again with all bytes free, and end if that was the case.

        Else a message larger than the whole budget would be asked for again and again, for ever.
        """
        whole = pull.size == self._size and pull.arrived_before == self._arrived
        if whole and self._stuck:
            error = MessageExceedsMaxBytes(
                event.code, 0, event.description, what="the loop has ended", where=self.where
            )
            return Stop(error)
        self._stuck += 1
        return self._refill() or IGNORE

    def _lower(self, pull: _Pull, event: Pulled) -> Answer:
        """The consumer allows less in one pull: ask for that much from now on."""
        words = event.description.casefold()
        lowered = False
        if "expires" in words:
            seconds = time_limit(event.description)
            if seconds and seconds < self._expires:
                self._expires, self.heartbeat, lowered = seconds, min(self.heartbeat, seconds / 2), True
        else:
            limit = count_limit(event.description)
            if limit and "maxbytes" in words:
                lowered = pull.size is not None and limit < pull.size
                if lowered and self._size is not None:
                    self._size = min(self._size, limit)
                    self._size_threshold = min(self._size_threshold, self._size // 2)
            elif limit:
                lowered = limit < pull.messages
                self._messages = min(self._messages, limit)
                self._threshold = min(self._threshold, self._messages // 2)
        # Pulls that were sent before it was lowered are refused as well.
        if not lowered and not self._lowered:
            return Stop(
                PullLimitExceeded(event.code, 0, event.description, what="the loop has ended", where=self.where)
            )
        self._lowered = lowered
        request = self.refill()
        return Warn(event) if request is None else Refill(request, event)
