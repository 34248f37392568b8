"""What came of it, and whether that is what was promised."""

from __future__ import annotations

import msgspec

from txnats.demo.notes import Asked
from txnats.demo.roles import IN_FLIGHT


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The sum of all that the processes told.

    Attributes:
        requests: How many were sent.
        asked: What the requester measured.
        handled: Requests that each responder handled.
        seen: Requests that the subscriber saw.
    """

    requests: int
    asked: Asked
    handled: dict[str, int]
    seen: int

    def problems(self) -> list[str]:
        """What keeps this from being "every request was answered exactly once"."""
        by, handled = self.asked.by, self.handled
        found = []
        if sum(by.values()) != self.requests:
            found.append(f"{sum(by.values())} of {self.requests} requests were answered")
        if by != {name: count for name, count in handled.items() if count}:
            found.append(f"the answers came from {by}, the responders handled {handled}")
        if self.seen != self.requests:
            found.append(f"the subscriber saw {self.seen} of {self.requests} requests")
        return found

    def shares(self) -> list[tuple[str, str, str]]:
        """Responder, requests and percentage."""
        return [(name, f"{count:,}", f"{count / self.requests:.0%}") for name, count in self.handled.items()]

    def figures(self) -> list[tuple[str, str]]:
        """What was measured, with its name."""
        return [
            (f"{IN_FLIGHT} at a time: requests/s", f"{self.requests / self.asked.seconds:,.0f}"),
            ("p50", f"{self.asked.p50 * 1000:.2f} ms"),
            ("p99", f"{self.asked.p99 * 1000:.2f} ms"),
        ]
