"""A client whose hooks are told of what it does. It is made in place of a plain one where there are any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from inspect import isawaitable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from .client import Client
from .handlers import Handler
from .headers import Headers, HeaderSource
from .hooks import Hook, Kind, Observation, Operation
from .message import Message, Origin
from .net.session import Session
from .request_many import Replies
from .subjects import as_text
from .subscription import Subscription

Result = TypeVar("Result")


class Watched:
    """One operation, and all who look at it."""

    log = Logger()
    __slots__ = ("_observations", "headers")

    def __init__(self, hooks: Sequence[Hook], operation: Operation) -> None:
        self._observations: list[Observation] = []
        self.headers = operation.headers
        for hook in hooks:
            with self._harmless("a hook failed at the beginning of a {kind}", kind=operation.kind.value):
                observation = hook(operation)
                if observation is not None:
                    self._observations.append(observation)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Around the code that belongs to it."""
        with ExitStack() as stack:
            for observation in self._observations:
                with self._harmless("a hook could not be active"):
                    belonging = observation.active()
                    belonging.__enter__()
                    stack.callback(self._leave, belonging)
            yield

    def _leave(self, belonging: AbstractContextManager[object]) -> None:
        with self._harmless("a hook could not be inactive again"):
            belonging.__exit__(None, None, None)

    def ended(self, error: BaseException | None = None) -> None:
        """It has ended."""
        for observation in self._observations:
            with self._harmless("a hook failed at an end"):
                observation.ended(error)

    def until(self, deferred: Deferred[Result]) -> Deferred[Result]:
        """It ends with this."""
        return deferred.addBoth(self._fired)

    def _fired(self, result: Any) -> Any:
        self.ended(result.value if isinstance(result, Failure) else None)
        return result

    @contextmanager
    def _harmless(self, text: str, **fields: Any) -> Iterator[None]:
        try:
            yield
        except Exception:
            self.log.failure(text, **fields)


class ObservedClient(Client):
    """A client with hooks. Made by ``txnats.connect(hooks=...)``."""

    def __init__(self, clock: IReactorTime, hooks: Sequence[Hook], **parts: Any) -> None:
        self._hooks = tuple(hooks)
        make_session = parts.pop("make_session")
        origins: list[Origin] = []

        def keep(origin: Origin, *others: Any) -> Session:
            origins.append(origin)
            session: Session = make_session(origin, *others)
            return session

        super().__init__(clock, make_session=keep, **parts)
        # Answers, too, are publishes that hooks want to hear of.
        for origin in origins:
            origin.answer = None
            origin.publish = self._answer

    # For layers above, too

    def watch(self, kind: Kind, subject: str | bytes, payload: bytes | str, headers: HeaderSource | None) -> Watched:
        """An operation with a message that leaves begins."""
        name = as_text(subject)
        pattern = _REPLY if kind is Kind.ANSWER else name
        if name.startswith(_OF_JETSTREAM):
            kind, pattern = _of_jetstream(name)
        return Watched(self._hooks, Operation(kind, name, pattern, Headers(headers), len(payload)))

    def received(self, pattern: str, message: Message) -> None:
        """Somebody has taken a message that no handler gets."""
        Watched(self._hooks, _incoming(Kind.RECEIVE, pattern, message)).ended()

    def observed(self, pattern: str, handler: Handler) -> Handler:
        """A handler, with hooks around it."""

        def handle(message: Message) -> object:
            watched = Watched(self._hooks, _incoming(Kind.HANDLE, pattern, message))
            try:
                with watched.active():
                    result = handler(message)
            except BaseException as error:
                watched.ended(error)
                raise
            if isinstance(result, Deferred):
                return watched.until(result)
            if isawaitable(result):
                return _whole(watched, result)
            watched.ended()
            return None

        return handle

    # As a client

    def publish(
        self,
        subject: str | bytes,
        payload: bytes | str = b"",
        *,
        reply: str | bytes | None = None,
        headers: HeaderSource | None = None,
    ) -> None:
        self._watched_publish(Kind.PUBLISH, subject, payload, reply, headers)

    def _answer(
        self,
        subject: str | bytes,
        payload: bytes | str = b"",
        *,
        reply: str | bytes | None = None,
        headers: HeaderSource | None = None,
    ) -> None:
        self._watched_publish(Kind.ANSWER, subject, payload, reply, headers)

    def _watched_publish(
        self,
        kind: Kind,
        subject: str | bytes,
        payload: bytes | str,
        reply: str | bytes | None,
        headers: HeaderSource | None,
    ) -> None:
        watched = self.watch(kind, subject, payload, headers)
        try:
            super().publish(subject, payload, reply=reply, headers=watched.headers or None)
        except BaseException as error:
            watched.ended(error)
            raise
        watched.ended()

    def request(
        self,
        subject: str | bytes,
        payload: bytes | str = b"",
        *,
        timeout: float | None = None,
        headers: HeaderSource | None = None,
    ) -> Deferred[Message]:
        watched = self.watch(Kind.REQUEST, subject, payload, headers)
        return watched.until(super().request(subject, payload, timeout=timeout, headers=watched.headers or None))

    def request_many(
        self,
        subject: str | bytes,
        payload: bytes | str = b"",
        *,
        headers: HeaderSource | None = None,
        **options: Any,
    ) -> Replies:
        watched = self.watch(Kind.REQUEST, subject, payload, headers)
        try:
            replies = super().request_many(subject, payload, headers=watched.headers or None, **options)
        except BaseException as error:
            watched.ended(error)
            raise
        replies.when_over(watched.ended)
        return replies

    def subscribe(self, subject: str | bytes, handler: Handler | None = None, **options: Any) -> Subscription:
        pattern = as_text(subject)
        # Replies belong to the requests that they answer.
        if pattern.startswith(f"{self._inbox_prefix}."):
            return super().subscribe(subject, handler, **options)
        if handler is not None:
            return super().subscribe(subject, self.observed(pattern, handler), **options)
        subscription = super().subscribe(subject, **options)
        subscription.given = partial(self.received, pattern)
        return subscription


_REPLY = "(reply)"
_OF_JETSTREAM = "$JS."
_ACK = "$JS.ACK."
_NEXT = ".CONSUMER.MSG.NEXT."


def _of_jetstream(subject: str) -> tuple[Kind, str]:
    """What is said on one of JetStream's own subjects, and the pattern of that."""
    if not subject.startswith(_ACK):
        return Kind.PULL if _NEXT in subject else Kind.API, subject
    tokens = subject.split(".")
    at = 2 if len(tokens) == _SHORT_ACK else 4
    return Kind.SETTLE, " > ".join(tokens[at : at + 2])


_SHORT_ACK = 9
"""Tokens of a subject that settles, without domain and account. Source: ADR-15."""


async def _whole(watched: Watched, result: Any) -> None:
    """A coroutine, whose steps all run with the hooks around it."""
    try:
        with watched.active():
            await result
    except BaseException as error:
        watched.ended(error)
        raise
    watched.ended()


def _incoming(kind: Kind, pattern: str, message: Message) -> Operation:
    try:
        headers = message.headers
    except Exception:
        # A line that is no header: whoever reads them is told.
        headers = Headers()
    return Operation(kind, message.subject, pattern, headers, len(message.payload))
