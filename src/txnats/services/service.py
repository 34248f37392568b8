"""A service: its endpoints, and its answers to those who look for it. Source: ADR-32."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import msgspec
from twisted.internet.defer import Deferred, fail, gatherResults, succeed
from twisted.logger import Logger

from ..client import Client
from ..errors import ClientClosed, InvalidArgument, NatsError
from ..message import Message
from ..nuid import next_nuid
from ..options import check_seconds
from ..state.waiters import Waiters
from ..subjects import check_publish
from ..subscription import EndReason, Subscription
from . import records
from .endpoint import Endpoint, RequestHandler
from .group import Group
from .names import check_metadata, check_name, check_version
from .records import ServiceInfo, ServicePing, ServiceStats
from .schema import Codec

DEFAULT_QUEUE = "q"
DEFAULT_PREFIX = "$SRV"
MOST_ENDPOINTS = 10_000


class Service(Group):
    """A service that runs. Made by ``await Service.start(client, ...)``.

    ``async with`` stops it at the end.

    Attributes:
        log: Where it tells that ``stats`` raised.
        name: Its name, shared by all instances.
        id: This instance.
        version: Its semantic version.
        description: As given.
        metadata: As given.
        started: When, in UTC.
    """

    log = Logger()

    def __init__(
        self,
        client: Client,
        *,
        name: str,
        version: str,
        description: str = "",
        metadata: Mapping[str, str] | None = None,
        queue: str = DEFAULT_QUEUE,
        prefix: str = DEFAULT_PREFIX,
        stats: Callable[[Endpoint], object] | None = None,
    ) -> None:
        super().__init__(self, "", queue)
        self.name = check_name(name)
        self.version = check_version(version)
        self.metadata = check_metadata(metadata)
        if not isinstance(description, str):
            raise InvalidArgument(f"a description is a str, not {type(description).__name__}")
        if stats is not None and not callable(stats):
            raise InvalidArgument("stats is called with an endpoint, this cannot be called")
        check_publish(prefix, "listen for verbs at")
        self.description = description
        self.id = next_nuid()
        self.started = datetime.now(UTC)
        self._client = client
        self._stats = stats
        self._endpoints: list[Endpoint] = []
        self._stopping = False
        self._stopped = False
        self._error: NatsError | None = None
        self._when_stopped: Waiters[NatsError | None] = Waiters()
        self._verbs = self._answer_verbs(prefix)

    @classmethod
    def start(
        cls,
        client: Client,
        name: str,
        version: str,
        *,
        description: str = "",
        metadata: Mapping[str, str] | None = None,
        queue: str = DEFAULT_QUEUE,
        prefix: str = DEFAULT_PREFIX,
        stats: Callable[[Endpoint], object] | None = None,
    ) -> Deferred[Service]:
        """Start a service, without endpoints yet.

        Args:
            client: Its connection; the service ends with it.
            name: Letters, digits, ``-`` and ``_``. All that have the same name are instances of one service.
            version: A semantic version, say ``1.0.0``.
            description: For whoever looks.
            metadata: Text by text, for whoever looks.
            queue: The queue group of endpoints that name none; empty for none.
            prefix: The first tokens of the subjects at which services are looked for.
            stats: Called with each endpoint when statistics are asked for; what it gives, as JSON, becomes ``data``,
                which stays null when it raises.

        Returns:
            A Deferred of the service, which fires when the server knows it. It fails with InvalidArgument, or with
            PermissionDenied when the account may not answer those who look for services.
        """
        return Deferred.fromCoroutine(
            cls._start(
                client,
                name=name,
                version=version,
                description=description,
                metadata=metadata,
                queue=queue,
                prefix=prefix,
                stats=stats,
            )
        )

    @classmethod
    async def _start(cls, client: Client, **options: Any) -> Service:
        service = cls(client, **options)
        try:
            await gatherResults([verb.ready() for verb in service._verbs], consumeErrors=True).addErrback(_first)
        except BaseException:
            service._end(None)
            raise
        return service

    # Facts

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Its endpoints, in the order in which they were added."""
        return tuple(self._endpoints)

    @property
    def is_stopped(self) -> bool:
        """True once it answers nobody any more."""
        return self._stopped

    def ping(self) -> ServicePing:
        """That it is there."""
        return ServicePing(**self._identity())

    def info(self) -> ServiceInfo:
        """What it is."""
        return ServiceInfo(
            **self._identity(), description=self.description, endpoints=[each.info() for each in self._endpoints]
        )

    def stats(self) -> ServiceStats:
        """What it has done."""
        started = self.started.isoformat(timespec="microseconds").replace("+00:00", "Z")
        return ServiceStats(
            **self._identity(), started=started, endpoints=[self._with_data(e) for e in self._endpoints]
        )

    def reset(self) -> None:
        """Count anew, in all endpoints."""
        self.started = datetime.now(UTC)
        for endpoint in self._endpoints:
            endpoint.reset()

    # End

    def stop(self, timeout: float = 30.0) -> Deferred[None]:
        """Take no more requests, finish and answer those that are here, then answer no more questions about it.

        Args:
            timeout: Seconds for all of it; what is in work then is abandoned.

        Returns:
            A Deferred that fires when it has ended; a second call gives the same.
        """
        try:
            check_seconds("timeout", timeout)
        except InvalidArgument:
            return fail()
        if not self._stopping:
            self._stopping = True
            Deferred.fromCoroutine(self._stop(timeout)).addErrback(self._end_with)
        return self.when_stopped().addCallback(lambda _: None)

    def when_stopped(self) -> Deferred[NatsError | None]:
        """Wait for its end; fires with the error that caused it, or None when it was stopped."""
        return succeed(self._error) if self._stopped else self._when_stopped.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    # What its groups ask

    def host(
        self,
        handler: RequestHandler,
        *,
        name: str,
        subject: str,
        queue: str | None,
        metadata: Mapping[str, str] | None,
        codec: Codec,
        concurrency: int,
        key: Callable[[Message], Hashable] | None,
    ) -> Endpoint:
        """Add an endpoint, its subject complete."""
        if self._stopping or self._stopped:
            raise InvalidArgument("no endpoint can be added", where=self.name, why="the service is stopping")
        if len(self._endpoints) >= MOST_ENDPOINTS:
            raise InvalidArgument(f"a service has at most {MOST_ENDPOINTS:,} endpoints", where=self.name)
        endpoint = Endpoint(
            self._client.subscribe,
            handler,
            name=name,
            subject=subject,
            queue=queue,
            metadata=check_metadata(metadata),
            codec=codec,
            concurrency=concurrency,
            key=key,
        )
        self._endpoints.append(endpoint)
        return endpoint

    # Inside

    def _identity(self) -> dict[str, Any]:
        return {"name": self.name, "id": self.id, "version": self.version, "metadata": dict(self.metadata)}

    def _with_data(self, endpoint: Endpoint) -> records.EndpointStats:
        stats = endpoint.stats()
        if self._stats is None:
            return stats
        try:
            data = self._stats(endpoint)
            records.encode(data)
        except BaseException:  # noqa: BLE001  # as Twisted does with callbacks: told, and the rest is answered
            self.log.failure("stats raised, or gave what is no JSON, for {name}", name=endpoint.name)
            return stats
        return msgspec.structs.replace(stats, data=data)

    def _answer_verbs(self, prefix: str) -> list[Subscription]:
        """Listen where services are looked for: all of them, those of this name, and this one."""
        answers: dict[str, Callable[[], object]] = {"PING": self.ping, "INFO": self.info, "STATS": self.stats}
        subscriptions: list[Subscription] = []
        try:
            for verb, answer in answers.items():
                handler = _answering(answer)
                for place in ("", f".{self.name}", f".{self.name}.{self.id}"):
                    subscription = self._client.subscribe(f"{prefix}.{verb}{place}", handler)
                    subscriptions.append(subscription)
        except BaseException:
            for subscription in subscriptions:
                subscription.unsubscribe()
            raise
        # Whatever else ends them, the client's end ends all: one tells it.
        subscriptions[0].when_done().addCallback(self._verb_ended)
        return subscriptions

    def _verb_ended(self, reason: EndReason) -> None:
        if reason is EndReason.CLIENT_CLOSED:
            self._end(self._verbs[0].error or ClientClosed())

    async def _stop(self, timeout: float) -> None:
        clock = self._client.clock
        end = clock.seconds() + timeout
        # Endpoints first: who looks meanwhile still finds what is being finished.
        await gatherResults([endpoint.drain(timeout) for endpoint in self._endpoints], consumeErrors=True)
        for verb in self._verbs:
            verb.unsubscribe()
        # The last answers have reached the server, and it knows that there is nobody here, before this is over.
        await self._client.flush(max(0.0, end - clock.seconds()))
        self._end(None)

    def _end_with(self, failure: Any) -> None:
        error = failure.value
        self._end(error if isinstance(error, NatsError) else None)

    def _end(self, error: NatsError | None) -> None:
        if self._stopped:
            return
        self._stopping = self._stopped = True
        self._error = error
        for subscription in (*(each.subscription for each in self._endpoints), *self._verbs):
            subscription.unsubscribe()
        self._when_stopped.tell(error)

    def __repr__(self) -> str:
        state = "stopped" if self._stopped else "stopping" if self._stopping else "running"
        return f"<Service {self.name!r} {self.version} {self.id}, {state}, {len(self._endpoints)} endpoints>"


def _answering(answer: Callable[[], object]) -> Callable[[Message], None]:
    def respond(message: Message) -> None:
        if message.reply_bytes is not None:
            message.respond(records.encode(answer()))

    return respond


def _first(failure: Any) -> Any:
    """The error that came first, out of its wrapping."""
    wrapped = failure.value
    return getattr(wrapped, "subFailure", failure)
