"""Groups: made, changed, joined and deleted."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Generic

from twisted.internet.defer import Deferred

from .. import kv
from ..errors import InvalidArgument, InvalidOption
from ..jetstream import AckPolicy, ConsumerConfig, ConsumerNotFound, JetStream, Stream
from ..jetstream.assets import checks
from ..jetstream.records import decode, encode
from . import plan
from .errors import GroupExists, GroupNotFound, NotAMember
from .member import GroupHandler, Member
from .plan import Config, ElasticConfig, Mapping, PartitioningFilter, StaticConfig


class _Group(Generic[Config]):
    """What both kinds of groups have in common.

    Attributes:
        js: Where it is.
        source: The stream whose messages it takes.
        name: Its name.
        config: The group as it was read last.
    """

    kind: type[Config]
    bucket_name: str
    deletes_at_end: bool

    def __init__(
        self, js: JetStream, bucket: kv.Bucket, *, source: str, name: str, config: Config, revision: int
    ) -> None:
        self.js = js
        self.source = source
        self.name = name
        self.config = config
        self._bucket = bucket
        self._revision = revision

    @property
    def stream(self) -> str:
        """The stream that its members consume from."""
        return self.source

    def refresh(self) -> Deferred[Config]:
        """Read it again. It fails with GroupNotFound when it is gone."""
        return Deferred.fromCoroutine(self._refresh())

    async def _refresh(self) -> Config:
        self.config, self._revision = await _read(self._bucket, self._key, type(self.config))
        return self.config

    @property
    def _key(self) -> str:
        return plan.key_of(self.source, self.name)

    def consume(
        self, member: str, handler: GroupHandler, config: ConsumerConfig | None = None, **options: Any
    ) -> Deferred[Member[Config]]:
        """Run an instance of a member.

        Each message goes to one member, by its partition; of several instances of a member one is served. With
        ``max_ack_pending=1`` the messages of a partition are handled strictly one after the other. An instance that
        dies is replaced after about the consumer's ``ack_wait``, 5 seconds by default.

        Args:
            member: Its name.
            handler: Called with each message; settles it.
            config: What the member's consumer is like; names, filters and priorities are filled in.
            options: As for ``Consumer.consume``: ``concurrency``, ``key``, ``max_messages`` ...

        Returns:
            A Deferred of the Member, which ends by ``stop()`` or with its group.
        """
        return Deferred.fromCoroutine(self._consume(member, handler, config or ConsumerConfig(), options))

    async def _consume(
        self, member: str, handler: GroupHandler, config: ConsumerConfig, options: dict[str, Any]
    ) -> Member[Config]:
        checks.check_name("member", member)
        await _need(self.js)
        if not callable(handler):
            raise InvalidArgument(f"a handler is callable, {type(handler).__name__} is not")
        await self._refresh()
        self._check_join(member, config)
        return Member(
            self.js,
            self._bucket,
            self._key,
            name=member,
            rules=self,
            config=self.config,
            template=config,
            handler=handler,
            options=options,
        )

    def _check_join(self, member: str, config: ConsumerConfig) -> None:
        raise NotImplementedError

    def consumer(self, config: Config, member: str, template: ConsumerConfig) -> ConsumerConfig | None:
        """The consumer that a member shall have; None when it is no member."""
        raise NotImplementedError

    def may_become(self, old: Config, new: Config) -> bool:
        """Whether members go on when the group changes so."""
        raise NotImplementedError

    def consumer_name(self, member: str) -> str:
        """The name of a member's consumer."""
        raise NotImplementedError

    def active_members(self) -> Deferred[list[str]]:
        """The members of which at least one instance pulls."""
        return Deferred.fromCoroutine(self._active_members())

    async def _active_members(self) -> list[str]:
        config = await self._refresh()
        stream = await self.js.stream(self.stream)
        waiting = {info.name async for info in stream.consumers() if info.num_waiting}
        return [each for each in plan.names_of(config) if self.consumer_name(each) in waiting]

    def step_down(self, member: str) -> Deferred[None]:
        """Let another instance of a member be served."""
        return Deferred.fromCoroutine(self._step_down(member))

    async def _step_down(self, member: str) -> None:
        stream = await self.js.stream(self.stream)
        await (await stream.consumer(self.consumer_name(member))).unpin(plan.PRIORITY_GROUP)

    def delete(self) -> Deferred[None]:
        """Delete it; its members end."""
        return Deferred.fromCoroutine(self._delete())

    async def _delete(self) -> None:
        await self._bucket.delete(self._key)
        await self._clean_up()

    async def _clean_up(self) -> None:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._key}, {self.config.max_members} partitions>"


