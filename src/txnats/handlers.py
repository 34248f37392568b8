"""Runs a subscription's handler: at most so many at a time, one after the other for each key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar, copy_context
from inspect import isawaitable, iscoroutine
from typing import Any, TypeAlias, cast

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from .driving import drive
from .message import Message
from .state.backlog import Backlog, Offer

Handler: TypeAlias = Callable[[Message], object]
"""Gets a message; may return a Deferred or be a coroutine function: until that ends, it is still in work."""

_calling: ContextVar[Handlers] = ContextVar("txnats.calling")
_message: ContextVar[Message] = ContextVar("txnats.message")


class Handlers:
    """One handler, its messages in work and those that wait.

    Args:
        handler: What is called.
        backlog: Where messages wait while as many as may be are in work.
        concurrency: How many may be in work.
        keyed: Whether the backlog's order is by key, so that each message has to go through it.
        failed: Told of each exception that a handler raises.
        idle: Told whenever nothing is in work that has to be waited for, and nothing waits.

    Attributes:
        running: Messages in work.
        handled: Messages whose handler has ended, well or not.
    """

    __slots__ = (
        "_backlog",
        "_concurrency",
        "_context",
        "_current",
        "_excused",
        "_failed",
        "_handler",
        "_idle",
        "_keyed",
        "_pumping",
        "handled",
        "running",
    )

    def __init__(
        self,
        handler: Handler,
        backlog: Backlog,
        *,
        concurrency: int,
        keyed: bool,
        failed: Callable[[BaseException], None],
        idle: Callable[[], None],
    ) -> None:
        self._handler = handler
        self._backlog = backlog
        self._concurrency = concurrency
        self._keyed = keyed
        self._failed = failed
        self._idle = idle
        self._pumping = False
        self._current: Message | None = None
        self._excused: set[int] = set()
        self.running = 0
        self.handled = 0
        # Handlers run in copies of the context in which they were subscribed, which knows whose handler calls.
        self._context = copy_context()
        self._context.run(_calling.set, self)

    @property
    def in_work(self) -> int:
        """Messages in work, without those whose handler must not be waited for."""
        return self.running - len(self._excused)

    def excuse_caller(self) -> None:
        """If the code that runs now was called, directly or over awaits, by this handler: do not wait for that call."""
        if _calling.get(None) is self:
            message = self._current if self._concurrency == 1 else _message.get(None)
            if message is not None:
                self._excused.add(id(message))

    def offer(self, message: Message) -> Offer:
        """Handle a message now, or put it into the backlog."""
        if self.running < self._concurrency and not self._keyed and not len(self._backlog):
            self._run(message)
            if len(self._backlog) and not self._pumping:
                self._pump()
            return Offer.TAKEN
        try:
            offer = self._backlog.offer(message)
        except Exception as error:
            # The caller's own key function raised.
            self.handled += 1
            self._failed(error)
            return Offer.TAKEN
        if not self._pumping:
            self._pump()
        return offer

    def _pump(self) -> None:
        """Start what may start. A handler that ends at once frees its place here, not by recursion."""
        self._pumping = True
        try:
            while self.running < self._concurrency:
                message = self._backlog.take()
                if message is None:
                    break
                self._run(message)
        finally:
            self._pumping = False

    def _run(self, message: Message) -> None:
        self.running += 1
        self._current = message
        context = self._context.copy()
        if self._concurrency > 1:
            context.run(_message.set, message)
        waiting: Deferred[object] | None = None
        try:
            result = context.run(self._handler, message)
            if result is not None:
                waiting = self._begun(result, context)
        except Exception as error:
            self._failed(error)
        if waiting is None:
            self._ended(message)
        else:
            waiting.addBoth(self._finished, message)

    def _begun(self, result: object, context: Any) -> Deferred[object] | None:
        """What a handler gave back, as something to wait for."""
        if iscoroutine(result):
            return drive(cast("Coroutine[Any, Any, object]", result), context)
        if isinstance(result, Deferred):
            return result
        return drive(_awaiting(result), context) if isawaitable(result) else None

    def _finished(self, result: object, message: Message) -> None:
        if isinstance(result, Failure):
            self._failed(result.value or RuntimeError("a failure without an exception"))
        self._ended(message)
        if not self._pumping:
            self._pump()

    def _ended(self, message: Message) -> None:
        self.running -= 1
        self.handled += 1
        if self._excused:
            self._excused.discard(id(message))
        if self._keyed:
            self._backlog.done(message)
        if self.running <= len(self._excused) and not len(self._backlog):
            self._idle()


async def _awaiting(awaitable: Awaitable[object]) -> object:
    return await awaitable
