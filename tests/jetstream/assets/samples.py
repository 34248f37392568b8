"""Full configurations: each field is set, as far as fields go together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from txnats.jetstream import (
    ConsumerConfig,
    ConsumerLimits,
    ExternalStream,
    Placement,
    Republish,
    SourceConsumer,
    StreamConfig,
    StreamSource,
    SubjectTransform,
)

START = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)

STREAMS: dict[str, tuple[int, StreamConfig]] = {
    "limits": (
        0,
        StreamConfig(
            name="FULL",
            description="every field of 2.10",
            subjects=["full.>", "more.*"],
            retention="limits",
            max_consumers=7,
            max_msgs=1000,
            max_bytes=1_000_000,
            max_age=3600.5,
            max_msgs_per_subject=10,
            max_msg_size=10_000,
            discard="new",
            discard_new_per_subject=True,
            storage="file",
            num_replicas=1,
            no_ack=True,
            duplicate_window=60.25,
            placement=Placement(tags=["one", "two"]),
            compression="s2",
            first_seq=100,
            subject_transform=SubjectTransform(src="full.*", dest="full.x.{{wildcard(1)}}"),
            republish=Republish(src="full.>", dest="again.>", headers_only=True),
            allow_direct=True,
            deny_delete=True,
            deny_purge=True,
            consumer_limits=ConsumerLimits(inactive_threshold=300.0, max_ack_pending=50),
            metadata={"owner": "us"},
        ),
    ),
    "workqueue": (
        0,
        StreamConfig(name="WORK", subjects=["work.>"], retention="workqueue", storage="memory", allow_rollup_hdrs=True),
    ),
    "interest": (0, StreamConfig(name="INTEREST", subjects=["interest.>"], retention="interest", max_age=10.0)),
    "sources": (
        0,
        StreamConfig(
            name="SOURCES",
            duplicate_window=0.0,
            sources=[
                StreamSource(name="ONE", opt_start_seq=5, filter_subject="one.>"),
                StreamSource(name="TWO", opt_start_time=START),
                StreamSource(
                    name="THREE",
                    subject_transforms=[
                        SubjectTransform(src="three.>", dest="3.>"),
                        SubjectTransform(src="x", dest="y"),
                    ],
                    external=ExternalStream(api="$JS.hub.API", deliver="from.hub"),
                ),
            ],
        ),
    ),
    "mirror": (
        0,
        StreamConfig(
            name="MIRROR",
            duplicate_window=0.0,
            mirror=StreamSource(name="ONE", opt_start_seq=3, external=ExternalStream.in_domain("hub")),
            mirror_direct=True,
        ),
    ),
    "ttl": (
        1,
        StreamConfig(
            name="TTL",
            subjects=["ttl.>"],
            allow_msg_ttl=True,
            subject_delete_marker_ttl=2.0,
            allow_rollup_hdrs=True,
        ),
    ),
    "counter": (2, StreamConfig(name="COUNTER", subjects=["count.>"], allow_msg_counter=True, allow_direct=True)),
    "batches": (
        2,
        StreamConfig(
            name="BATCHES",
            subjects=["batch.>"],
            allow_atomic=True,
            allow_msg_schedules=True,
            allow_rollup_hdrs=True,
            allow_msg_ttl=True,
        ),
    ),
    "async": (2, StreamConfig(name="ASYNC", subjects=["async.>"], persist_mode="async")),
    "fast": (4, StreamConfig(name="FAST", subjects=["fast.>"], allow_batched=True)),
    "durable source": (
        4,
        StreamConfig(
            name="DURABLE",
            duplicate_window=0.0,
            sources=[StreamSource(name="ONE", consumer=SourceConsumer(name="dur", deliver_subject="to.us"))],
        ),
    ),
}

CONSUMERS: dict[str, tuple[int, ConsumerConfig]] = {
    "pull": (
        0,
        ConsumerConfig(
            durable_name="full",
            description="every field of a pull consumer of 2.10",
            deliver_policy="by_start_sequence",
            opt_start_seq=3,
            ack_policy="explicit",
            ack_wait=1.5,
            max_deliver=5,
            backoff=[1.5, 2.0, 3.0],
            filter_subject="full.a",
            replay_policy="original",
            sample_freq="30%",
            max_waiting=64,
            max_ack_pending=20,
            headers_only=True,
            max_batch=50,
            max_expires=10.0,
            max_bytes=5000,
            inactive_threshold=120.0,
            num_replicas=1,
            mem_storage=True,
            metadata={"a": "b"},
        ),
    ),
    "filters": (
        0,
        ConsumerConfig(
            name="filters",
            deliver_policy="last_per_subject",
            ack_policy="all",
            filter_subjects=["full.a", "full.b.>"],
            inactive_threshold=60.0,
        ),
    ),
    "pattern": (0, ConsumerConfig(durable_name="pattern", filter_subject="full.*", deliver_policy="new")),
    "time": (
        0,
        ConsumerConfig(durable_name="time", deliver_policy="by_start_time", opt_start_time=START, ack_policy="none"),
    ),
    "last": (0, ConsumerConfig(durable_name="last", deliver_policy="last", max_ack_pending=-1)),
    "push": (
        0,
        ConsumerConfig(
            durable_name="push",
            deliver_subject="deliver.here",
            deliver_group="workers",
            flow_control=True,
            idle_heartbeat=5.0,
            rate_limit_bps=1_000_000,
        ),
    ),
    "paused": (1, ConsumerConfig(durable_name="paused", pause_until=datetime(2126, 1, 1, tzinfo=UTC))),
    "pinned": (
        1,
        ConsumerConfig(
            durable_name="pinned", priority_groups=["A"], priority_policy="pinned_client", priority_timeout=30.0
        ),
    ),
    "overflow": (1, ConsumerConfig(durable_name="overflow", priority_groups=["A"], priority_policy="overflow")),
    "prioritized": (2, ConsumerConfig(durable_name="prio", priority_groups=["A"], priority_policy="prioritized")),
    "flow": (
        4,
        ConsumerConfig(
            durable_name="flow",
            deliver_subject="deliver.flow",
            ack_policy="flow_control",
            flow_control=True,
            idle_heartbeat=1.0,
            max_ack_pending=100,
        ),
    ),
}


def fields_never_set(configs: list[Any]) -> set[str]:
    """The fields that have their default in each of them."""
    kind = type(configs[0])
    plain = kind(name="X")
    return {
        name
        for name in kind.__struct_fields__
        if all(getattr(config, name) == getattr(plain, name) for config in configs)
    }
