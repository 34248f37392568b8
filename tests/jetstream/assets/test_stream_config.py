"""Stream configurations: what is worth sending, what needs which server, what differs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.jetstream.assets.samples import STREAMS, fields_never_set
from txnats import InvalidArgument
from txnats.jetstream import Retention, SourceConsumer, StreamConfig, StreamSource, SubjectTransform
from txnats.jetstream.assets.stream_config import check, required_level
from txnats.jetstream.records import from_wire, to_wire


@pytest.mark.parametrize("sample", STREAMS)
def test_full_ones_are_good_and_survive_the_wire(sample: str) -> None:
    level, config = STREAMS[sample]
    assert check(config) is config
    assert required_level(config)[0] == level
    assert from_wire(StreamConfig, to_wire(config)).differences(config) == {}


def test_every_field_is_in_a_sample() -> None:
    assert fields_never_set([config for _, config in STREAMS.values()]) == {"extra", "num_replicas", "sealed"}


def test_a_plain_one_says_little() -> None:
    assert to_wire(StreamConfig(name="A", subjects=["a"])) == {
        "name": "A",
        "subjects": ["a"],
        "retention": "limits",
        "max_consumers": -1,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_msgs_per_subject": -1,
        "max_msg_size": -1,
        "discard": "old",
        "storage": "file",
        "num_replicas": 1,
        "compression": "none",
    }


def test_features_name_themselves() -> None:
    assert required_level(StreamConfig(name="A", allow_atomic=True, allow_msg_ttl=True)) == (2, ("allow_atomic",))
    assert required_level(StreamConfig(name="A")) == (0, ())
    mirror = StreamSource(name="B", consumer=SourceConsumer(name="c", deliver_subject="d"))
    assert required_level(StreamConfig(name="A", mirror=mirror))[0] == 4


MIRROR = StreamSource(name="B")


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "a.b"},
        {"subjects": ["a..b"]},
        {"subjects": ["a", "a"]},
        {"subjects": "a.b"},
        {"retention": "often"},
        {"storage": "tape"},
        {"discard": "all"},
        {"compression": "zip"},
        {"persist_mode": "maybe"},
        {"num_replicas": 0},
        {"num_replicas": 6},
        {"max_msgs": -2},
        {"max_bytes": 1.5},
        {"first_seq": -1},
        {"max_age": 0.01},
        {"max_age": -1.0},
        {"duplicate_window": 20.0, "max_age": 10.0},
        {"subject_delete_marker_ttl": 0.5},
        {"description": "d" * 5000},
        {"mirror": MIRROR, "subjects": ["a"]},
        {"mirror": MIRROR, "sources": [MIRROR]},
        {"mirror": MIRROR, "first_seq": 3},
        {"mirror": MIRROR, "allow_msg_counter": True},
        {"mirror": MIRROR, "allow_atomic": True},
        {"mirror": MIRROR, "allow_batched": True},
        {"mirror": MIRROR, "allow_msg_schedules": True},
        {"mirror": MIRROR, "subject_delete_marker_ttl": 2.0},
        {"mirror": StreamSource(name="b.c")},
        {
            "sources": [
                StreamSource(name="B", filter_subject="x", subject_transforms=[SubjectTransform(src="y", dest="z")])
            ]
        },
        {"sources": [StreamSource(name="B", filter_subject="x..y")]},
        {"sources": [StreamSource(name="B", consumer=SourceConsumer(name="c"))]},
        {"sources": [StreamSource(name="B", opt_start_seq=1, consumer=SourceConsumer(name="c", deliver_subject="d"))]},
        {"discard_new_per_subject": True, "max_msgs_per_subject": 1},
        {"discard_new_per_subject": True, "discard": "new"},
        {"deny_purge": True, "allow_rollup_hdrs": True},
        {"allow_msg_counter": True, "retention": "interest"},
        {"allow_msg_counter": True, "discard": "new"},
        {"allow_msg_counter": True, "allow_msg_ttl": True},
        {"allow_msg_counter": True, "allow_msg_schedules": True},
        {"allow_msg_schedules": True, "discard": "new"},
        {"allow_msg_schedules": True, "sources": [MIRROR]},
        {"persist_mode": "async", "storage": "memory"},
        {"persist_mode": "async", "num_replicas": 3},
        {"persist_mode": "async", "allow_atomic": True},
    ],
)
def test_what_no_server_takes_is_not_sent(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        check(StreamConfig(**{"name": "A", **fields}))


def test_something_else_is_no_configuration() -> None:
    with pytest.raises(InvalidArgument, match="StreamConfig"):
        check({"name": "A"})  # type: ignore[arg-type]


def test_words_and_enums_are_the_same() -> None:
    assert StreamConfig(name="A", retention="interest") == StreamConfig(name="A", retention=Retention.INTEREST)


def test_differences_are_told_and_what_the_server_adds_is_none() -> None:
    mine = StreamConfig(name="A", max_msgs=5, metadata={"a": "b"})
    theirs = mine.replace(
        max_msgs=6,
        subjects=["A"],
        duplicate_window=120.0,
        metadata={"a": "b", "_nats.ver": "2.15.1"},
        extra={"new": 1},
    )
    assert mine.differences(theirs) == {"max_msgs": (5, 6)}
    assert mine.differences(theirs.replace(max_msgs=5, metadata={})) == {"metadata": ({"a": "b"}, {})}
    assert mine.replace(duplicate_window=60.0).differences(theirs)["duplicate_window"] == (60.0, 120.0)
