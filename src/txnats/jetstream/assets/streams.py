"""Streams: made, changed, looked at, read from and deleted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, fail

from ...errors import InvalidArgument, InvalidOption, NatsError
from ..api import Api
from ..errors import JetStreamNotEnabled, JetStreamUnavailable, StreamNameInUse, StreamNotFound
from ..records import Record, from_wire
from . import checks, stream_config
from .direct import DirectMessages
from .paging import Pages
from .stored import GetRequest, StoredMessage, from_answer, from_direct
from .stream_config import Placement, StreamConfig
from .stream_info import StreamInfo, StreamState


class InfoRequest(Record, frozen=True):
    """What an information is to hold beyond the usual."""

    subjects_filter: str = ""
    deleted_details: bool = False
    offset: int = 0


class PurgeRequest(Record, frozen=True):
    """What is to go."""

    filter: str = ""
    seq: int = 0
    keep: int = 0


class DeleteRequest(Record, frozen=True):
    """Which message is to go; ``no_erase`` leaves its bytes in the store."""

    seq: int = 0
    no_erase: bool = False


class StepDownRequest(Record, frozen=True):
    """Where the next leader is wanted."""

    placement: Placement | None = None


class PeerRequest(Record, frozen=True):
    """A server, by its name or the id of its peer."""

    peer: str = ""


class Stream:
    """A stream that stands on the servers. Made by ``JetStream.create_stream``, ``JetStream.stream`` and their kin.

    Attributes:
        api: The calls.
        name: Its name.
        cached: What was told of it last; ``info()`` asks again.
    """

    def __init__(self, api: Api, info: StreamInfo) -> None:
        self.api = api
        self.name = info.config.name
        self.cached = info

    @property
    def config(self) -> StreamConfig:
        """How it was set up when it was asked last."""
        return self.cached.config

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
            info = await self.api.call(
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
        return update(self.api, config, timeout).addCallback(self._keep)

    def _keep(self, stream: Stream) -> StreamInfo:
        self.cached = stream.cached
        return self.cached

    def delete(self, timeout: float | None = None) -> Deferred[None]:
        """Delete it with all that it holds."""
        return delete(self.api, self.name, timeout)

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
        purged = self.api.call(f"STREAM.PURGE.{self.name}", request, timeout=timeout, repeatable=repeatable)
        return purged.addCallback(lambda told: int(told.get("purged") or 0))

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
        gone = self.api.call(f"STREAM.MSG.DELETE.{self.name}", request, timeout=timeout, repeatable=False)
        return gone.addCallback(lambda _: None)

    # What it holds

    def get_message(
        self, sequence: int, *, direct: bool | None = None, timeout: float | None = None
    ) -> Deferred[StoredMessage]:
        """Read the message of a sequence.

        Args:
            sequence: Its number.
            direct: Read it from any server that holds a copy, which may be behind the leader by a little; None does so
                when the stream allows it.
            timeout: Seconds for all tries.

        Returns:
            A Deferred that fails with MessageNotFound.
        """
        try:
            checks.check_counts("get_message", {"sequence": sequence}, 1)
        except InvalidArgument:
            return fail()
        return self._get(GetRequest(seq=sequence), "", direct, timeout)

    def get_last(
        self, subject: str, *, direct: bool | None = None, timeout: float | None = None
    ) -> Deferred[StoredMessage]:
        """Read the last message of a subject or pattern; as ``get_message``."""
        try:
            checks.check_subjects("get_last", [subject])
        except InvalidArgument:
            return fail()
        literal = not any(token in ("*", ">") for token in subject.split("."))
        return self._get(GetRequest(last_by_subj=subject), subject if literal else "", direct, timeout)

    def get_next(
        self, subject: str, sequence: int = 1, *, direct: bool | None = None, timeout: float | None = None
    ) -> Deferred[StoredMessage]:
        """Read the first message of a subject or pattern from a sequence on; as ``get_message``."""
        try:
            checks.check_subjects("get_next", [subject])
            checks.check_counts("get_next", {"sequence": sequence}, 1)
        except InvalidArgument:
            return fail()
        return self._get(GetRequest(seq=sequence, next_by_subj=subject), "", direct, timeout)

    def _get(
        self, request: GetRequest, last_for: str, direct: bool | None, timeout: float | None
    ) -> Deferred[StoredMessage]:
        wanted = self.config.allow_direct or self.config.mirror_direct if direct is None else direct
        return Deferred.fromCoroutine(self._read(request, last_for, wanted, timeout))

    async def _read(self, request: GetRequest, last_for: str, direct: bool, timeout: float | None) -> StoredMessage:
        deadline = self.api.clock.seconds() + (self.api.timeout if timeout is None else timeout)
        while direct:
            left = deadline - self.api.clock.seconds()
            suffix = f"DIRECT.GET.{self.name}.{last_for}" if last_for else f"DIRECT.GET.{self.name}"
            body = None if last_for else request
            try:
                return await self.api.ask(suffix, body, from_direct, timeout=left, wait_if_absent=False)
            except (JetStreamUnavailable, JetStreamNotEnabled):
                # Nobody answers for this stream: it may be gone, forbid this way, or elect a leader.
                info = await self.info(timeout=max(0.1, deadline - self.api.clock.seconds()))
                direct = info.config.allow_direct or info.config.mirror_direct
                if direct and self.api.clock.seconds() >= deadline:
                    raise
        left = max(0.1, deadline - self.api.clock.seconds())
        told = await self.api.call(f"STREAM.MSG.GET.{self.name}", request, timeout=left)
        return from_answer(told, self.name)

    def get_batch(
        self,
        sequence: int = 1,
        *,
        subject: str = "",
        count: int | None = None,
        start_time: datetime | None = None,
        timeout: float | None = None,
    ) -> DirectMessages:
        """Read many messages in order, without a consumer. The stream needs ``allow_direct``, the server 2.11.

        Args:
            sequence: From this one on.
            subject: Only messages of this pattern.
            count: So many at the most; None for all that are there.
            start_time: From what was stored then on, instead of ``sequence``.
            timeout: Seconds without progress after which it fails.

        Raises:
            InvalidArgument: Nothing was asked.
        """
        checks.check_counts("get_batch", {"sequence": sequence}, 1)
        if count is not None:
            checks.check_counts("get_batch", {"count": count}, 1)
        if subject:
            checks.check_subjects("get_batch", [subject])
        start = {"start_time": start_time} if start_time is not None else {"seq": sequence}
        request = GetRequest(next_by_subj=subject, **start)
        return DirectMessages(self.api, self.name, request, count=count, timeout=timeout)

    def get_last_for_subjects(
        self,
        subjects: Iterable[str],
        *,
        up_to_sequence: int = 0,
        up_to_time: datetime | None = None,
        timeout: float | None = None,
    ) -> DirectMessages:
        """Read the last message of each of many subjects, all as of one moment, in the order of their sequences.

        The stream needs ``allow_direct``, the server 2.11. A server reads 1,024 subjects at the most: past these it
        fails with TooManyResults.

        Args:
            subjects: Subjects and patterns.
            up_to_sequence: As if the stream ended there.
            up_to_time: As the stream was then, instead.
            timeout: Seconds without progress after which it fails.

        Raises:
            InvalidArgument: Nothing was asked.
        """
        wanted = [subjects] if isinstance(subjects, str) else list(subjects)
        checks.check_subjects("get_last_for_subjects", wanted)
        checks.check_counts("get_last_for_subjects", {"up_to_sequence": up_to_sequence}, 0)
        if not wanted:
            raise InvalidArgument("get_last_for_subjects needs a subject", where=self.name)
        if up_to_sequence and up_to_time is not None:
            raise InvalidOption("get_last_for_subjects takes up_to_sequence or up_to_time, not both")
        request = GetRequest(multi_last=wanted, up_to_seq=up_to_sequence, up_to_time=up_to_time)
        return DirectMessages(self.api, self.name, request, timeout=timeout)

    # Where it stands

    def step_down_leader(self, placement: Placement | None = None, timeout: float | None = None) -> Deferred[None]:
        """Let another server lead it."""
        request = StepDownRequest(placement=placement)
        done = self.api.call(f"STREAM.LEADER.STEPDOWN.{self.name}", request, timeout=timeout, repeatable=False)
        return done.addCallback(lambda _: None)

    def remove_peer(self, peer: str, timeout: float | None = None) -> Deferred[None]:
        """Take a server, by name, out of those that hold it; another takes its place."""
        request = PeerRequest(peer=peer)
        done = self.api.call(f"STREAM.PEER.REMOVE.{self.name}", request, timeout=timeout, repeatable=False)
        return done.addCallback(lambda _: None)

    def __repr__(self) -> str:
        state = self.cached.state
        return f"<Stream {self.name!r}, {state.messages:,} messages, {state.first_seq} to {state.last_seq}>"


# All that begins without a stream in hand


def create(api: Api, config: StreamConfig, timeout: float | None = None) -> Deferred[Stream]:
    """Make a stream; one that stands already and is set up alike is that stream."""
    return _set(api, "CREATE", config, timeout)


def update(api: Api, config: StreamConfig, timeout: float | None = None) -> Deferred[Stream]:
    """Set up a stream anew."""
    return _set(api, "UPDATE", config, timeout)


def create_or_update(api: Api, config: StreamConfig, timeout: float | None = None) -> Deferred[Stream]:
    """Make a stream, or set it up anew."""
    return Deferred.fromCoroutine(_create_or_update(api, config, timeout))


async def _create_or_update(api: Api, config: StreamConfig, timeout: float | None) -> Stream:
    try:
        return await update(api, config, timeout)
    except StreamNotFound:
        pass
    try:
        return await create(api, config, timeout)
    except StreamNameInUse:  # somebody was faster
        return await update(api, config, timeout)


def _set(api: Api, verb: str, config: StreamConfig, timeout: float | None) -> Deferred[Stream]:
    try:
        stream_config.check(config)
    except NatsError:
        return fail()
    level, features = stream_config.required_level(config)
    told = api.call(f"STREAM.{verb}.{config.name}", config, StreamInfo, timeout=timeout, level=level, features=features)
    return told.addCallback(lambda info: Stream(api, info))


def bind(api: Api, name: str, timeout: float | None = None) -> Deferred[Stream]:
    """A stream that stands."""
    try:
        checks.check_name("stream", name)
    except InvalidArgument:
        return fail()
    return api.call(f"STREAM.INFO.{name}", None, StreamInfo, timeout=timeout).addCallback(
        lambda info: Stream(api, info)
    )


def delete(api: Api, name: str, timeout: float | None = None) -> Deferred[None]:
    """Delete a stream by its name."""
    try:
        checks.check_name("stream", name)
    except InvalidArgument:
        return fail()
    gone = api.call(f"STREAM.DELETE.{name}", timeout=timeout, repeatable=False)
    return gone.addCallback(lambda _: None)


def names(api: Api, subject: str = "", timeout: float | None = None) -> Pages[str]:
    """The names of all streams, or of those that store something under a subject or pattern."""
    if subject:
        checks.check_subjects("stream_names", [subject])
    return Pages(api, "STREAM.NAMES", lambda told: told.get("streams") or [], subject=subject, timeout=timeout)


def infos(api: Api, subject: str = "", timeout: float | None = None) -> Pages[StreamInfo]:
    """All streams, or those that store something under a subject or pattern."""
    if subject:
        checks.check_subjects("streams", [subject])

    def read(told: dict[str, Any]) -> list[StreamInfo]:
        return [from_wire(StreamInfo, each) for each in told.get("streams") or []]

    return Pages(api, "STREAM.LIST", read, subject=subject, timeout=timeout)


def _with_subjects(info: StreamInfo, subjects: dict[str, int]) -> StreamInfo:
    state: StreamState = msgspec.structs.replace(info.state, subjects=subjects)
    return msgspec.structs.replace(info, state=state)