class StaticGroup(_Group[StaticConfig]):
    """A group over a stream whose subjects begin with a partition's number. Nothing of it changes while it stands."""

    kind = StaticConfig
    bucket_name = plan.STATIC_BUCKET
    deletes_at_end = True

    def consumer_name(self, member: str) -> str:
        return f"{self.name}-{member}"

    def consumer(self, config: StaticConfig, member: str, template: ConsumerConfig) -> ConsumerConfig | None:
        filters = config.filters_of(member)
        return plan.consumer_config(template, filters, durable=self.consumer_name(member)) if filters else None

    def may_become(self, old: StaticConfig, new: StaticConfig) -> bool:
        return old == new

    def _check_join(self, member: str, config: ConsumerConfig) -> None:
        if not self.config.filters_of(member):
            raise NotAMember(self._key, member)

    async def _clean_up(self) -> None:
        stream: Stream = await self.js.stream(self.source)
        for name in await stream.consumer_names().collect():
            if name.startswith(f"{self.name}-"):
                with suppress(ConsumerNotFound):  # its member may have been quicker
                    await stream.delete_consumer(name)


class ElasticGroup(_Group[ElasticConfig]):
    """A group with a stream of its own, into which its source is partitioned. Members may come and go."""

    kind = ElasticConfig
    bucket_name = plan.ELASTIC_BUCKET
    deletes_at_end = False

    @property
    def stream(self) -> str:
        return plan.work_queue_name(self.source, self.name)

    def consumer_name(self, member: str) -> str:
        return member

    def consumer(self, config: ElasticConfig, member: str, template: ConsumerConfig) -> ConsumerConfig | None:
        filters = config.filters_of(member)
        return plan.consumer_config(template, filters, name=member) if filters else None

    def may_become(self, old: ElasticConfig, new: ElasticConfig) -> bool:
        return old.same_but_for_members(new)

    def _check_join(self, member: str, config: ConsumerConfig) -> None:
        if config.ack_policy != AckPolicy.EXPLICIT:
            raise InvalidOption("members of an elastic group acknowledge", hint="ack_policy='explicit'")

    async def _clean_up(self) -> None:
        await self.js.delete_stream(self.stream)

    def add(self, *members: str) -> Deferred[ElasticConfig]:
        """Take in members; the partitions are shared out anew."""
        return Deferred.fromCoroutine(self._set(lambda config: sorted({*config.members, *members}), None))

    def drop(self, *members: str) -> Deferred[ElasticConfig]:
        """Let members go; the partitions are shared out anew."""
        return Deferred.fromCoroutine(self._set(lambda config: sorted({*config.members} - {*members}), None))

    def map(self, mappings: Iterable[Mapping]) -> Deferred[ElasticConfig]:
        """Say who has which partitions; none at all to share them out among members again."""
        return Deferred.fromCoroutine(self._set(lambda _: [], list(mappings)))

    async def _set(self, members: Any, mappings: list[Mapping] | None) -> ElasticConfig:
        while True:
            config = await self._refresh()
            if mappings is None and config.member_mappings:
                raise InvalidOption("the group has mappings", where=self._key, hint="use map()")
            new = ElasticConfig(
                max_members=config.max_members,
                partitioning_filters=config.partitioning_filters,
                max_buffered_msg=config.max_buffered_msg,
                max_buffered_bytes=config.max_buffered_bytes,
                members=members(config),
                member_mappings=mappings or [],
            )
            try:
                self._revision = await self._bucket.update(self._key, encode(plan.check(new)), self._revision)
            except kv.WrongRevision:  # somebody else has changed it meanwhile
                continue
            self.config = new
            return new


# All that begins without a group in hand


def create_static(
    js: JetStream,
    stream: str,
    name: str,
    max_members: int,
    *,
    filters: Iterable[str] = (),
    members: Iterable[str] = (),
    mappings: Iterable[Mapping] = (),
) -> Deferred[StaticGroup]:
    """Make a static group; one that stands already and is set up alike is that group.

    Args:
        js: Where.
        stream: Its stream; its subjects begin with the partition's number, as a ``subject_transform`` with
            ``{{partition(10,1)}}`` puts it there.
        name: The group's name.
        max_members: Partitions.
        filters: What it takes, without the partition's number; all by default.
        members: Their names.
        mappings: Or who has which partitions.

    Returns:
        A Deferred that fails with GroupExists when one of its name is set up otherwise.
    """
    config = StaticConfig(
        max_members=max_members, filters=list(filters), members=list(members), member_mappings=list(mappings)
    )
    return Deferred.fromCoroutine(_create_static(js, stream, name, config))


