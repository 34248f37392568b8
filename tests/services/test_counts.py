"""What is counted."""

from __future__ import annotations

from txnats.services import ServiceError
from txnats.services.counts import Counts


def test_counting() -> None:
    counts = Counts()
    assert (counts.requests, counts.errors, counts.last_error, counts.nanoseconds, counts.average) == (0, 0, "", 0, 0)
    counts.ended(100)
    counts.ended(301, ServiceError(404, "gone"))
    counts.ended(-5)  # a clock that went back adds nothing
    assert (counts.requests, counts.errors, counts.last_error) == (3, 1, "404:gone")
    assert (counts.nanoseconds, counts.average) == (401, 133)
    counts.reset()
    assert (counts.requests, counts.average) == (0, 0)
