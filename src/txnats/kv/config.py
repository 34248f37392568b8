"""How a bucket is set up, and the stream that it is.

Source: ADR-8 and its revisions; ADR-19 for prefixes; ADR-48 for times to live.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from itertools import count

import msgspec

from ..errors import InvalidOption
from ..jetstream.assets.stream_config import (
    Compression,
    Discard,
    Placement,
    Republish,
    Storage,
    StreamConfig,
    StreamSource,
    SubjectTransform,
)
from ..options import check_count
from .naming import STREAM_PREFIX, bucket_of, check_bucket, stream_of, subjects_of

MOST_HISTORY = 64
_TWO_MINUTES = 120.0


@dataclass(frozen=True, slots=True)
class BucketConfig:
    """How a bucket is set up. Seconds are floats; -1 is no limit.

    Attributes:
        bucket: Its name: letters, digits, ``_`` and ``-``.
        history: Revisions that are kept of each key, 1 to 64.
        ttl: Seconds that each value is kept; 0 for ever.
        limit_marker_ttl: Seconds that a marker stays where a key has expired, so that watchers hear of it; 0 for no
            markers, else at least 1.
        allow_ttl: Whether single keys may have a time to live. None: if the server can do that (nats-server 2.11).
        max_bytes: What the bucket may hold in all.
        max_value_size: What one value may have.
        storage: ``file`` or ``memory``.
        replicas: Copies on other servers, 1 to 5.
        placement: Which servers hold it.
        compression: Whether it is packed on disk.
        republish: Writes are published again as core messages.
        mirror: The bucket is a copy of this one: reads are local, writes go to the original. A name without ``KV_``
            gets it.
        sources: The bucket also has what these buckets have, under its own name.
        allow_direct: Reads may be answered by any replica, which may be a moment behind; else only by the leader.
        metadata: Your own.
    """

    bucket: str
    _: KW_ONLY
    description: str = ""
    history: int = 1
    ttl: float = 0.0
    limit_marker_ttl: float = 0.0
    allow_ttl: bool | None = None
    max_bytes: int = -1
    max_value_size: int = -1
    storage: str = Storage.FILE
    replicas: int = 1
    placement: Placement | None = None
    compression: bool = False
    republish: Republish | None = None
    mirror: StreamSource | None = None
    sources: Sequence[StreamSource] = ()
    allow_direct: bool = True
    metadata: Mapping[str, str] = field(default_factory=dict)

    def replace(self, **changes: object) -> BucketConfig:
        """The same with some fields changed: what an update is made of."""
        return replace(self, **changes)  # type: ignore[arg-type]


def stream_config(config: BucketConfig, *, server_level: int = 0) -> StreamConfig:
    """The stream that a bucket is.

    Args:
        config: The bucket.
        server_level: The server's API level: what it can do decides what ``allow_ttl=None`` means.

    Raises:
        InvalidBucket, InvalidOption: No bucket can be so.
    """
    if not isinstance(config, BucketConfig):
        raise InvalidOption(f"a bucket is made from a BucketConfig, not {type(config).__name__}")
    bucket = check_bucket(config.bucket)
    check_count("BucketConfig.history", config.history, MOST_HISTORY)
    if config.mirror is not None and config.sources:
        raise InvalidOption("a bucket has a mirror or sources, not both")
    if config.limit_marker_ttl and config.allow_ttl is False:
        raise InvalidOption("limit_marker_ttl needs allow_ttl")
    allows_ttl = server_level >= 1 if config.allow_ttl is None else config.allow_ttl
    common = StreamConfig(
        name=stream_of(bucket),
        description=config.description,
        max_msgs_per_subject=config.history,
        max_age=config.ttl,
        duplicate_window=min(config.ttl, _TWO_MINUTES) if config.ttl > 0 else _TWO_MINUTES,
        max_bytes=_or_no_limit(config.max_bytes),
        max_msg_size=_or_no_limit(config.max_value_size),
        storage=config.storage,
        num_replicas=config.replicas,
        placement=config.placement,
        compression=Compression.S2 if config.compression else Compression.NONE,
        republish=config.republish,
        discard=Discard.NEW,
        allow_rollup_hdrs=True,
        deny_delete=True,
        allow_direct=config.allow_direct,
        allow_msg_ttl=allows_ttl or config.limit_marker_ttl > 0,
        subject_delete_marker_ttl=config.limit_marker_ttl,
        metadata=dict(config.metadata),
    )
    if config.mirror is not None:
        return common.replace(mirror=_named(config.mirror), mirror_direct=True)
    subjects = subjects_of(bucket) + ">"
    return common.replace(subjects=[subjects], sources=[_source(each, bucket) for each in config.sources])


def bucket_config(stream: StreamConfig) -> BucketConfig:
    """The bucket that a stream is."""
    return BucketConfig(
        bucket_of(stream.name),
        description=stream.description,
        history=max(1, stream.max_msgs_per_subject),
        ttl=stream.max_age,
        limit_marker_ttl=stream.subject_delete_marker_ttl,
        allow_ttl=stream.allow_msg_ttl,
        max_bytes=stream.max_bytes,
        max_value_size=stream.max_msg_size,
        storage=stream.storage,
        replicas=stream.num_replicas,
        placement=stream.placement,
        compression=stream.compression != Compression.NONE,
        republish=stream.republish,
        mirror=stream.mirror,
        sources=tuple(stream.sources),
        allow_direct=stream.allow_direct,
        metadata=dict(stream.metadata),
    )


@dataclass(frozen=True, slots=True)
class Places:
    """Where a bucket's keys are read and written.

    Attributes:
        stream: The stream that is read.
        read: What the subjects of its keys begin with.
        write: What the subjects begin with that a write is published to.
    """

    stream: str
    read: str
    write: str


def places(stream: StreamConfig, api_prefix: str = "$JS.API") -> Places:
    """Where the keys of a bucket are, told by its stream and by the prefix of the API that reaches it.

    A mirror keeps the subjects of its origin, which takes the writes. Writes into another domain, or through a prefix,
    go where the API of that place goes.
    """
    mirror = stream.mirror
    origin = bucket_of(mirror.name) if mirror is not None else bucket_of(stream.name)
    read = subjects_of(origin)
    if mirror is not None and mirror.external is not None and mirror.external.api:
        write = f"{mirror.external.api}.{read}"
    elif api_prefix != "$JS.API":
        write = f"{api_prefix}.{read}"
    else:
        write = read
    return Places(stream.name, read, write)


def _or_no_limit(limit: int) -> int:
    return limit or -1


def _named(source: StreamSource) -> StreamSource:
    """A source by the name of its stream."""
    if source.name.startswith(STREAM_PREFIX):
        return source
    return msgspec.structs.replace(source, name=stream_of(check_bucket(source.name)))


def _source(source: StreamSource, bucket: str) -> StreamSource:
    if source.subject_transforms:
        return source
    named = _named(source)
    origin = bucket_of(named.name)
    if named.external is not None and origin == bucket:
        return named
    # With a filter only those keys are taken; a source has a filter or transforms, not both.
    src = named.filter_subject or subjects_of(origin) + ">"
    dest = _wildcards_by_number(src.removeprefix(subjects_of(origin)))
    transform = SubjectTransform(src=src, dest=subjects_of(bucket) + dest)
    return msgspec.structs.replace(named, filter_subject="", subject_transforms=[transform])


def _wildcards_by_number(pattern: str) -> str:
    """A pattern as the destination of itself."""
    numbers = count(1)
    return ".".join(f"{{{{wildcard({next(numbers)})}}}}" if token == "*" else token for token in pattern.split("."))
