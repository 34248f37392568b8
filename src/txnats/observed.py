"""A client whose hooks are told of what it does. It is made in place of a plain one where there are any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
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

    def watch(self, kind: Kind, subject: str | bytes, payload: bytes | str, headers: HeaderSource | None) -> Watched:
        """An operation with a message that leaves begins."""
        name = as_text(subject)
        operation = Operation(kind, name, name, Headers(headers), len(payload))
        return Watched(self._hooks, operation)

    def publish(
        self,
        subject: str | bytes,
        payload: bytes | str = b"",
        *,
        reply: str | bytes | None = None,
        headers: HeaderSource | None = None,
    ) -> None:
        watched = self.watch(Kind.PUBLISH, subject, payload, headers)
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

    def subscribe(self, subject: str | bytes, handler: Handler | None = None, **options: Any) -> Subscription:
        return super().subscribe(subject, handler and self._observed(as_text(subject), handler), **options)

    def _observed(self, pattern: str, handler: Handler) -> Handler:
        """A handler, with hooks around it."""

        def handle(message: Message) -> object:
            watched = Watched(self._hooks, _handled(pattern, message))
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


async def _whole(watched: Watched, result: Any) -> None:
    """A coroutine, whose steps all run with the hooks around it."""
    try:
        with watched.active():
            await result
    except BaseException as error:
        watched.ended(error)
        raise
    watched.ended()


def _handled(pattern: str, message: Message) -> Operation:
    try:
        headers = message.headers
    except Exception:
        # A line that is no header: whoever reads them is told.
        headers = Headers()
    return Operation(Kind.HANDLE, message.subject, pattern, headers, len(message.payload))
