from __future__ import annotations

import json
from typing import Any

import pytest

from txnats import InvalidArgument, InvalidOption
from txnats.jetstream.consume.pull_request import Priority, PullRequest


def body(**fields: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(PullRequest(token=1, **fields).encode())
    return told


def test_only_what_is_asked_for_is_sent() -> None:
    assert body(batch=5, expires=2.0) == {"batch": 5, "expires": 2_000_000_000}
    assert body(batch=1, expires=0.0, no_wait=True) == {"batch": 1, "no_wait": True}
    assert body(batch=1, expires=30.0, heartbeat=15.0, max_bytes=9) == {
        "batch": 1,
        "expires": 30_000_000_000,
        "idle_heartbeat": 15_000_000_000,
        "max_bytes": 9,
    }


def test_a_heartbeat_is_never_more_than_half_of_the_time() -> None:
    told = body(batch=1, expires=4.999999999, heartbeat=2.5)
    assert 2 * told["idle_heartbeat"] <= told["expires"]


def test_a_priority_of_zero_is_sent() -> None:
    priority = Priority(group="A", priority=0, min_pending=5, min_ack_pending=6)
    assert body(batch=1, expires=0.0, priority=priority, pin="x") == {
        "batch": 1,
        "group": "A",
        "priority": 0,
        "min_pending": 5,
        "min_ack_pending": 6,
        "id": "x",
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"group": ""},
        {"group": "a b"},
        {"group": "x" * 17},
        {"group": "a\n"},
        {"group": "A", "priority": 10},
        {"group": "A", "priority": -1},
        {"group": "A", "priority": True},
        {"group": "A", "min_pending": 0},
        {"group": "A", "min_ack_pending": -1},
    ],
)
def test_what_the_server_would_refuse_is_refused_here(fields: dict[str, Any]) -> None:
    with pytest.raises((InvalidOption, InvalidArgument)):
        Priority(**fields)
