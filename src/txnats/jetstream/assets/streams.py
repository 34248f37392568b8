"""Streams: made, changed, looked at, read from and deleted."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.defer import Deferred, fail

from ...errors import InvalidArgument, InvalidOption, NatsError, RemoteProtocolError
from ..base import JetStreamBase
from ..consume.ordered import Ordered
from ..errors import ConsumerIsPush, StreamNameInUse, StreamNotFound
from ..records import from_wire
from . import checks, consumer_config, consumers, stream_config
from .consumer_config import AckPolicy, ConsumerConfig
from .consumer_info import ConsumerInfo
from .consumers import Consumer, PushConsumer
from .paging import Pages, names_in
from .reading import Reading
from .snapshot import Snapshot
from .stream_config import Placement, StepDownRequest, StreamConfig
from .stream_info import StreamInfo, StreamState
from .stream_requests import DeleteRequest, InfoRequest, PeerRequest, PurgeRequest


class Stream(Reading):
    """A stream that stands on the servers. Made by ``JetStream.create_stream``, ``JetStream.stream`` and their kin.

    Attributes:
        js: Where it is.
        name: Its name.
        cached: What was told of it last; ``info()`` asks again.
    """

    def __init__(self, js: JetStreamBase, info: StreamInfo) -> None:
        self.js = js
        self.name = info.config.name
        self.cached = info

    # What it is

    def info(self, *, subjects: str = "", deleted: bool = False, timeout: float | None = None) -> Deferred[StreamInfo]:
        """Ask what it is and holds.

        Args:
            subjects: Count the messages of each subject under this pattern, in ``state.subjects``. However many there
                are, all are told, in as many calls as it takes.
            deleted: List the sequences that are gone, in ``state.deleted``.
            timeout: Seconds for a call.
        """
        return Deferred.fromCoroutine(self._info(subjects, deleted, timeout))

    async def _info(self, subjects: str, deleted: bool, timeout: float | None) -> StreamInfo:
        found: dict[str, int] = {}
        while True:
            request = InfoRequest(subjects_filter=subjects, deleted_details=deleted, offset=len(found))
            info = await self.js.api.call(
                f"STREAM.INFO.{self.name}", request if subjects or deleted else None, StreamInfo, timeout=timeout
            )
            page = info.state.subjects
            known = len(found)
            found.update(page)
            if not page or len(found) == known or len(found) >= info.total:
                break
        if subjects:
            info = _with_subjects(info, found)
        self.cached = info
        return info

    def update(self, config: StreamConfig, timeout: float | None = None) -> Deferred[StreamInfo]:
        """Set it up anew; ``stream.config.replace(...)`` makes the configuration."""
        if isinstance(config, StreamConfig) and config.name != self.name:
            return fail(InvalidArgument(f"the configuration is of {config.name!r}", where=self.name))
        return update(self.js, config, timeout).addCallback(self._keep)

    def _keep(self, stream: Stream) -> StreamInfo:
        self.cached = stream.cached
        return self.cached

    def delete(self, timeout: float | None = None) -> Deferred[None]:
        """Delete it with all that it holds."""
        return delete(self.js, self.name, timeout)

    # What goes

    def purge(
        self, subject: str = "", *, sequence: int = 0, keep: int = 0, timeout: float | None = None
    ) -> Deferred[int]:
        """Drop messages: all, or those of a pattern.

        Args:
            subject: Only messages of this pattern.
            sequence: Only those before this sequence; not together with ``keep``.
            keep: All but so many, the newest.
            timeout: Seconds for the call.

        Returns:
            A Deferred of how many are gone.
        """
        try:
            checks.check_counts("purge", {"sequence": sequence, "keep": keep}, 0)
            if sequence and keep:
                raise InvalidOption("purge takes a sequence or keep, not both")
            if subject:
                checks.check_subjects("purge", [subject])
        except InvalidArgument:
            return fail()
        request = PurgeRequest(filter=subject, seq=sequence, keep=keep)
        # Done twice, a purge without a sequence takes what was stored in between.
        repeatable = sequence > 0
        purged = self.js.api.call(f"STREAM.PURGE.{self.name}", request, timeout=timeout, repeatable=repeatable)
        return purged.addCallback(_purged)

    def delete_message(self, sequence: int, *, erase: bool = True, timeout: float | None = None) -> Deferred[None]:
        """Delete one message.

        Args:
            sequence: Its number.
            erase: Overwrite its bytes in the store, which takes longer.
            timeout: Seconds for the call.

        Returns:
            A Deferred that fails with SequenceNotFound when it is not there.
        """
        try:
            checks.check_counts("delete_message", {"sequence": sequence}, 1)
        except InvalidArgument:
            return fail()
        request = DeleteRequest(seq=sequence, no_erase=not erase)
        gone = self.js.api.call(f"STREAM.MSG.DELETE.{self.name}", request, timeout=timeout, repeatable=False)
        return gone.addCallback(lambda _: None)

    # Its consumers

    def create_consumer(self, config: ConsumerConfig, timeout: float | None = None) -> Deferred[Consumer]:
        """Make a consumer to pull from; one that stands already and is set up alike is that consumer.

        Without a name it gets one, and goes when it has not been used for ``inactive_threshold``, else some seconds.

        Returns:
            A Deferred that fails with ConsumerNameInUse when one of its name is set up otherwise.
        """
        return self._set_up(config, consumers.CREATE, timeout)

    def update_consumer(self, config: ConsumerConfig, timeout: float | None = None) -> Deferred[Consumer]:
        """Set up a consumer anew."""
        return self._set_up(config, consumers.UPDATE, timeout)

    def create_or_update_consumer(self, config: ConsumerConfig, timeout: float | None = None) -> Deferred[Consumer]:
        """Make a consumer, or set it up anew."""
        return self._set_up(config, consumers.CREATE_OR_UPDATE, timeout)

    def _set_up(self, config: ConsumerConfig, action: str, timeout: float | None) -> Deferred[Consumer]:
        if isinstance(config, ConsumerConfig) and config.deliver_subject:
            return fail(InvalidArgument("this is a push consumer", hint="use create_push_consumer"))
        told = consumers.set_up(self.js, self.name, config, action, timeout)
        return told.addCallback(lambda info: Consumer(self.js, info))

    def create_push_consumer(self, config: ConsumerConfig, timeout: float | None = None) -> Deferred[PushConsumer]:
        """Make a consumer that sends by itself; without a ``deliver_subject`` it sends to an inbox of this client."""
        if isinstance(config, ConsumerConfig) and not config.deliver_subject:
            config = config.replace(deliver_subject=self.js.client.new_inbox())
        told = consumers.set_up(self.js, self.name, config, consumers.CREATE, timeout)
        return told.addCallback(lambda info: PushConsumer(self.js, info))

    def push_consumer(self, name: str, timeout: float | None = None) -> Deferred[PushConsumer]:
        """A push consumer that stands."""
        return consumers.look_up(self.js, self.name, name, timeout).addCallback(self._pushed)

    def _pushed(self, info: ConsumerInfo) -> PushConsumer:
        if not info.config.deliver_subject:
            raise InvalidArgument("this consumer is pulled from", where=f"{info.stream_name} > {info.name}")
        return PushConsumer(self.js, info)

    def ordered_consumer(self, config: ConsumerConfig | None = None, *, name_prefix: str = "") -> Ordered:
        """A reader of the stream: every message once and in order, whatever happens to servers and links.

        Args:
            config: What to read and from where on; nothing about names and acknowledgements.
            name_prefix: Begins the names of the consumers that it makes and deletes.

        Raises:
            InvalidArgument: The configuration is not that of an ordered consumer.
        """
        if config is not None:
            consumer_config.check(config)
            if config.ack_policy == AckPolicy.EXPLICIT:  # what a configuration has that says nothing of it
                config = config.replace(ack_policy=AckPolicy.NONE)
        return Ordered(self.js, self.name, config, name_prefix=name_prefix)

    def consumer(self, name: str, timeout: float | None = None) -> Deferred[Consumer]:
        """A consumer that stands, to pull from. The Deferred fails with ConsumerIsPush when it is none of these."""
        return consumers.look_up(self.js, self.name, name, timeout).addCallback(self._pulled)

    def _pulled(self, info: ConsumerInfo) -> Consumer:
        if info.config.deliver_subject:
            raise ConsumerIsPush(409, 0, "Consumer is push based", where=f"{info.stream_name} > {info.name}")
        return Consumer(self.js, info)

    def delete_consumer(self, name: str, timeout: float | None = None) -> Deferred[None]:
        """Delete a consumer; whoever receives from it is told."""
        return consumers.delete(self.js, self.name, name, timeout)

    def consumers(self, timeout: float | None = None) -> Pages[ConsumerInfo]:
        """All its consumers."""
        return consumers.infos(self.js, self.name, timeout)

    def consumer_names(self, timeout: float | None = None) -> Pages[str]:
        """The names of all its consumers."""
        return consumers.names(self.js, self.name, timeout)

    # Where it stands

    def step_down_leader(self, placement: Placement | None = None, timeout: float | None = None) -> Deferred[None]:
        """Let another server lead it."""
        request = StepDownRequest(placement=placement)
        done = self.js.api.call(f"STREAM.LEADER.STEPDOWN.{self.name}", request, timeout=timeout, repeatable=False)
        return done.addCallback(lambda _: None)

    def remove_peer(self, peer: str, timeout: float | None = None) -> Deferred[None]:
        """Take a server, by name, out of those that hold it; another takes its place."""
        request = PeerRequest(peer=peer)
        done = self.js.api.call(f"STREAM.PEER.REMOVE.{self.name}", request, timeout=timeout, repeatable=False)
        return done.addCallback(lambda _: None)

    def snapshot(
        self,
        *,
        consumers: bool = True,
        check: bool = False,
        chunk_size: int = 128 * 1024,
        window_size: int = 2 * 1024 * 1024,
    ) -> Snapshot:
        """Everything that it is and holds, as an iterator over chunks of bytes; it starts at once.

        The server sends no more than a window ahead of what was taken. ``JetStream.restore_stream`` takes the chunks,
        and the ``manifest`` that tells what they are.

        Args:
            consumers: Whether its consumers are part of it.
            check: Whether the server checks all messages before.
            chunk_size: Bytes of a chunk, 1 KiB to 1 MiB.
            window_size: Bytes that may be on their way.

        Raises:
            InvalidArgument: Nothing was asked.
        """
        return Snapshot(
            self.js.api, self.name, consumers=consumers, check=check, chunk_size=chunk_size, window_size=window_size
        )

    def __repr__(self) -> str:
        state = self.cached.state
        return f"<Stream {self.name!r}, {state.messages:,} messages, {state.first_seq} to {state.last_seq}>"


# All that begins without a stream in hand


def create(js: JetStreamBase, config: StreamConfig, timeout: float | None = None) -> Deferred[Stream]:
    """Make a stream; one that stands already and is set up alike is that stream."""
    return _set(js, "CREATE", config, timeout)


def update(js: JetStreamBase, config: StreamConfig, timeout: float | None = None) -> Deferred[Stream]:
    """Set up a stream anew."""
    return _set(js, "UPDATE", config, timeout)


def create_or_update(js: JetStreamBase, config: StreamConfig, timeout: float | None = None) -> Deferred[Stream]:
    """Make a stream, or set it up anew."""
    return Deferred.fromCoroutine(_create_or_update(js, config, timeout))


async def _create_or_update(js: JetStreamBase, config: StreamConfig, timeout: float | None) -> Stream:
    try:
        return await update(js, config, timeout)
    except StreamNotFound:
        pass
    try:
        return await create(js, config, timeout)
    except StreamNameInUse:  # somebody was faster
        return await update(js, config, timeout)


def _set(js: JetStreamBase, verb: str, config: StreamConfig, timeout: float | None) -> Deferred[Stream]:
    try:
        stream_config.check(config)
    except NatsError:
        return fail()
    level, features = stream_config.required_level(config)
    told = js.api.call(
        f"STREAM.{verb}.{config.name}", config, StreamInfo, timeout=timeout, level=level, features=features
    )
    return told.addCallback(lambda info: Stream(js, info))


def bind(js: JetStreamBase, name: str, timeout: float | None = None) -> Deferred[Stream]:
    """A stream that stands."""
    try:
        checks.check_name("stream", name)
    except InvalidArgument:
        return fail()
    return js.api.call(f"STREAM.INFO.{name}", None, StreamInfo, timeout=timeout).addCallback(
        lambda info: Stream(js, info)
    )


def delete(js: JetStreamBase, name: str, timeout: float | None = None) -> Deferred[None]:
    """Delete a stream by its name."""
    try:
        checks.check_name("stream", name)
    except InvalidArgument:
        return fail()
    gone = js.api.call(f"STREAM.DELETE.{name}", timeout=timeout, repeatable=False)
    return gone.addCallback(lambda _: None)


def names(js: JetStreamBase, subject: str = "", timeout: float | None = None) -> Pages[str]:
    """The names of all streams, or of those that store something under a subject or pattern."""
    if subject:
        checks.check_subjects("stream_names", [subject])
    return Pages(js.api, "STREAM.NAMES", lambda told: names_in(told, "streams"), subject=subject, timeout=timeout)


def infos(js: JetStreamBase, subject: str = "", timeout: float | None = None) -> Pages[StreamInfo]:
    """All streams, or those that store something under a subject or pattern."""
    if subject:
        checks.check_subjects("streams", [subject])

    def read(told: dict[str, Any]) -> list[StreamInfo]:
        return [from_wire(StreamInfo, each) for each in told.get("streams") or []]

    return Pages(js.api, "STREAM.LIST", read, subject=subject, timeout=timeout)


def _purged(told: dict[str, Any]) -> int:
    purged = told.get("purged") or 0
    if not isinstance(purged, int):
        raise RemoteProtocolError("the answer to a purge does not tell how much it was")
    return purged


def _with_subjects(info: StreamInfo, subjects: dict[str, int]) -> StreamInfo:
    state: StreamState = msgspec.structs.replace(info.state, subjects=subjects)
    return msgspec.structs.replace(info, state=state)
