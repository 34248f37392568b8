"""Buckets as streams, and streams as buckets."""

from __future__ import annotations

from typing import Any

import pytest

from txnats.errors import InvalidArgument
from txnats.jetstream import ExternalStream, Placement, Republish, StreamSource, SubjectTransform
from txnats.kv.config import BucketConfig, Places, bucket_config, places, stream_config


def test_the_usual() -> None:
    stream = stream_config(BucketConfig("b"), server_level=1)
    assert stream.name == "KV_b"
    assert stream.subjects == ["$KV.b.>"]
    assert stream.max_msgs_per_subject == 1
    assert stream.discard == "new"
    assert stream.allow_rollup_hdrs
    assert stream.deny_delete
    assert stream.allow_direct
    assert stream.allow_msg_ttl
    assert (stream.max_msgs, stream.max_consumers, stream.max_bytes, stream.max_msg_size) == (-1, -1, -1, -1)
    assert (stream.max_age, stream.duplicate_window, stream.subject_delete_marker_ttl) == (0, 120, 0)


def test_an_old_server_is_not_asked_for_what_it_cannot() -> None:
    assert not stream_config(BucketConfig("b"), server_level=0).allow_msg_ttl
    assert stream_config(BucketConfig("b", allow_ttl=True), server_level=0).allow_msg_ttl
    assert not stream_config(BucketConfig("b", allow_ttl=False), server_level=5).allow_msg_ttl


@pytest.mark.parametrize(("ttl", "window"), [(0.0, 120.0), (30.0, 30.0), (3600.0, 120.0)])
def test_the_duplicate_window_is_no_longer_than_the_values_live(ttl: float, window: float) -> None:
    assert stream_config(BucketConfig("b", ttl=ttl)).duplicate_window == window


def test_every_option_goes_there_and_back() -> None:
    config = BucketConfig(
        "b",
        description="words",
        history=7,
        ttl=60.0,
        limit_marker_ttl=5.0,
        allow_ttl=True,
        max_bytes=1000,
        max_value_size=100,
        storage="memory",
        replicas=3,
        placement=Placement(cluster="c", tags=["t"]),
        compression=True,
        republish=Republish(src=">", dest="again.>"),
        allow_direct=False,
        metadata={"a": "b"},
    )
    assert bucket_config(stream_config(config)) == config
    assert config.replace(history=8).history == 8


@pytest.mark.parametrize(
    "options",
    [
        {"history": 0},
        {"history": 65},
        {"history": True},
        {"limit_marker_ttl": 1.0, "allow_ttl": False},
        {"mirror": StreamSource(name="a"), "sources": [StreamSource(name="c")]},
    ],
)
def test_what_cannot_be(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        stream_config(BucketConfig("b", **options))


def test_no_bucket_is_made_of_other_things() -> None:
    with pytest.raises(InvalidArgument):
        stream_config("b")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument):
        stream_config(BucketConfig("a.b"))


@pytest.mark.parametrize("name", ["origin", "KV_origin"])
def test_a_mirror_has_no_subjects_and_reads_those_of_its_origin(name: str) -> None:
    stream = stream_config(BucketConfig("copy", mirror=StreamSource(name=name)))
    assert stream.subjects == []
    assert stream.mirror is not None
    assert stream.mirror.name == "KV_origin"
    assert stream.mirror_direct
    assert places(stream) == Places("KV_copy", "$KV.origin.", "$KV.origin.")


def test_a_mirror_of_another_domain_writes_there() -> None:
    there = StreamSource(name="origin", external=ExternalStream.in_domain("hub"))
    stream = stream_config(BucketConfig("copy", mirror=there))
    assert places(stream).write == "$JS.hub.API.$KV.origin."
    assert places(stream).read == "$KV.origin."


def test_writes_go_through_the_prefix_of_the_api() -> None:
    stream = stream_config(BucketConfig("b"))
    assert places(stream) == Places("KV_b", "$KV.b.", "$KV.b.")
    assert places(stream, "$JS.hub.API") == Places("KV_b", "$KV.b.", "$JS.hub.API.$KV.b.")
    assert places(stream, "imported").write == "imported.$KV.b."


def test_sources_become_keys_of_the_bucket() -> None:
    own = SubjectTransform(src="x", dest="y")
    stream = stream_config(
        BucketConfig(
            "b",
            sources=[
                StreamSource(name="one"),
                StreamSource(name="KV_two", filter_subject="$KV.two.new.*"),
                StreamSource(name="three", subject_transforms=[own]),
                StreamSource(name="b", external=ExternalStream.in_domain("hub")),
            ],
        )
    )
    assert stream.subjects == ["$KV.b.>"]
    assert [each.name for each in stream.sources] == ["KV_one", "KV_two", "three", "KV_b"]
    assert stream.sources[0].subject_transforms == [SubjectTransform(src="$KV.one.>", dest="$KV.b.>")]
    assert stream.sources[1].subject_transforms == [
        SubjectTransform(src="$KV.two.new.*", dest="$KV.b.new.{{wildcard(1)}}")
    ]
    assert stream.sources[1].filter_subject == ""
    assert stream.sources[2].subject_transforms == [own]
    assert stream.sources[3].subject_transforms == []
