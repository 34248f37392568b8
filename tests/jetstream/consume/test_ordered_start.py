"""An ordered consumer that is made anew before its first message misses nothing of what came in between."""

from __future__ import annotations

from typing import Any

import pytest

from txnats.jetstream.consume.ordered_cursor import OrderedCursor

NEW = {"deliver_policy": "new"}
LAST = {"deliver_policy": "last_per_subject", "filter_subject": "a.>"}
ALL: dict[str, Any] = {}


def start(config: dict[str, Any]) -> tuple[Any, Any]:
    return config.get("deliver_policy"), config.get("opt_start_seq")


@pytest.mark.parametrize(
    ("config", "pending", "expected"),
    [
        (NEW, 0, ("by_start_sequence", 8)),
        (LAST, 0, ("by_start_sequence", 8)),
        (LAST, 3, ("last_per_subject", None)),
        (ALL, 0, (None, None)),
    ],
)
def test_it_begins_where_the_first_one_began(config: dict[str, Any], pending: int, expected: tuple[Any, Any]) -> None:
    cursor = OrderedCursor(config, "x")
    assert start(cursor.config()) == start(config)
    cursor.created(7, pending)
    cursor.renew()
    assert start(cursor.config()) == expected


def test_a_later_consumer_does_not_move_the_start() -> None:
    cursor = OrderedCursor(NEW, "x")
    cursor.created(7, 0)
    cursor.renew()
    cursor.created(9, 0)
    cursor.renew()
    assert start(cursor.config()) == ("by_start_sequence", 8)


def test_a_message_that_came_counts_more() -> None:
    cursor = OrderedCursor(NEW, "x")
    cursor.created(7, 0)
    assert cursor.arrived(12, 1)
    cursor.renew()
    assert start(cursor.config()) == ("by_start_sequence", 13)
