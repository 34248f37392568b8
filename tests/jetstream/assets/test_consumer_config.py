"""Consumer configurations: what is worth sending, where it is sent, what needs which server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.jetstream.assets.samples import CONSUMERS, fields_never_set
from txnats import InvalidArgument
from txnats.jetstream import ConsumerConfig
from txnats.jetstream.assets.consumer_config import check, create_suffix, named, required_level
from txnats.jetstream.records import from_wire, to_wire


@pytest.mark.parametrize("sample", CONSUMERS)
def test_full_ones_are_good_and_survive_the_wire(sample: str) -> None:
    level, config = CONSUMERS[sample]
    assert check(config) is config
    assert required_level(config)[0] == level
    assert from_wire(ConsumerConfig, to_wire(config)).differences(config) == {}


def test_every_field_is_in_a_sample() -> None:
    # direct and sourcing are for the consumers that servers make among themselves.
    assert fields_never_set([config for _, config in CONSUMERS.values()]) == {"direct", "extra", "sourcing"}


def test_a_plain_one_says_little() -> None:
    assert to_wire(ConsumerConfig(durable_name="d")) == {
        "durable_name": "d",
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "replay_policy": "instant",
    }


@pytest.mark.parametrize(
    ("fields", "suffix"),
    [
        ({}, "CONSUMER.CREATE.S"),
        ({"name": "n"}, "CONSUMER.CREATE.S.n"),
        ({"durable_name": "d"}, "CONSUMER.CREATE.S.d"),
        ({"durable_name": "d", "filter_subject": "a.b"}, "CONSUMER.CREATE.S.d.a.b"),
        ({"durable_name": "d", "filter_subject": "a.*"}, "CONSUMER.CREATE.S.d"),
        ({"durable_name": "d", "filter_subject": "a.>"}, "CONSUMER.CREATE.S.d"),
        ({"durable_name": "d", "filter_subject": ">"}, "CONSUMER.CREATE.S.d"),
        ({"durable_name": "d", "filter_subject": "a*.b"}, "CONSUMER.CREATE.S.d.a*.b"),
        ({"durable_name": "d", "filter_subjects": ["a.b"]}, "CONSUMER.CREATE.S.d"),
    ],
)
def test_where_it_is_made(fields: dict[str, Any], suffix: str) -> None:
    assert create_suffix("S", ConsumerConfig(**fields)) == suffix


def test_names() -> None:
    assert named(ConsumerConfig()) == ""
    assert named(ConsumerConfig(name="a", durable_name="a")) == "a"
    with pytest.raises(InvalidArgument):
        named(ConsumerConfig(name="a", durable_name="b"))


def test_filters() -> None:
    assert ConsumerConfig().filters == []
    assert ConsumerConfig(filter_subject="a").filters == ["a"]
    assert ConsumerConfig(filter_subjects=["a", "b"]).filters == ["a", "b"]


PUSH = {"deliver_subject": "d"}


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "a.b"},
        {"name": "a", "durable_name": "b"},
        {"deliver_policy": "some"},
        {"ack_policy": "maybe"},
        {"replay_policy": "slow"},
        {"priority_policy": "first", "priority_groups": ["A"]},
        {"deliver_policy": "by_start_sequence"},
        {"opt_start_seq": 3},
        {"deliver_policy": "by_start_time"},
        {"opt_start_time": datetime(2026, 1, 1, tzinfo=UTC)},
        {"deliver_policy": "last_per_subject"},
        {"ack_wait": -1.0},
        {"max_deliver": -2},
        {"backoff": [1.0, 2.0], "max_deliver": 1},
        {"backoff": [1.0]},
        {"backoff": [-1.0], "max_deliver": 3},
        {"filter_subject": "a..b"},
        {"filter_subject": "a", "filter_subjects": ["b"]},
        {"filter_subjects": ["a", "a"]},
        {"filter_subjects": [""]},
        {"filter_subjects": "a.b"},
        {"sample_freq": "often"},
        {"max_waiting": -1},
        {"max_expires": 0.0001},
        {"flow_control": True},
        {"idle_heartbeat": 1.0},
        {"rate_limit_bps": 5},
        {"deliver_group": "g"},
        {"deliver_subject": "a.*"},
        {**PUSH, "max_waiting": 5},
        {**PUSH, "flow_control": True},
        {**PUSH, "idle_heartbeat": 0.05},
        {**PUSH, "ack_policy": "none", "max_ack_pending": 5},
        {**PUSH, "priority_policy": "overflow", "priority_groups": ["A"]},
        {"ack_policy": "flow_control"},
        {"priority_policy": "overflow"},
        {"priority_groups": ["A"]},
        {"priority_timeout": 3.0},
        {"priority_policy": "overflow", "priority_groups": ["far too long a name"]},
        {"priority_policy": "overflow", "priority_groups": [""]},
        {"num_replicas": -1},
    ],
)
def test_what_no_server_takes_is_not_sent(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        check(ConsumerConfig(**fields))


def test_something_else_is_no_configuration() -> None:
    with pytest.raises(InvalidArgument, match="ConsumerConfig"):
        check({"name": "A"})  # type: ignore[arg-type]


def test_what_is_left_to_the_server_is_no_difference() -> None:
    mine = ConsumerConfig(durable_name="d", max_batch=5)
    theirs = ConsumerConfig(
        durable_name="d", name="d", max_batch=6, ack_wait=30.0, max_deliver=-1, max_waiting=512, max_ack_pending=1000
    )
    assert mine.differences(theirs) == {"max_batch": (5, 6)}
    assert mine.replace(max_batch=6, ack_wait=10.0).differences(theirs) == {"ack_wait": (10.0, 30.0)}
