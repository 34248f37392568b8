"""How long a lease is ours."""

from __future__ import annotations

from txnats.kv.lease_rules import LeaseTime


def test_it_ends_before_the_server_ends_it_and_is_renewed_well_before() -> None:
    time = LeaseTime(10.0)
    time.written(100.0)
    assert time.renewal == 100.0 + 10.0 / 3
    assert 100.0 < time.renewal < time.ends < 110.0
    assert time.left(100.0) == time.ends - 100.0
    assert time.left(200.0) == 0.0


def test_a_write_counts_from_when_it_was_sent() -> None:
    time = LeaseTime(3.0)
    time.written(1.0)
    first = time.ends
    time.written(2.0)
    assert time.ends == first + 1.0
