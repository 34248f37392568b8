"""Who of a group has which partitions, and what that means for streams and consumers.

The configurations are those of the Go library, in the same buckets and with the same words, so that members of either
may share a group.
Source: partitioned consumer groups of synadia-io/orbit.go (pcgroups).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from ..errors import InvalidOption
from ..jetstream import ConsumerConfig, PriorityPolicy, StreamConfig, StreamSource, SubjectTransform
from ..jetstream.assets import checks
from ..jetstream.records import Record

STATIC_BUCKET, ELASTIC_BUCKET = "static-consumer-groups", "elastic-consumer-groups"
PRIORITY_GROUP = "PCG"
ACK_WAIT = 5.0
"""Seconds, when the member's configuration says nothing: a member that dies is replaced after as much."""
_LEAST = 1.0


class Mapping(Record, frozen=True):
    """The partitions of one member."""

    member: str = ""
    partitions: list[int] = []


class PartitioningFilter(Record, frozen=True):
    """What a group takes, and which part of the subject decides on the partition.

    Attributes:
        filter: A pattern.
        partitioning_wildcards: Which of its ``*`` decide, counted from 1; none for the whole subject.
    """

    filter: str = ">"
    partitioning_wildcards: list[int] = []


class GroupConfig(Record, frozen=True):
    """What both kinds of groups have.

    Attributes:
        max_members: Partitions.
        members: Names: the partitions are shared out among them.
        member_mappings: Or who has which.
    """

    max_members: int
    members: list[str] = []
    member_mappings: list[Mapping] = []

    @property
    def patterns(self) -> list[str]:
        """What the group takes, without the partition's number; none for all."""
        raise NotImplementedError

    def filters_of(self, member: str) -> list[str]:
        """The subjects, with the partition's number in front, that a member has; none when it is no member."""
        # Of a mapped group every member takes all of its partitions, whatever the filters.
        wanted = [">"] if self.member_mappings else self.patterns or [">"]
        numbers = partitions_of(self, member)
        return [f"{number}.{each}" for each in wanted for number in numbers]


class StaticConfig(GroupConfig, frozen=True):
    """A group whose members are known once and for all.

    Attributes:
        filters: What it takes, behind the partition's number.
    """

    filters: list[str] = []

    @property
    def patterns(self) -> list[str]:
        return self.filters


class ElasticConfig(GroupConfig, frozen=True):
    """A group whose members come and go.

    Attributes:
        partitioning_filters: What it takes, and how that is shared out.
        max_buffered_msg: Messages that its own stream may hold.
        max_buffered_bytes: Bytes that it may.
    """

    partitioning_filters: list[PartitioningFilter] = []
    max_buffered_msg: int = 0
    max_buffered_bytes: int = 0

    @property
    def patterns(self) -> list[str]:
        return [each.filter for each in self.partitioning_filters]

    def same_but_for_members(self, other: ElasticConfig) -> bool:
        """Whether only the members differ, which is all that may change."""
        return (
            self.max_members == other.max_members
            and self.partitioning_filters == other.partitioning_filters
            and self.max_buffered_msg == other.max_buffered_msg
            and self.max_buffered_bytes == other.max_buffered_bytes
        )


Config = TypeVar("Config", bound=GroupConfig)


def partitions_of(config: GroupConfig, member: str) -> list[int]:
    """The partitions that a member has; none when it is no member.

    Shared out, each member has a row of them, and the rest goes to the first ones, one each.
    """
    if config.member_mappings:
        return [number for each in config.member_mappings if each.member == member for number in each.partitions]
    members = sorted(set(config.members))[: config.max_members]
    if member not in members:
        return []
    count, place = len(members), members.index(member)
    row = config.max_members // count
    rest = count * row + place
    return [*range(place * row, (place + 1) * row), *([rest] if rest < config.max_members else [])]


def names_of(config: GroupConfig) -> list[str]:
    """The names of all its members."""
    return [each.member for each in config.member_mappings] or sorted(set(config.members))


def without_partition(subject: str) -> str:
    """A subject as it was before the partition's number was put in front."""
    return subject.partition(".")[2] or subject


# What may be


