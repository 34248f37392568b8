"""What services tell of themselves, as JSON has it. Source: ADR-32.

Times in nanoseconds stand as they come; ``seconds`` and ``average`` give them as seconds.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from ..errors import RemoteProtocolError

PING_TYPE = "io.nats.micro.v1.ping_response"
INFO_TYPE = "io.nats.micro.v1.info_response"
STATS_TYPE = "io.nats.micro.v1.stats_response"


class ServicePing(msgspec.Struct, frozen=True, kw_only=True):
    """That a service is there."""

    name: str
    id: str
    version: str
    metadata: dict[str, str] | None = msgspec.field(default_factory=dict)
    type: str = PING_TYPE


class EndpointInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint: its name, where it listens and in which queue group (empty for none)."""

    name: str
    subject: str
    queue_group: str = ""
    metadata: dict[str, str] | None = msgspec.field(default_factory=dict)


class ServiceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a service is."""

    name: str
    id: str
    version: str
    metadata: dict[str, str] | None = msgspec.field(default_factory=dict)
    type: str = INFO_TYPE
    description: str = ""
    endpoints: list[EndpointInfo] | None = msgspec.field(default_factory=list)


class EndpointStats(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint has done since it began, or since its statistics were reset.

    Attributes:
        num_requests: Requests whose handler has ended, well or not.
        num_errors: Those that were answered with an error.
        last_error: The newest one, as ``code:description``; empty for none.
        processing_time: Nanoseconds in handlers, waiting included.
        average_processing_time: The same, a request.
        data: What the service's own ``stats`` callable gave; None is told too, since nats-py asks for it.
    """

    name: str
    subject: str
    queue_group: str = ""
    num_requests: int = 0
    num_errors: int = 0
    last_error: str = ""
    processing_time: int = 0
    average_processing_time: int = 0
    data: Any = None

    @property
    def seconds(self) -> float:
        """Seconds in handlers."""
        return self.processing_time / 1e9

    @property
    def average(self) -> float:
        """Seconds a request."""
        return self.average_processing_time / 1e9


class ServiceStats(msgspec.Struct, frozen=True, kw_only=True):
    """What a service has done since ``started`` (RFC 3339, UTC)."""

    name: str
    id: str
    version: str
    metadata: dict[str, str] | None = msgspec.field(default_factory=dict)
    type: str = STATS_TYPE
    started: str = ""
    endpoints: list[EndpointStats] | None = msgspec.field(default_factory=list)


Record = TypeVar("Record", ServicePing, ServiceInfo, ServiceStats)
encode = msgspec.json.Encoder().encode


def decode(data: bytes, kind: type[Record]) -> Record:
    """A record as a service sent it; unknown fields are left out.

    Raises:
        RemoteProtocolError: It is none.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise RemoteProtocolError(f"a service told of itself what cannot be read: {error}") from None
