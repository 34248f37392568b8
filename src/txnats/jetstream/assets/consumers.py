"""Consumers: made, changed, looked at, paused and deleted. What they hand out is received in ``consume/``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from twisted.internet.defer import Deferred, fail

from ...errors import InvalidArgument, NatsError
from ...nuid import next_nuid
from ..base import JetStreamBase
from ..consume.pull import Pull
from ..consume.push import Push
from ..records import Record, Time, from_wire
from ..units import Timestamp
from . import checks, consumer_config
from .consumer_config import AckPolicy, ConsumerConfig
from .consumer_info import ConsumerInfo, Pause
from .paging import Pages, names_in
from .stream_config import Placement, StepDownRequest

CREATE, UPDATE, CREATE_OR_UPDATE = "create", "update", ""
"""What a call shall do: the words of the wire."""


class CreateRequest(Record, frozen=True):
    """A consumer that is to be."""

    stream_name: str
    config: ConsumerConfig
    action: str = CREATE_OR_UPDATE
    pedantic: bool = False


class PauseRequest(Record, frozen=True):
    """Until when it rests."""

    pause_until: Time | None = None


class ResetRequest(Record, frozen=True):
    """Where it is to go on; 0 for behind all that is settled."""

    seq: int = 0


class UnpinRequest(Record, frozen=True):
    """The group whose client is to go."""

    group: str = ""


class ManagedConsumer:
    """What can be done with any consumer that stands on the servers.

    Attributes:
        js: Where it is.
        stream_name: Its stream.
        name: Its name.
        cached: What was told of it last; ``info()`` asks again.
    """

    def __init__(self, js: JetStreamBase, info: ConsumerInfo) -> None:
        self.js = js
        self.stream_name = info.stream_name
        self.name = info.name
        self.cached = info

    @property
    def config(self) -> ConsumerConfig:
        """How it was set up when it was asked last."""
        return self.cached.config

    def info(self, timeout: float | None = None) -> Deferred[ConsumerInfo]:
        """Ask what it is and where it is in its work."""
        told = self.js.api.call(self._at("INFO"), None, ConsumerInfo, timeout=timeout)
        return told.addCallback(self._keep)

    def update(self, config: ConsumerConfig, timeout: float | None = None) -> Deferred[ConsumerInfo]:
        """Set it up anew; ``consumer.config.replace(...)`` makes the configuration."""
        try:
            if isinstance(config, ConsumerConfig) and consumer_config.named(config) != self.name:
                raise InvalidArgument(
                    f"the configuration is of {consumer_config.named(config)!r}",
                    where=f"{self.stream_name} > {self.name}",
                )
        except InvalidArgument:
            return fail()
        return set_up(self.js, self.stream_name, config, UPDATE, timeout).addCallback(self._keep)

    def delete(self, timeout: float | None = None) -> Deferred[None]:
        """Delete it; whoever pulls from it is told."""
        return delete(self.js, self.stream_name, self.name, timeout)

    def pause(self, until: datetime, timeout: float | None = None) -> Deferred[Pause]:
        """Deliver nothing until then. It needs nats-server 2.11.

        Args:
            until: With its time zone; in the past it resumes.
            timeout: Seconds for the call.
        """
        try:
            request = PauseRequest(pause_until=Timestamp.of(until))
        except InvalidArgument:
            return fail()
        return self._pause(request, timeout)

    def resume(self, timeout: float | None = None) -> Deferred[Pause]:
        """Deliver again."""
        return self._pause(PauseRequest(), timeout)

    def _pause(self, request: PauseRequest, timeout: float | None) -> Deferred[Pause]:
        return self.js.api.call(
            self._at("PAUSE"), request, Pause, timeout=timeout, level=1, features=("pausing a consumer",)
        )

    def reset(self, sequence: int = 0, timeout: float | None = None) -> Deferred[ConsumerInfo]:
        """Go back, or forward. It needs nats-server 2.14.

        Args:
            sequence: Deliver from this one on, settled or not; 0 delivers again what is not settled.
            timeout: Seconds for the call.

        Returns:
            A Deferred of what it is then; ``reset_seq`` tells where it goes on.
        """
        try:
            checks.check_counts("reset", {"sequence": sequence}, 0)
        except InvalidArgument:
            return fail()
        told = self.js.api.call(
            self._at("RESET"),
            ResetRequest(seq=sequence),
            ConsumerInfo,
            timeout=timeout,
            repeatable=False,
            level=4,
            features=("resetting a consumer",),
        )
        return told.addCallback(self._keep)

    def unpin(self, group: str, timeout: float | None = None) -> Deferred[None]:
        """Let another client of a priority group be pinned. It needs nats-server 2.11."""
        done = self.js.api.call(
            self._at("UNPIN"),
            UnpinRequest(group=group),
            timeout=timeout,
            repeatable=False,
            level=1,
            features=("unpinning a client",),
        )
        return done.addCallback(lambda _: None)

    def step_down_leader(self, placement: Placement | None = None, timeout: float | None = None) -> Deferred[None]:
        """Let another server lead it."""
        suffix = f"CONSUMER.LEADER.STEPDOWN.{self.stream_name}.{self.name}"
        request = StepDownRequest(placement=placement)
        done = self.js.api.call(suffix, request, timeout=timeout, repeatable=False)
        return done.addCallback(lambda _: None)

    def _at(self, verb: str) -> str:
        return f"CONSUMER.{verb}.{self.stream_name}.{self.name}"

    def _keep(self, info: ConsumerInfo) -> ConsumerInfo:
        self.cached = info
        return info

    def __repr__(self) -> str:
        waiting = f"{self.cached.num_pending:,} to deliver, {self.cached.num_ack_pending:,} not settled"
        return f"<{type(self).__name__} {self.stream_name} > {self.name}, {waiting}>"


class Consumer(ManagedConsumer, Pull):
    """A consumer that is pulled from. Made by ``Stream.create_consumer``, ``Stream.consumer`` and their kin."""

    def __init__(self, js: JetStreamBase, info: ConsumerInfo) -> None:
        ManagedConsumer.__init__(self, js, info)
        Pull.__init__(self, js, info.stream_name, info.name)


class PushConsumer(ManagedConsumer, Push):
    """A consumer that sends by itself. Made by ``Stream.create_push_consumer`` and ``Stream.push_consumer``."""

    def __init__(self, js: JetStreamBase, info: ConsumerInfo) -> None:
        ManagedConsumer.__init__(self, js, info)
        config = info.config
        Push.__init__(
            self,
            js,
            info.stream_name,
            info.name,
            deliver_subject=config.deliver_subject,
            deliver_group=config.deliver_group or None,
            heartbeat=config.idle_heartbeat,
            settles=config.ack_policy not in (AckPolicy.NONE, AckPolicy.FLOW_CONTROL),
        )


# All that begins without a consumer in hand


def set_up(
    js: JetStreamBase, stream: str, config: ConsumerConfig, action: str, timeout: float | None = None
) -> Deferred[ConsumerInfo]:
    """Make a consumer, change it, or either."""
    try:
        consumer_config.check(config)
        if action == UPDATE and not consumer_config.named(config):
            raise InvalidArgument("a consumer is updated by its name", where=stream)
    except NatsError:
        return fail()
    if not consumer_config.named(config):
        # With a name of its own the call can be repeated, without one that would make a second consumer.
        config = config.replace(name=next_nuid())
    level, features = consumer_config.required_level(config)
    return js.api.call(
        consumer_config.create_suffix(stream, config),
        CreateRequest(stream_name=stream, config=config, action=action),
        ConsumerInfo,
        timeout=timeout,
        level=level,
        features=features,
    )


def look_up(js: JetStreamBase, stream: str, name: str, timeout: float | None = None) -> Deferred[ConsumerInfo]:
    """What a consumer is."""
    try:
        checks.check_name("consumer", name)
    except InvalidArgument:
        return fail()
    return js.api.call(f"CONSUMER.INFO.{stream}.{name}", None, ConsumerInfo, timeout=timeout)


def delete(js: JetStreamBase, stream: str, name: str, timeout: float | None = None) -> Deferred[None]:
    """Delete a consumer by its name."""
    try:
        checks.check_name("consumer", name)
    except InvalidArgument:
        return fail()
    gone = js.api.call(f"CONSUMER.DELETE.{stream}.{name}", timeout=timeout, repeatable=False)
    return gone.addCallback(lambda _: None)


def names(js: JetStreamBase, stream: str, timeout: float | None = None) -> Pages[str]:
    """The names of all consumers of a stream."""
    return Pages(js.api, f"CONSUMER.NAMES.{stream}", lambda told: names_in(told, "consumers"), timeout=timeout)


def infos(js: JetStreamBase, stream: str, timeout: float | None = None) -> Pages[ConsumerInfo]:
    """All consumers of a stream."""

    def read(told: dict[str, Any]) -> list[ConsumerInfo]:
        return [from_wire(ConsumerInfo, each) for each in told.get("consumers") or []]

    return Pages(js.api, f"CONSUMER.LIST.{stream}", read, timeout=timeout)
