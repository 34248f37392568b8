"""Who has which partitions, and what that means for streams and consumers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txnats import InvalidArgument
from txnats.jetstream import ConsumerConfig, StreamConfig
from txnats.jetstream.assets import consumer_config, stream_config
from txnats.jetstream.records import decode, encode
from txnats.partitioned import ElasticConfig, Mapping, PartitioningFilter, StaticConfig, plan

NAMES = st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=6, unique=True)


@given(NAMES, st.integers(1, 20))
def test_each_partition_has_one_member(members: list[str], partitions: int) -> None:
    config = StaticConfig(max_members=partitions, members=members)
    given_out = [number for member in members for number in plan.partitions_of(config, member)]
    assert sorted(given_out) == list(range(partitions))
    shares = [len(plan.partitions_of(config, member)) for member in sorted(members)[:partitions]]
    assert max(shares) - min(shares) <= 1


def test_shares_are_those_of_the_other_library() -> None:
    config = StaticConfig(max_members=7, members=["c", "a", "b", "a"])
    assert [plan.partitions_of(config, member) for member in "abcd"] == [[0, 1, 6], [2, 3], [4, 5], []]
    assert plan.partitions_of(StaticConfig(max_members=2, members=["a", "b", "c"]), "c") == []


def test_mappings_say_who_has_which() -> None:
    config = ElasticConfig(
        max_members=3, member_mappings=[Mapping(member="a", partitions=[2, 0]), Mapping(member="b", partitions=[1])]
    )
    assert plan.check(config) is config
    assert (config.filters_of("a"), config.filters_of("b"), config.filters_of("c")) == (["2.>", "0.>"], ["1.>"], [])
    assert plan.names_of(config) == ["a", "b"]


def test_filters_stand_behind_the_number() -> None:
    config = StaticConfig(max_members=2, members=["a"], filters=["x.*", "y.>"])
    assert config.filters_of("a") == ["0.x.*", "1.x.*", "0.y.>", "1.y.>"]
    assert StaticConfig(max_members=1, members=["a"]).filters_of("a") == ["0.>"]


def test_it_is_kept_in_the_words_of_the_other_library() -> None:
    config = ElasticConfig(
        max_members=4,
        partitioning_filters=[PartitioningFilter(filter="a.*", partitioning_wildcards=[1])],
        max_buffered_msg=100,
        members=["m"],
    )
    text = encode(config)
    assert b'"partitioning_filters":[{"filter":"a.*","partitioning_wildcards":[1]}]' in text
    assert decode(ElasticConfig, text) == config
    told = b'{"max_members":2,"partitioning_filters":null,"members":["a","b"]}'
    assert decode(ElasticConfig, told) == ElasticConfig(max_members=2, members=["a", "b"])


@pytest.mark.parametrize(
    ("wanted", "dest"),
    [
        (
            PartitioningFilter(filter="a.*.*", partitioning_wildcards=[2]),
            "{{Partition(9,2)}}.a.{{Wildcard(1)}}.{{Wildcard(2)}}",
        ),
        (PartitioningFilter(filter="a.*.>", partitioning_wildcards=[1]), "{{Partition(9,1)}}.a.{{Wildcard(1)}}.>"),
        (PartitioningFilter(filter="*", partitioning_wildcards=[]), "{{Partition(9)}}.{{Wildcard(1)}}"),
        (PartitioningFilter(), "{{Partition(9)}}.>"),
    ],
)
def test_how_subjects_get_their_number(wanted: PartitioningFilter, dest: str) -> None:
    made = plan.transform(wanted, 9)
    assert (made.src, made.dest) == (wanted.filter, dest)


def test_the_queue_of_an_elastic_group() -> None:
    source = StreamConfig(name="S", num_replicas=3, storage="memory")
    queue = stream_config.check(plan.work_queue(source, "g", ElasticConfig(max_members=2, max_buffered_msg=50)))
    assert (queue.name, queue.retention, queue.num_replicas, queue.storage) == ("S-g", "workqueue", 3, "memory")
    assert (queue.max_msgs, queue.max_bytes, queue.discard) == (50, -1, "new")


def test_the_consumer_of_a_member() -> None:
    template = ConsumerConfig(durable_name="other", filter_subject="x", max_ack_pending=1)
    config = consumer_config.check(plan.consumer_config(template, ["0.>"], durable="g-a"))
    assert (config.durable_name, config.filter_subjects, config.filter_subject) == ("g-a", ["0.>"], "")
    assert (config.ack_wait, config.priority_timeout, config.max_ack_pending) == (5.0, 5.0, 1)
    config = plan.consumer_config(template.replace(ack_wait=0.2), ["0.>"], name="a")
    assert (config.name, config.durable_name, config.priority_timeout, config.inactive_threshold) == ("a", "", 1.0, 0.2)
    assert (plan.pull_expires(5.0), plan.pull_expires(0.2)) == (2.5, 1.0)


@pytest.mark.parametrize(
    "config",
    [
        StaticConfig(max_members=0),
        StaticConfig(max_members=1, members=["a.b"]),
        StaticConfig(max_members=1, filters=["a..b"]),
        StaticConfig(max_members=1, members=["a"], member_mappings=[Mapping(member="b", partitions=[0])]),
        StaticConfig(max_members=2, member_mappings=[Mapping(member="a", partitions=[0])]),
        StaticConfig(max_members=1, member_mappings=[Mapping(member="a", partitions=[0, 0])]),
        StaticConfig(max_members=1, member_mappings=[Mapping(member="a", partitions=[1])]),
        StaticConfig(
            max_members=2, member_mappings=[Mapping(member="a", partitions=[0]), Mapping(member="a", partitions=[1])]
        ),
        ElasticConfig(max_members=1, partitioning_filters=[PartitioningFilter(filter="a.b")]),
        ElasticConfig(
            max_members=1, partitioning_filters=[PartitioningFilter(filter="a.*", partitioning_wildcards=[2])]
        ),
        ElasticConfig(
            max_members=1, partitioning_filters=[PartitioningFilter(filter="a.*", partitioning_wildcards=[1, 1])]
        ),
    ],
)
def test_what_makes_no_sense(config: Any) -> None:
    with pytest.raises(InvalidArgument):
        plan.check(config)


def test_names_and_subjects() -> None:
    assert plan.key_of("S", "g") == "S.g"
    assert plan.without_partition("3.a.b") == "a.b"
    assert plan.without_partition("a") == "a"
    with pytest.raises(InvalidArgument):
        plan.key_of("S", "g.h")


def test_only_members_may_change() -> None:
    config = ElasticConfig(max_members=2, members=["a"])
    assert config.same_but_for_members(ElasticConfig(max_members=2, members=["b"]))
    assert not config.same_but_for_members(ElasticConfig(max_members=3, members=["a"]))
