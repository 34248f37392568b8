"""Messages of a consumer, handed to a handler as they come."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeAlias

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from zope.interface import implementer

from ...errors import ClientClosed, InvalidArgument, InvalidOption, NatsError
from ...handlers import Handlers
from ...message import Message
from ...options import SlowPolicy, check_count, check_seconds
from ...state.backlog import Arrival, Backlog, ByKey, Offer, Order
from ...state.waiters import Waiters
from ...subscription import Drained
from ..base import JetStreamBase
from ..message import JsMessage
from .events import HandlerFailed
from .fed_loop import OnEvent, Sink, tell
from .feed import give_back

JsHandler: TypeAlias = Callable[[JsMessage], object]
"""Gets a message; may return a Deferred or be a coroutine function: until that ends, it is still in work."""


class Loop(Protocol):
    """Where messages come from: a pull loop, a push consumer, an ordered consumer."""

    def start(self) -> None: ...
    def handed(self, message: Message) -> None:
        """A message that it delivered was handed over or given back."""

    def drain(self, timeout: float) -> Deferred[Any]: ...
    def settled(self) -> None:
        """All that it delivered is finished with."""

    def stop(self) -> None: ...


MakeLoop: TypeAlias = Callable[[Sink], Loop]


@implementer(IPushProducer)
class Consuming:
    """A handler at work on the messages of a consumer. Made by ``consume``; it starts at once.

    It ends by ``stop`` or ``drain``, when the consumer is gone, or with its client; a handler that raises ends nothing.
    It is an IPushProducer: a handler that writes to a transport registers it there, and is not called while the
    transport is full.

    Args:
        js: Where the consumer is.
        handler: What is called.
        make_loop: Given whom to deliver to, makes what feeds it.
        concurrency: Messages that may be in work at a time.
        key: Messages with the same key are handled one after the other.
        most: Messages that may wait.
        on_event: Is told of handlers that raise.
        name: Stream and consumer.
        settles: Whether messages have to be settled: then those that were not handed over are given back.

    Attributes:
        error: What ended it, when that was an error.
    """

    log = Logger()

    def __init__(
        self,
        js: JetStreamBase,
        handler: JsHandler,
        make_loop: MakeLoop,
        *,
        concurrency: int,
        key: Callable[[JsMessage], Hashable] | None,
        most: int,
        on_event: OnEvent | None,
        name: tuple[str, str],
        settles: bool = True,
    ) -> None:
        _check(handler, concurrency, key)
        self._client = client = js.client
        self._handler = handler
        self._on_event = on_event
        self._name = name
        self._settles = settles
        self.error: NatsError | None = None
        self._over = False
        self._done: Waiters[None] = Waiters()
        self._is_done = False
        self._order: Order = Arrival() if key is None else ByKey(lambda message: key(JsMessage(message, client)))
        backlog = Backlog(self._order, messages=most + 1, size=_ANY_SIZE, policy=SlowPolicy.DROP_NEW)
        self._backlog = backlog
        self._handlers = Handlers(self._call, backlog, concurrency=concurrency, keyed=key is not None, owner=self)
        self.deliver = self._handlers.accept
        self._loop = loop = make_loop(self)
        self._handed = loop.handed
        loop.start()

    # For the user

    def stop(self) -> None:
        """End now. Messages that wait are given back to the server; those in work are finished."""
        self._loop.stop()

    def drain(self, timeout: float = 30.0) -> Deferred[Drained]:
        """Take nothing more from the server, handle what is here, then end.

        Called by its own handler it does not wait for that one.

        Args:
            timeout: Seconds; what waits afterwards is given back to the server.

        Returns:
            A Deferred of what was handled and what was abandoned.
        """
        try:
            check_seconds("timeout", timeout)
        except InvalidArgument:
            return fail()
        return succeed(Drained(self.handled, 0)) if self._over else self._loop.drain(timeout)

    def when_done(self) -> Deferred[None]:
        """Fires when it has ended and all handlers have; fails with the error that ended it, if there was one."""
        if not self._is_done:
            return self._done.wait()
        return succeed(None) if self.error is None else fail(self.error)

    @property
    def is_active(self) -> bool:
        """Whether it has not ended."""
        return not self._over

    @property
    def handled(self) -> int:
        """Messages whose handler has ended, well or not."""
        return self._handlers.handled

    @property
    def pending(self) -> int:
        """Messages that wait here."""
        return len(self._backlog)

    # IPushProducer

    def pauseProducing(self) -> None:
        """Hand nothing more over; what comes waits, and no more is pulled than may wait."""
        self._handlers.pause()

    def resumeProducing(self) -> None:
        """Go on."""
        self._handlers.resume()

    def stopProducing(self) -> None:
        """As ``stop``."""
        self.stop()

    # What feeds it

    @property
    def running(self) -> int:
        """Messages that wait or are in work."""
        return self._handlers.running + len(self._backlog)

    def watch(self) -> None:
        self._handlers.watch()

    def excuse_caller(self) -> None:
        self._handlers.excuse_caller()

    def ended(self, error: NatsError | None) -> None:
        """No more will come. After an error of the consumer what is here is still handled."""
        self._over = True
        self.error = error
        if error is None or isinstance(error, ClientClosed):
            self._give_back()
        self._handlers.watch()
        if not self.running:
            self._finish()

    # What the handlers tell

    def handler_failed(self, error: BaseException) -> None:
        failure = Failure(error, type(error), error.__traceback__)
        self.log.failure("a handler of {name} raised", failure=failure, name=" > ".join(self._name), nats_event=error)
        if self._on_event is not None:
            tell(self.log, self._on_event, HandlerFailed(*self._name, error))

    def fell_behind(self, offer: Offer) -> None:
        """Never: what feeds it keeps fewer messages than fit."""

    def settled(self) -> None:
        if self.running:
            return
        self._loop.settled()
        if self._over:
            self._finish()

    # Inside

    def _call(self, message: Message) -> object:
        self._handed(message)
        return self._handler(JsMessage(message, self._client))

    def _give_back(self) -> None:
        while len(self._order):
            message = self._order.drop_oldest()
            if self._settles:
                give_back(self._client, message)
        self._backlog.clear()

    def _finish(self) -> None:
        if self._is_done:
            return
        self._is_done = True
        if self.error is None:
            self._done.tell(None)
        elif len(self._done):
            self._done.fail(self.error)
        else:
            self.log.emit(
                LogLevel.warn, "consuming {name} has ended: {error}", name=" > ".join(self._name), error=self.error
            )

    def __repr__(self) -> str:
        return f"<Consuming {' > '.join(self._name)}, {self.handled} handled, {self.pending} pending>"


_ANY_SIZE = 2**62


def _check(handler: object, concurrency: int, key: object) -> None:
    if not callable(handler):
        raise InvalidArgument(f"a handler is callable, {type(handler).__name__} is not")
    check_count("concurrency", concurrency)
    if key is not None and not callable(key):
        raise InvalidOption(f"key is called with a message, {type(key).__name__} cannot be called")
