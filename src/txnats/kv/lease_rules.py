"""How long a lease is ours, and when it is renewed. It answers, and has no clock.

A lease is a key with a time to live. The server counts that from when it stores a write, which is never before the
write was sent: counted from the sending, we never believe for longer than the server does, if both clocks go at the
same pace. A tenth of the time is given away for clocks that do not.
"""

from __future__ import annotations

MARGIN = 0.1
RENEWALS = 3
"""A lease is renewed so many times in its time to live, so that a try or two may fail."""
RETRY_AFTER = 0.2
"""Seconds after which a renewal that failed for now is tried again."""


class LeaseTime:
    """The time of one lease.

    Args:
        ttl: Seconds that the server keeps it.
    """

    __slots__ = ("_sent", "ttl")

    def __init__(self, ttl: float) -> None:
        self.ttl = ttl
        self._sent = 0.0

    def written(self, sent: float) -> None:
        """A write that was sent then is stored."""
        self._sent = sent

    @property
    def ends(self) -> float:
        """From then on it cannot be relied on."""
        return self._sent + self.ttl * (1 - MARGIN)

    @property
    def renewal(self) -> float:
        """When it is to be renewed."""
        return self._sent + self.ttl / RENEWALS

    def left(self, now: float) -> float:
        """Seconds that it can be relied on, 0 at the least."""
        return max(0.0, self.ends - now)