async def _create_static(js: JetStream, stream: str, name: str, config: StaticConfig) -> StaticGroup:
    key = plan.key_of(stream, name)
    plan.check(config)
    await _need(js)
    source = await js.stream(stream)
    bucket, standing, revision = await _keep(js, source, StaticGroup.bucket_name, key, config)
    if standing != config:
        raise GroupExists(key)
    return StaticGroup(js, bucket, source=stream, name=name, config=standing, revision=revision)


def create_elastic(
    js: JetStream,
    stream: str,
    name: str,
    max_members: int,
    *,
    filters: Iterable[PartitioningFilter] = (),
    max_messages: int = 0,
    max_bytes: int = 0,
) -> Deferred[ElasticGroup]:
    """Make an elastic group, without members yet; one that stands already and is set up alike is that group.

    Args:
        js: Where.
        stream: The stream whose messages it takes. They are copied into a work queue of the group.
        name: The group's name.
        max_members: Partitions.
        filters: What it takes and how that is shared out; all, by the whole subject, by default.
        max_messages: Messages that the work queue may hold; 0 for no limit.
        max_bytes: Bytes that it may hold.

    Returns:
        A Deferred that fails with GroupExists when one of its name is set up otherwise.
    """
    config = ElasticConfig(
        max_members=max_members,
        partitioning_filters=list(filters),
        max_buffered_msg=max_messages,
        max_buffered_bytes=max_bytes,
    )
    return Deferred.fromCoroutine(_create_elastic(js, stream, name, config))


async def _create_elastic(js: JetStream, stream: str, name: str, config: ElasticConfig) -> ElasticGroup:
    key = plan.key_of(stream, name)
    plan.check(config)
    await _need(js)
    source = await js.stream(stream)
    bucket, standing, revision = await _keep(js, source, ElasticGroup.bucket_name, key, config)
    if not standing.same_but_for_members(config):
        raise GroupExists(key)
    await js.create_stream(plan.work_queue(source.config, name, config))
    return ElasticGroup(js, bucket, source=stream, name=name, config=standing, revision=revision)


def static_group(js: JetStream, stream: str, name: str) -> Deferred[StaticGroup]:
    """A static group that stands. It fails with GroupNotFound."""
    return Deferred.fromCoroutine(_find(js, stream, name, StaticGroup, StaticConfig))


def elastic_group(js: JetStream, stream: str, name: str) -> Deferred[ElasticGroup]:
    """An elastic group that stands. It fails with GroupNotFound."""
    return Deferred.fromCoroutine(_find(js, stream, name, ElasticGroup, ElasticConfig))


def static_groups(js: JetStream, stream: str) -> Deferred[list[str]]:
    """The names of all static groups of a stream."""
    return Deferred.fromCoroutine(_names(js, stream, plan.STATIC_BUCKET))


def elastic_groups(js: JetStream, stream: str) -> Deferred[list[str]]:
    """The names of all elastic groups of a stream."""
    return Deferred.fromCoroutine(_names(js, stream, plan.ELASTIC_BUCKET))


def _need(js: JetStream) -> Deferred[None]:
    """Pinned clients came with nats-server 2.11."""
    return js.api.require(1, ("partitioned consumer groups",))


async def _names(js: JetStream, stream: str, bucket_name: str) -> list[str]:
    checks.check_name("stream", stream)
    try:
        bucket = await kv.open(js, bucket_name)
    except kv.BucketNotFound:
        return []
    return sorted([key.partition(".")[2] async for key in bucket.keys(f"{stream}.*")])


async def _find(js: JetStream, stream: str, name: str, group: Any, kind: type[Config]) -> Any:
    key = plan.key_of(stream, name)
    try:
        bucket = await kv.open(js, group.bucket_name)
    except kv.BucketNotFound:
        raise GroupNotFound(key) from None
    config, revision = await _read(bucket, key, kind)
    return group(js, bucket, source=stream, name=name, config=config, revision=revision)


async def _read(bucket: kv.Bucket, key: str, kind: type[Config]) -> tuple[Config, int]:
    try:
        entry = await bucket.get(key)
    except kv.KeyNotFound:
        raise GroupNotFound(key) from None
    return plan.check(decode(kind, entry.value)), entry.revision


async def _keep(
    js: JetStream, source: Stream, bucket_name: str, key: str, config: Config
) -> tuple[kv.Bucket, Config, int]:
    """Write a group down, unless it is there."""
    try:
        bucket = await kv.open(js, bucket_name)
    except kv.BucketNotFound:
        wanted = kv.BucketConfig(bucket_name, replicas=source.config.num_replicas)
        bucket = await kv.create_or_update(js, wanted)
    try:
        return bucket, config, await bucket.create(key, encode(config))
    except kv.KeyExists:
        standing, revision = await _read(bucket, key, type(config))
        return bucket, standing, revision
