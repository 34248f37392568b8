"""How a stream is set up: every field that a server knows, and what is wrong before anything is sent.

Source: the StreamConfig of nats-server 2.15; ADR-8, ADR-28, ADR-31, ADR-43, ADR-49, ADR-50, ADR-51, ADR-60.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, ClassVar, Self

import msgspec

from ...errors import InvalidArgument, InvalidOption
from ..records import Record, Seconds, Time
from . import checks
from .checks import users_metadata

_MOST_REPLICAS = 5


class Retention(StrEnum):
    """When a message may go."""

    LIMITS = "limits"
    INTEREST = "interest"
    WORKQUEUE = "workqueue"


class Discard(StrEnum):
    """What gives way when a stream is full."""

    OLD = "old"
    NEW = "new"


class Storage(StrEnum):
    """Where messages are kept."""

    FILE = "file"
    MEMORY = "memory"


class Compression(StrEnum):
    """How they are packed on disk."""

    NONE = "none"
    S2 = "s2"


class PersistMode(StrEnum):
    """Whether a publish is acknowledged when it is on disk, or before: then a killed server may have lost it."""

    DEFAULT = "default"
    ASYNC = "async"


class Placement(Record, frozen=True):
    """Which servers hold it.

    Attributes:
        cluster: The cluster's name.
        tags: Every server has all of these.
        preferred: The server that shall lead; only for a leader that steps down.
    """

    cluster: str = ""
    tags: list[str] = []
    preferred: str = ""


class StepDownRequest(Record, frozen=True):
    """Where the next leader is wanted."""

    placement: Placement | None = None


class SubjectTransform(Record, frozen=True):
    """Subjects that become others: ``src`` is a pattern, ``dest`` may use ``{{wildcard(1)}}`` and more."""

    src: str = ""
    dest: str = ""


class Republish(Record, frozen=True):
    """Stored messages are published again; ``headers_only`` without their payload."""

    src: str = ""
    dest: str = ""
    headers_only: bool = False


class ExternalStream(Record, frozen=True):
    """Where a stream of another account or domain is reached: ``api`` and ``deliver`` are subject prefixes."""

    api: str = ""
    deliver: str = ""

    @classmethod
    def in_domain(cls, domain: str) -> Self:
        """A stream of this account in another JetStream domain."""
        return cls(api=f"$JS.{domain}.API")


class SourceConsumer(Record, frozen=True):
    """A durable consumer, made before, that a mirror or source reads by."""

    name: str = ""
    deliver_subject: str = ""


class StreamSource(Record, frozen=True):
    """A stream that another one copies.

    Attributes:
        name: The stream.
        opt_start_seq: Copy from this sequence on.
        opt_start_time: Copy what was stored from then on.
        filter_subject: Copy only these; not together with ``subject_transforms``.
        subject_transforms: Copy only the ``src`` of these, as their ``dest``.
        external: It is in another account or domain.
        consumer: Read it by this consumer; nats-server 2.14.
    """

    name: str
    opt_start_seq: int = 0
    opt_start_time: Time | None = None
    filter_subject: str = ""
    subject_transforms: list[SubjectTransform] = []
    external: ExternalStream | None = None
    consumer: SourceConsumer | None = None


class ConsumerLimits(Record, frozen=True):
    """What consumers get that do not say it, and may not exceed."""

    inactive_threshold: Seconds = 0.0
    max_ack_pending: int = 0


class StreamConfig(Record, frozen=True):
    """How a stream is set up, in the wire's names; seconds are floats, and -1 is no limit.

    Attributes:
        name: Its name, for ever.
        subjects: What it stores, as patterns; its own name when there are none, and no mirror or sources either.
        retention: ``limits``, ``interest`` or ``workqueue``.
        max_age: Seconds that a message is kept; 0 for ever.
        discard: ``old`` or ``new``.
        discard_new_per_subject: With ``discard="new"``: refuse what exceeds ``max_msgs_per_subject``.
        duplicate_window: Seconds that message ids are remembered; None lets the server choose (two minutes).
        mirror: It is a copy of that stream and stores nothing else.
        sources: It also stores what these hold.
        first_seq: The sequence of its first message.
        sealed: Nothing goes in or out any more; only an update may say so, and none takes it back.
        subject_delete_marker_ttl: Seconds that a marker stays where a subject's last message has expired.
        persist_mode: ``default`` or ``async``.
        metadata: The user's own; a server adds keys that begin with ``_nats.``.
    """

    left_out_when: ClassVar[dict[str, Any]] = {"persist_mode": "default", "consumer_limits": ConsumerLimits()}

    name: str
    description: str = ""
    subjects: list[str] = []
    retention: str = Retention.LIMITS
    max_consumers: int = -1
    max_msgs: int = -1
    max_bytes: int = -1
    max_age: Seconds = 0.0
    max_msgs_per_subject: int = -1
    max_msg_size: int = -1
    discard: str = Discard.OLD
    discard_new_per_subject: bool = False
    storage: str = Storage.FILE
    num_replicas: int = 1
    no_ack: bool = False
    duplicate_window: Seconds | None = None
    placement: Placement | None = None
    mirror: StreamSource | None = None
    sources: list[StreamSource] = []
    compression: str = Compression.NONE
    first_seq: int = 0
    subject_transform: SubjectTransform | None = None
    republish: Republish | None = None
    allow_direct: bool = False
    mirror_direct: bool = False
    sealed: bool = False
    deny_delete: bool = False
    deny_purge: bool = False
    allow_rollup_hdrs: bool = False
    consumer_limits: ConsumerLimits = ConsumerLimits()
    allow_msg_ttl: bool = False
    subject_delete_marker_ttl: Seconds = 0.0
    allow_msg_counter: bool = False
    allow_atomic: bool = False
    allow_batched: bool = False
    allow_msg_schedules: bool = False
    persist_mode: str = PersistMode.DEFAULT
    metadata: dict[str, str] = {}

    def replace(self, **changes: Any) -> Self:
        """The same with some fields changed: what an update is made of."""
        return msgspec.structs.replace(self, **changes)

    def differences(self, other: StreamConfig) -> dict[str, tuple[Any, Any]]:
        """The fields in which this and another differ, with both values.

        What a server adds to the metadata, fields that are not known here, and what one of them leaves to the server
        do not count.
        """
        return differences(self, other, left_to_server=frozenset({"duplicate_window", "subjects"}))


_LEVELS: dict[str, int] = {
    "allow_msg_ttl": 1,
    "subject_delete_marker_ttl": 1,
    "allow_msg_counter": 2,
    "allow_atomic": 2,
    "allow_msg_schedules": 2,
    "persist_mode": 2,
    "allow_batched": 4,
}
_SOURCE_CONSUMER_LEVEL = 4


def differences(mine: Record, theirs: Record, *, left_to_server: frozenset[str]) -> dict[str, tuple[Any, Any]]:
    """The fields in which two records of a kind differ; nothing in one of ``left_to_server`` differs from nothing."""
    found = {}
    for name in mine.__struct_fields__:
        here, there = getattr(mine, name), getattr(theirs, name)
        if name == "metadata":
            here, there = users_metadata(here), users_metadata(there)
        if name != "extra" and here != there and not (name in left_to_server and not (here and there)):
            found[name] = (here, there)
    return found


def required_level(config: StreamConfig) -> tuple[int, tuple[str, ...]]:
    """The API level that a server needs for it, and the fields that need it."""
    levels = {
        name: level
        for name, level in _LEVELS.items()
        if getattr(config, name) and getattr(config, name) != PersistMode.DEFAULT
    }
    if any(source.consumer is not None for source in _copied(config)):
        levels["consumer of a mirror or source"] = _SOURCE_CONSUMER_LEVEL
    level = max(levels.values(), default=0)
    return level, tuple(sorted(name for name, each in levels.items() if each == level))


def check(config: StreamConfig) -> StreamConfig:
    """A configuration that is worth sending.

    Raises:
        InvalidArgument: A field says what no server takes, or two of them exclude each other.
    """
    if not isinstance(config, StreamConfig):
        raise InvalidArgument(f"a stream is made from a StreamConfig, not {type(config).__name__}")
    checks.check_name("stream", config.name)
    checks.check_texts("StreamConfig", config.description, config.metadata)
    checks.check_subjects("StreamConfig.subjects", config.subjects)
    _check_words(config)
    _check_amounts(config)
    for source in _copied(config):
        _check_source(source)
    wrong = [why for truth, why in _CONTRADICTIONS if truth(config)]
    if config.mirror is not None:
        wrong += [f"a mirror has no {name}" for name in _NOT_IN_MIRROR if getattr(config, name)]
    if wrong:
        raise InvalidOption(f"stream {config.name!r} cannot be set up so", why="; ".join(wrong))
    return config


def _check_words(config: StreamConfig) -> None:
    for name, words in _WORDS.items():
        checks.check_word(f"StreamConfig.{name}", getattr(config, name), words)


_WORDS: dict[str, type[StrEnum]] = {
    "retention": Retention,
    "discard": Discard,
    "storage": Storage,
    "compression": Compression,
    "persist_mode": PersistMode,
}


def _check_amounts(config: StreamConfig) -> None:
    limits = ("max_consumers", "max_msgs", "max_bytes", "max_msgs_per_subject", "max_msg_size")
    checks.check_counts("StreamConfig", {name: getattr(config, name) for name in limits}, -1)
    checks.check_counts("StreamConfig", {"first_seq": config.first_seq}, 0)
    checks.check_counts("StreamConfig", {"num_replicas": config.num_replicas}, 1)
    if config.num_replicas > _MOST_REPLICAS:
        raise InvalidOption(f"StreamConfig.num_replicas is {config.num_replicas}", hint=f"at most {_MOST_REPLICAS}")
    checks.check_seconds_at_least("StreamConfig.max_age", config.max_age, 0.1)
    checks.check_seconds_at_least("StreamConfig.duplicate_window", config.duplicate_window, 0.1)
    checks.check_seconds_at_least("StreamConfig.subject_delete_marker_ttl", config.subject_delete_marker_ttl, 1.0)
    if config.max_age and config.duplicate_window and config.duplicate_window > config.max_age:
        raise InvalidOption("StreamConfig.duplicate_window is longer than max_age")


def _check_source(source: StreamSource) -> None:
    checks.check_name("stream", source.name)
    if source.filter_subject:
        checks.check_subjects("StreamSource.filter_subject", [source.filter_subject])
        if source.subject_transforms:
            raise InvalidOption("a source has a filter_subject or subject_transforms, not both")
    if source.opt_start_seq and source.opt_start_time is not None:
        raise InvalidOption("a source has an opt_start_seq or an opt_start_time, not both")
    if source.consumer is not None:
        checks.check_name("consumer", source.consumer.name)
        checks.check_literal("deliver_subject", source.consumer.deliver_subject)
        if source.filter_subject or source.opt_start_seq or source.opt_start_time is not None:
            raise InvalidOption("a source with a consumer has no filter and no start", why="the consumer has them")


def _copied(config: StreamConfig) -> list[StreamSource]:
    return [*config.sources, *([config.mirror] if config.mirror is not None else [])]


_NOT_IN_MIRROR = (
    "subjects",
    "sources",
    "first_seq",
    "allow_msg_counter",
    "allow_atomic",
    "allow_batched",
    "allow_msg_schedules",
    "subject_delete_marker_ttl",
)

_CONTRADICTIONS: tuple[tuple[Callable[[StreamConfig], object], str], ...] = (
    (lambda c: c.discard_new_per_subject and c.discard != Discard.NEW, "discard_new_per_subject needs discard='new'"),
    (
        lambda c: c.discard_new_per_subject and c.max_msgs_per_subject <= 0,
        "discard_new_per_subject needs max_msgs_per_subject",
    ),
    (lambda c: c.deny_purge and c.allow_rollup_hdrs, "roll-ups purge, and deny_purge forbids it"),
    (lambda c: c.allow_msg_counter and c.retention != Retention.LIMITS, "a counter stream has retention='limits'"),
    (lambda c: c.allow_msg_counter and c.discard != Discard.OLD, "a counter stream has discard='old'"),
    (lambda c: c.allow_msg_counter and c.allow_msg_ttl, "a counter stream has no allow_msg_ttl"),
    (lambda c: c.allow_msg_counter and c.allow_msg_schedules, "a counter stream has no allow_msg_schedules"),
    (lambda c: c.allow_msg_schedules and c.discard == Discard.NEW, "allow_msg_schedules needs discard='old'"),
    (lambda c: c.allow_msg_schedules and bool(c.sources), "a stream with sources has no allow_msg_schedules"),
    (
        lambda c: c.persist_mode == PersistMode.ASYNC and c.storage != Storage.FILE,
        "persist_mode='async' needs storage='file'",
    ),
    (
        lambda c: c.persist_mode == PersistMode.ASYNC and c.num_replicas > 1,
        "persist_mode='async' is for one replica",
    ),
    (lambda c: c.persist_mode == PersistMode.ASYNC and c.allow_atomic, "persist_mode='async' has no allow_atomic"),
)
