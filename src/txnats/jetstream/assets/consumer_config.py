"""How a consumer is set up: every field that a server knows, and what is wrong before anything is sent.

Source: the ConsumerConfig of nats-server 2.15; ADR-8, ADR-15, ADR-34, ADR-42, ADR-60.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any, ClassVar, Self

import msgspec

from ...errors import InvalidArgument, InvalidOption
from ..records import Record, Seconds, Time
from . import checks
from .stream_config import differences

_GROUP = re.compile(r"[a-zA-Z0-9/_=-]{1,16}", re.ASCII)
_SAMPLES = re.compile(r"\d{1,9}%?", re.ASCII)


class DeliverPolicy(StrEnum):
    """Where it begins."""

    ALL = "all"
    LAST = "last"
    NEW = "new"
    BY_START_SEQUENCE = "by_start_sequence"
    BY_START_TIME = "by_start_time"
    LAST_PER_SUBJECT = "last_per_subject"


class AckPolicy(StrEnum):
    """What has to be acknowledged."""

    NONE = "none"
    ALL = "all"
    EXPLICIT = "explicit"
    FLOW_CONTROL = "flow_control"


class ReplayPolicy(StrEnum):
    """How fast what is stored is given out: at once, or at the pace in which it came."""

    INSTANT = "instant"
    ORIGINAL = "original"


class PriorityPolicy(StrEnum):
    """Who of a priority group is served."""

    NONE = "none"
    OVERFLOW = "overflow"
    PINNED_CLIENT = "pinned_client"
    PRIORITIZED = "prioritized"


class ConsumerConfig(Record, frozen=True):
    """How a consumer is set up, in the wire's names; seconds are floats.

    What is 0, empty or None is left to the server, which knows defaults, some of them set in the stream.

    Attributes:
        durable_name: Its name, when it shall stay without being used.
        name: Its name; without either name it gets one.
        deliver_policy: Where it begins; two of the words need ``opt_start_seq`` or ``opt_start_time``.
        ack_policy: ``explicit``, ``all``, ``none`` or ``flow_control``.
        ack_wait: Seconds after which a message that was not settled is delivered again.
        max_deliver: Times that a message is delivered; -1 for no limit.
        backoff: Seconds to wait before each further delivery, instead of ``ack_wait``.
        filter_subject: Only messages of this pattern; or several patterns in ``filter_subjects``.
        rate_limit_bps: Bits a second; push only.
        sample_freq: Per cent of the acknowledgements that are told as metrics, as text.
        max_waiting: Pulls that may wait.
        max_ack_pending: Messages that may be unsettled; -1 for no limit.
        max_batch: Messages that a pull may ask for.
        max_expires: Seconds that a pull may wait.
        max_bytes: Bytes that a pull may ask for.
        deliver_subject: Where messages go: it makes this a push consumer.
        deliver_group: The queue group that shares them.
        flow_control: The server waits for the receiver; it needs ``idle_heartbeat``.
        inactive_threshold: Seconds without use after which it is deleted.
        num_replicas: 0 for as many as the stream.
        pause_until: It delivers nothing before; nats-server 2.11.
        priority_groups: Names of groups that pulls belong to; nats-server 2.11.
        priority_timeout: Seconds after which a pinned client that is silent loses its place.
        metadata: The user's own; a server adds keys that begin with ``_nats.``.
    """

    left_out_when: ClassVar[dict[str, Any]] = {"priority_policy": "none"}

    durable_name: str = ""
    name: str = ""
    description: str = ""
    deliver_policy: str = DeliverPolicy.ALL
    opt_start_seq: int = 0
    opt_start_time: Time | None = None
    ack_policy: str = AckPolicy.EXPLICIT
    ack_wait: Seconds | None = None
    max_deliver: int | None = None
    backoff: list[Seconds] = []
    filter_subject: str = ""
    filter_subjects: list[str] = []
    replay_policy: str = ReplayPolicy.INSTANT
    rate_limit_bps: int = 0
    sample_freq: str = ""
    max_waiting: int | None = None
    max_ack_pending: int | None = None
    headers_only: bool = False
    max_batch: int = 0
    max_expires: Seconds = 0.0
    max_bytes: int = 0
    deliver_subject: str = ""
    deliver_group: str = ""
    flow_control: bool = False
    idle_heartbeat: Seconds = 0.0
    inactive_threshold: Seconds = 0.0
    num_replicas: int = 0
    mem_storage: bool = False
    direct: bool = False
    sourcing: bool = False
    metadata: dict[str, str] = {}
    pause_until: Time | None = None
    priority_groups: list[str] = []
    priority_policy: str = PriorityPolicy.NONE
    priority_timeout: Seconds = 0.0

    def replace(self, **changes: Any) -> Self:
        """The same with some fields changed: what an update is made of."""
        return msgspec.structs.replace(self, **changes)

    @property
    def filters(self) -> list[str]:
        """Every pattern that it is limited to; none for all."""
        return [self.filter_subject] if self.filter_subject else self.filter_subjects

    def differences(self, other: ConsumerConfig) -> dict[str, tuple[Any, Any]]:
        """The fields in which this and another differ, with both values.

        What a server adds to the metadata, fields that are not known here, and what one of them leaves to the server
        do not count.
        """
        return differences(self, other, left_to_server=_LEFT_TO_SERVER)


_LEFT_TO_SERVER = frozenset(
    {
        "ack_wait",
        "inactive_threshold",
        "max_ack_pending",
        "max_batch",
        "max_deliver",
        "max_waiting",
        "name",
        "priority_timeout",
    }
)


def named(config: ConsumerConfig) -> str:
    """The name that it is to have; empty when the server or the caller has to find one.

    Raises:
        InvalidOption: It has two.
    """
    if config.name and config.durable_name and config.name != config.durable_name:
        raise InvalidOption("a consumer's name and durable_name are the same when both are given")
    return config.name or config.durable_name


def create_suffix(stream: str, config: ConsumerConfig) -> str:
    """The API subject, without its prefix, that makes or changes a consumer.

    A single filter that is a literal subject is the last part of it, so that permissions can be given for it. A pattern
    is not: it cannot be published to, and the body alone does as well.
    Source: ADR-42 and the server's ``CONSUMER.CREATE``.
    """
    name = named(config)
    if not name:
        return f"CONSUMER.CREATE.{stream}"
    one = config.filter_subject
    if one and not any(token in ("*", ">") for token in one.split(".")):
        return f"CONSUMER.CREATE.{stream}.{name}.{one}"
    return f"CONSUMER.CREATE.{stream}.{name}"


def required_level(config: ConsumerConfig) -> tuple[int, tuple[str, ...]]:
    """The API level that a server needs for it, and the fields that need it."""
    levels: dict[str, int] = {}
    if config.pause_until is not None:
        levels["pause_until"] = 1
    if config.priority_groups or config.priority_timeout or config.priority_policy != PriorityPolicy.NONE:
        levels["priority_groups"] = 1
    if config.priority_policy == PriorityPolicy.PRIORITIZED:
        levels["priority_policy='prioritized'"] = 2
    if config.ack_policy == AckPolicy.FLOW_CONTROL:
        levels["ack_policy='flow_control'"] = 4
    level = max(levels.values(), default=0)
    return level, tuple(sorted(name for name, each in levels.items() if each == level))


def check(config: ConsumerConfig) -> ConsumerConfig:
    """A configuration that is worth sending.

    Raises:
        InvalidArgument: A field says what no server takes, or two of them exclude each other.
    """
    if not isinstance(config, ConsumerConfig):
        raise InvalidArgument(f"a consumer is made from a ConsumerConfig, not {type(config).__name__}")
    name = named(config)
    if name:
        checks.check_name("consumer", name)
    checks.check_texts("ConsumerConfig", config.description, config.metadata)
    for field, words in _WORDS.items():
        checks.check_word(f"ConsumerConfig.{field}", getattr(config, field), words)
    _check_amounts(config)
    _check_filters(config)
    for group in config.priority_groups:
        if not isinstance(group, str) or not _GROUP.fullmatch(group):
            raise InvalidOption(f"{group!r} cannot name a priority group", hint="1 to 16 of a-z A-Z 0-9 / _ = -")
    wrong = [why for truth, why in _CONTRADICTIONS if truth(config)]
    if wrong:
        raise InvalidOption(f"consumer {name!r} cannot be set up so", why="; ".join(wrong))
    return config


_WORDS: dict[str, type[StrEnum]] = {
    "deliver_policy": DeliverPolicy,
    "ack_policy": AckPolicy,
    "replay_policy": ReplayPolicy,
    "priority_policy": PriorityPolicy,
}


def _check_amounts(config: ConsumerConfig) -> None:
    counts = ("opt_start_seq", "rate_limit_bps", "max_batch", "max_bytes", "num_replicas")
    checks.check_counts("ConsumerConfig", {each: getattr(config, each) for each in counts}, 0)
    checks.check_counts("ConsumerConfig", {"max_waiting": config.max_waiting or 0}, 0)
    limits = {"max_deliver": config.max_deliver or 0, "max_ack_pending": config.max_ack_pending or 0}
    checks.check_counts("ConsumerConfig", limits, -1)
    least = {"ack_wait": 0.0, "max_expires": 0.001, "idle_heartbeat": 0.1, "inactive_threshold": 0.0}
    for each, seconds in least.items():
        checks.check_seconds_at_least(f"ConsumerConfig.{each}", getattr(config, each), seconds)
    checks.check_seconds_at_least("ConsumerConfig.priority_timeout", config.priority_timeout, 0.0)
    for seconds in config.backoff:
        checks.check_seconds_at_least("ConsumerConfig.backoff", seconds, 0.0)
    if config.sample_freq and not _SAMPLES.fullmatch(config.sample_freq):
        raise InvalidOption(f"ConsumerConfig.sample_freq is {config.sample_freq!r}", hint="per cent as text: '30%'")


def _check_filters(config: ConsumerConfig) -> None:
    if config.filter_subject and config.filter_subjects:
        raise InvalidOption("a consumer has a filter_subject or filter_subjects, not both")
    checks.check_subjects("ConsumerConfig.filter_subjects", config.filters)
    if config.deliver_subject:
        checks.check_literal("deliver_subject", config.deliver_subject)


def _is_push(config: ConsumerConfig) -> bool:
    return bool(config.deliver_subject)


_CONTRADICTIONS: tuple[tuple[Callable[[ConsumerConfig], object], str], ...] = (
    (
        lambda c: (c.deliver_policy == DeliverPolicy.BY_START_SEQUENCE) != (c.opt_start_seq > 0),
        "opt_start_seq goes with deliver_policy='by_start_sequence'",
    ),
    (
        lambda c: (c.deliver_policy == DeliverPolicy.BY_START_TIME) != (c.opt_start_time is not None),
        "opt_start_time goes with deliver_policy='by_start_time'",
    ),
    (
        lambda c: c.deliver_policy == DeliverPolicy.LAST_PER_SUBJECT and not c.filters,
        "deliver_policy='last_per_subject' needs a filter; '>' takes all",
    ),
    (
        lambda c: bool(c.backoff) and c.max_deliver is not None and 0 < c.max_deliver < len(c.backoff),
        "max_deliver is at least the number of waits in backoff",
    ),
    (lambda c: bool(c.backoff) and not c.max_deliver, "backoff needs max_deliver, -1 for no limit"),
    (lambda c: c.flow_control and not _is_push(c), "flow_control is for push consumers"),
    (lambda c: bool(c.idle_heartbeat) and not _is_push(c), "idle_heartbeat is for push consumers; a pull has its own"),
    (lambda c: bool(c.rate_limit_bps) and not _is_push(c), "rate_limit_bps is for push consumers"),
    (lambda c: bool(c.deliver_group) and not _is_push(c), "deliver_group needs a deliver_subject"),
    (lambda c: bool(c.max_waiting) and _is_push(c), "max_waiting is for pull consumers"),
    (lambda c: c.flow_control and not c.idle_heartbeat, "flow_control needs an idle_heartbeat"),
    (
        lambda c: _is_push(c) and (c.max_ack_pending or 0) > 0 and c.ack_policy == AckPolicy.NONE,
        "max_ack_pending needs acknowledgements",
    ),
    (
        lambda c: c.ack_policy == AckPolicy.FLOW_CONTROL and not _is_push(c),
        "ack_policy='flow_control' is for push consumers",
    ),
    (
        lambda c: c.priority_policy != PriorityPolicy.NONE and _is_push(c),
        "priority groups are for pull consumers",
    ),
    (
        lambda c: c.priority_policy != PriorityPolicy.NONE and not c.priority_groups,
        "a priority_policy needs priority_groups",
    ),
    (
        lambda c: c.priority_policy == PriorityPolicy.NONE and bool(c.priority_groups or c.priority_timeout),
        "priority_groups need a priority_policy",
    ),
)
