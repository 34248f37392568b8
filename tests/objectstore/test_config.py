"""Stores as streams, and streams as stores."""

from __future__ import annotations

import pytest

from txnats.errors import InvalidArgument
from txnats.jetstream import Placement
from txnats.objectstore.config import StoreConfig, store_config, stream_config


def test_the_usual() -> None:
    stream = stream_config(StoreConfig("s"))
    assert stream.name == "OBJ_s"
    assert stream.subjects == ["$O.s.C.>", "$O.s.M.>"]
    assert stream.discard == "new"
    assert stream.allow_rollup_hdrs
    assert stream.allow_direct
    assert not stream.deny_delete
    assert stream.max_bytes == -1


def test_every_option_goes_there_and_back() -> None:
    config = StoreConfig(
        "s",
        description="words",
        ttl=60.0,
        max_bytes=1000,
        storage="memory",
        replicas=3,
        placement=Placement(cluster="c"),
        compression=True,
        metadata={"a": "b"},
    )
    assert store_config(stream_config(config)) == config
    assert config.replace(ttl=1.0).ttl == 1.0


def test_what_cannot_be() -> None:
    with pytest.raises(InvalidArgument):
        stream_config(StoreConfig("a.b"))
    with pytest.raises(InvalidArgument):
        stream_config("s")  # type: ignore[arg-type]