def check(config: Config) -> Config:
    """A configuration that makes sense.

    Raises:
        InvalidArgument: It does not.
    """
    checks.check_counts("group", {"max_members": config.max_members}, 1)
    if config.members and config.member_mappings:
        raise InvalidOption("a group has members or member_mappings, not both")
    for name in (*config.members, *(each.member for each in config.member_mappings)):
        checks.check_name("member", name)
    if config.member_mappings:
        _check_mappings(config)
    if isinstance(config, ElasticConfig):
        for each in config.partitioning_filters:
            _check_filter(each)
    else:
        checks.check_subjects("group.filters", config.patterns)
    return config


def _check_mappings(config: GroupConfig) -> None:
    members = [each.member for each in config.member_mappings]
    if len(set(members)) != len(members):
        raise InvalidOption("a member stands twice in member_mappings")
    given = [number for each in config.member_mappings for number in each.partitions]
    if sorted(given) != list(range(config.max_members)):
        raise InvalidOption("member_mappings give each partition to one member", why=f"there are {config.max_members}")


def _check_filter(wanted: PartitioningFilter) -> None:
    checks.check_subjects("partitioning_filters", [wanted.filter])
    tokens = wanted.filter.split(".")
    stars = tokens.count("*")
    if not stars and tokens[-1] != ">":
        raise InvalidOption(f"the filter {wanted.filter!r} has no wildcard", why="there is nothing to share out")
    numbers = wanted.partitioning_wildcards
    if len(set(numbers)) != len(numbers) or not all(1 <= number <= stars for number in numbers):
        raise InvalidOption(
            f"partitioning_wildcards are {numbers}", why=f"{wanted.filter!r} has {stars}, each is named once"
        )


# What it means


def transform(wanted: PartitioningFilter, partitions: int) -> SubjectTransform:
    """How the partition's number is put in front of the subjects of a filter."""
    star, tokens = 0, []
    for token in wanted.filter.split("."):
        star += token == "*"
        tokens.append(f"{{{{Wildcard({star})}}}}" if token == "*" else token)
    numbers = ",".join(map(str, (partitions, *wanted.partitioning_wildcards)))
    return SubjectTransform(src=wanted.filter, dest=f"{{{{Partition({numbers})}}}}.{'.'.join(tokens)}")


def work_queue(source: StreamConfig, group: str, config: ElasticConfig) -> StreamConfig:
    """The stream of an elastic group: all that it takes of its source, with partitions, until it is done with."""
    wanted = config.partitioning_filters or [PartitioningFilter()]
    transforms = [transform(each, config.max_members) for each in wanted]
    return StreamConfig(
        name=work_queue_name(source.name, group),
        retention="workqueue",
        num_replicas=source.num_replicas,
        storage=source.storage,
        max_msgs=config.max_buffered_msg or -1,
        max_bytes=config.max_buffered_bytes or -1,
        discard="new",
        sources=[StreamSource(name=source.name, subject_transforms=transforms)],
        allow_direct=True,
    )


def work_queue_name(stream: str, group: str) -> str:
    """The name of an elastic group's stream."""
    return f"{stream}-{group}"


def consumer_config(
    template: ConsumerConfig, filters: Iterable[str], *, durable: str = "", name: str = ""
) -> ConsumerConfig:
    """The consumer of a member: its instances share it, and one of them is pinned."""
    ack_wait = template.ack_wait or ACK_WAIT
    return template.replace(
        durable_name=durable,
        name=name or durable,
        ack_wait=ack_wait,
        filter_subject="",
        filter_subjects=list(filters),
        priority_groups=[PRIORITY_GROUP],
        priority_policy=PriorityPolicy.PINNED_CLIENT,
        priority_timeout=max(ack_wait, _LEAST),
        inactive_threshold=template.inactive_threshold if durable else ack_wait,
    )


def pull_expires(ack_wait: float) -> float:
    """Seconds that a pull of a member waits, so that a pinned one is not taken for dead."""
    return max(ack_wait / 2, _LEAST)


def key_of(stream: str, group: str) -> str:
    """Where a group's configuration is in its bucket."""
    checks.check_name("stream", stream)
    checks.check_name("group", group)
    return f"{stream}.{group}"
