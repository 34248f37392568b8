"""What the test and the client's process tell each other: one JSON line each way for each case."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

ADDRESS_SPACE = 1 << 30
"""Bytes that the client's process may map: what runs away ends there, not in the machine's swap."""
HANDSHAKE = 1.0
"""Seconds for one attempt, unless a job says otherwise."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One case, as the client sees it.

    Attributes:
        servers: The pool, tried in this order.
        until: What ends it: the outcome of ``connect``; messages that flow over another connection than the first; the
            client's own end; or the deadline and nothing else.
        deadline: Seconds after which it has not ended.
        repeat: Calls of ``connect``, one after the other, for "connected".
        names_at: Port at which every host of the domain ``test`` is found.
    """

    servers: list[str]
    until: Literal["connected", "recovered", "closed", "deadline"]
    deadline: float = 8.0
    repeat: int = 1
    timeout: float = HANDSHAKE
    first_wait: float = 0.02
    max_wait: float = 0.1
    max_attempts: int = 3
    retry_on_first_connect: bool = False
    ping_interval: float = 30.0
    tls: bool = False
    limits: dict[str, int] = {}
    websocket: dict[str, Any] = {}
    names_at: int = 0


class Told(msgspec.Struct, frozen=True):
    """An event.

    Attributes:
        kind: Its class.
        text: The reason of a Disconnected, Closed or AttemptFailed, ``Class: text``; else the event itself.
        at: Seconds since the start.
    """

    kind: str
    text: str
    at: float


class Report(msgspec.Struct, kw_only=True):
    """What became of a job.

    Attributes:
        ended: Whether it did, within its deadline.
        connected: What each ``connect`` raised, ``Class: text``; empty for a client.
        slowest_connect: Seconds.
        events: The first few hundred, and all of a connection's life.
        counts: Events of each class.
        delivered: Payloads that reached the application, the first few, at most 32 characters of each.
        header_errors: What reading ``headers`` raised.
        flushed: What each ``flush`` raised; empty if it did not.
        growth: Bytes by which resident memory exceeded that of the start, at its peak.
        processor: Seconds of processor time.
        left: Delayed calls, sockets and the like that were still there after ``close``.
        logged: Failures in the log: a Deferred that nobody looked at, an exception that Twisted caught.
    """

    ended: bool = False
    connected: list[str] = []
    slowest_connect: float = 0.0
    events: list[Told] = []
    counts: dict[str, int] = {}
    delivered: list[str] = []
    header_errors: list[str] = []
    flushed: list[str] = []
    growth: int = 0
    processor: float = 0.0
    seconds: float = 0.0
    left: list[str] = []
    logged: list[str] = []
    slowed: bool = False

    def texts(self, kind: str) -> list[str]:
        """What the events of a class say."""
        return [told.text for told in self.events if told.kind == kind]

    def waits(self) -> list[float]:
        """Seconds before each attempt after the first connection: since the loss, or since the attempt before."""
        waits, before = [], 0.0
        for told in self.events:
            if told.kind == "Reconnecting":
                waits.append(told.at - before)
            if told.kind in {"Disconnected", "Reconnecting"}:
                before = told.at
        return waits
