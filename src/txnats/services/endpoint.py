"""An endpoint: a subject, its handler, and what the handler's ending means for the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from inspect import isawaitable
from time import perf_counter_ns
from typing import TypeAlias

from twisted.internet.defer import Deferred

from ..errors import NatsError
from ..message import Message
from ..subscription import Drained, Subscription
from .counts import Counts
from .errors import ServiceError
from .records import EndpointInfo, EndpointStats
from .request import Request
from .schema import Codec

RequestHandler: TypeAlias = Callable[[Request], object]
"""Gets a request. What it returns, or what its Deferred or coroutine gives, is the answer, unless that is None."""

Subscribe: TypeAlias = Callable[..., Subscription]
"""``Client.subscribe``."""


class Endpoint:
    """Made by ``Service.add_endpoint``.

    Attributes:
        name: Its name.
        subject: Where it listens.
        queue: Its queue group, or None.
        metadata: As given, with the schemas of its types.
        subscription: How its requests come in.
    """

    def __init__(
        self,
        subscribe: Subscribe,
        handler: RequestHandler,
        *,
        name: str,
        subject: str,
        queue: str | None,
        metadata: dict[str, str],
        codec: Codec,
        concurrency: int,
        key: Callable[[Message], Hashable] | None,
        nanoseconds: Callable[[], int] = perf_counter_ns,
    ) -> None:
        self.name = name
        self.subject = subject
        self.queue = queue
        self.metadata = {**codec.schemas, **metadata}
        self._handler = handler
        self._codec = codec
        self._counts = Counts()
        self._nanoseconds = nanoseconds
        self.subscription = subscribe(subject, self._serve, queue=queue, concurrency=concurrency, key=key)

    def ready(self) -> Deferred[None]:
        """Wait until the server knows it; fails with PermissionDenied when it may not be."""
        return self.subscription.ready()

    def info(self) -> EndpointInfo:
        """What it is."""
        return EndpointInfo(
            name=self.name, subject=self.subject, queue_group=self.queue or "", metadata=dict(self.metadata)
        )

    def stats(self) -> EndpointStats:
        """What it has done."""
        counts = self._counts
        return EndpointStats(
            name=self.name,
            subject=self.subject,
            queue_group=self.queue or "",
            num_requests=counts.requests,
            num_errors=counts.errors,
            last_error=counts.last_error,
            processing_time=counts.nanoseconds,
            average_processing_time=counts.average,
        )

    def reset(self) -> None:
        """Count anew."""
        self._counts.reset()

    def drain(self, timeout: float) -> Deferred[Drained]:
        """Take no more requests and finish those that are here."""
        return self.subscription.drain(timeout)

    # Inside

    def _serve(self, message: Message) -> object:
        started = self._nanoseconds()
        request = Request(message, None)
        try:
            request.value = self._codec.read(message.payload)
            result = self._handler(request)
            if isawaitable(result):
                return self._wait(result, request, started)
            self._answer(request, result)
        except BaseException as error:
            self._failed(request, error, started)
        else:
            self._counts.ended(self._nanoseconds() - started, request.error)
        return None

    async def _wait(self, result: Awaitable[object], request: Request, started: int) -> None:
        try:
            self._answer(request, await result)
        except BaseException as error:
            self._failed(request, error, started)
        else:
            self._counts.ended(self._nanoseconds() - started, request.error)

    def _answer(self, request: Request, result: object) -> None:
        """What the handler gave is the answer, unless it has given one itself or nobody waits."""
        if result is None and (request.answered or not self._codec.always_answers):
            return
        payload = self._codec.write(result)
        if request.message.reply_bytes is not None:
            request.respond(payload)

    def _failed(self, request: Request, error: BaseException, started: int) -> None:
        """Answer with an error; what is no ServiceError is a fault here, told here and not to whoever asked."""
        told = error if isinstance(error, ServiceError) else ServiceError(500, "the handler failed")
        self._counts.ended(self._nanoseconds() - started, told)
        try:
            request.fail(told)
        except NatsError as unsent:
            # No connection will carry the answer: who asked finds that out by its timeout.
            unsent.__context__ = error
            raise unsent from error
        if told is not error or told.code >= 500:
            raise error

    def __repr__(self) -> str:
        return f"<Endpoint {self.name!r} at {self.subject!r}, {self._counts.requests} requests>"
