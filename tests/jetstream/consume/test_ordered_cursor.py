from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txnats import InvalidOption
from txnats.jetstream.consume.ordered_cursor import INACTIVE_NS, OrderedCursor


def test_the_first_consumer_is_what_was_asked_for() -> None:
    cursor = OrderedCursor({"deliver_policy": "new", "filter_subject": "a.>"}, "x")
    assert cursor.config() == {
        "deliver_policy": "new",
        "filter_subject": "a.>",
        "name": "x_0",
        "ack_policy": "none",
        "max_deliver": 1,
        "mem_storage": True,
        "num_replicas": 1,
        "inactive_threshold": INACTIVE_NS,
    }


def test_a_later_one_begins_behind_the_last_message() -> None:
    cursor = OrderedCursor({"deliver_policy": "by_start_time", "opt_start_time": "2024-01-01T00:00:00Z"}, "x")
    cursor.renew()
    assert cursor.config()["opt_start_time"] == "2024-01-01T00:00:00Z"  # nothing came yet
    assert cursor.arrived(17, 1)
    cursor.renew()
    config = cursor.config()
    assert (config["name"], config["deliver_policy"], config["opt_start_seq"]) == ("x_2", "by_start_sequence", 18)
    assert "opt_start_time" not in config


def test_last_per_subject_needs_a_filter() -> None:
    assert OrderedCursor({"deliver_policy": "last_per_subject"}, "x").config()["filter_subjects"] == [">"]
    filtered = OrderedCursor({"deliver_policy": "last_per_subject", "filter_subject": "a"}, "x").config()
    assert "filter_subjects" not in filtered


def test_the_users_threshold_stays() -> None:
    assert OrderedCursor({"inactive_threshold": 7}, "x").config()["inactive_threshold"] == 7


@pytest.mark.parametrize(
    "config",
    [
        {"durable_name": "d"},
        {"name": "d"},
        {"deliver_subject": "d"},
        {"deliver_group": "d"},
        {"ack_policy": "all"},
        {"max_deliver": 2},
        {"backoff": [1]},
    ],
)
def test_what_an_ordered_consumer_cannot_be(config: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption):
        OrderedCursor(config, "x")


@given(st.lists(st.sampled_from(["next", "skip", "repeat", "renew"]), max_size=60))
def test_whatever_happens_no_message_is_missing_or_repeated(steps: list[str]) -> None:
    """A server with a message at each sequence, whose deliveries get lost or come twice."""
    cursor = OrderedCursor({}, "x")
    taken = []
    stream, consumer = 1, 1

    def renew() -> None:
        nonlocal stream, consumer
        cursor.renew()
        stream, consumer = cursor.config().get("opt_start_seq", 1), 1

    for step in steps:
        if step == "renew":
            renew()
        elif step == "repeat":
            if consumer > 1:
                assert not cursor.arrived(stream - 1, consumer - 1)
                renew()
        else:
            if step == "skip":
                stream, consumer = stream + 1, consumer + 1
            if cursor.arrived(stream, consumer):
                taken.append(stream)
                stream, consumer = stream + 1, consumer + 1
            else:
                renew()
    assert taken == list(range(1, len(taken) + 1))
