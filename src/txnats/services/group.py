"""Endpoints under one prefix."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Protocol, TypeVar

from ..errors import InvalidArgument
from ..message import Message
from ..subjects import check_publish
from .endpoint import Endpoint, RequestHandler
from .names import check_name
from .schema import Codec

HandlerT = TypeVar("HandlerT", bound=RequestHandler)


class Host(Protocol):
    """Who holds the endpoints."""

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
    ) -> Endpoint: ...


class Group:
    """A prefix of subjects and a queue group that endpoints share. Made by ``Service.add_group``."""

    def __init__(self, host: Host, prefix: str, queue: str) -> None:
        self._host = host
        self._prefix = prefix
        self._queue = queue

    @property
    def prefix(self) -> str:
        """The first tokens of its endpoints' subjects; empty for none."""
        return self._prefix

    def add_group(self, name: str, queue: str | None = None) -> Group:
        """A group within this one.

        Args:
            name: One or more tokens.
            queue: Its queue group: None for this one's, empty for none at all.

        Raises:
            InvalidArgument: The name is no subject.
        """
        check_publish(name, "begin an endpoint's subject with")
        return Group(self._host, self._under(name), self._queue if queue is None else _queue(queue))

    def add_endpoint(
        self,
        name: str,
        handler: RequestHandler,
        *,
        subject: str | None = None,
        queue: str | None = None,
        metadata: Mapping[str, str] | None = None,
        request: Any = None,
        reply: Any = None,
        concurrency: int = 1,
        key: Callable[[Message], Hashable] | None = None,
    ) -> Endpoint:
        """Offer an endpoint, from now on.

        Args:
            name: How it is listed.
            handler: Called with each Request; may return a Deferred or be a coroutine function. What it returns is the
                answer, unless it is None. ``ServiceError`` that it raises is the answer, too; any other exception is
                answered with code 500 and no details, and told as a HandlerFailed event.
            subject: Where it listens, below the group; its name when not given.
            queue: Its queue group: None for the group's, empty for none: then every instance answers.
            metadata: Text by text, for whoever looks.
            request: The type of the body, any that msgspec knows: it is read before the handler is called, a wrong one
                answered with code 400 and the path of what is wrong. Its JSON Schema is put into the metadata.
            reply: The type of what the handler returns, written as JSON.
            concurrency: Requests that may be in work at a time.
            key: Requests with the same key are handled one after the other.

        Raises:
            InvalidArgument: Nothing was subscribed.
            ClientDraining, ClientClosed: It takes no more.
        """
        check_name(name, "endpoint")
        if not callable(handler):
            raise InvalidArgument(f"a handler is callable, {type(handler).__name__} is not")
        group = self._queue if queue is None else _queue(queue)
        return self._host.host(
            handler,
            name=name,
            subject=self._under(name if subject is None else subject),
            queue=group or None,
            metadata=metadata,
            codec=Codec(request, reply),
            concurrency=concurrency,
            key=key,
        )

    def endpoint(self, name: str, **options: Any) -> Callable[[HandlerT], HandlerT]:
        """``add_endpoint`` as a decorator of the handler, with the same options."""

        def add(handler: HandlerT) -> HandlerT:
            self.add_endpoint(name, handler, **options)
            return handler

        return add

    def _under(self, name: str) -> str:
        return f"{self._prefix}.{name}" if self._prefix else name


def _queue(queue: str) -> str:
    if not isinstance(queue, str):
        raise InvalidArgument(f"a queue group is a str, not {type(queue).__name__}", hint='"" for none')
    return queue
