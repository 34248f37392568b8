"""Runs a subscription's handler: at most so many at a time, one after the other for each key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import Context, ContextVar, copy_context
from inspect import isawaitable, iscoroutine
from typing import Protocol, TypeAlias

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from .driving import drive
from .message import Message
from .state.backlog import TAKEN, Backlog, Offer

Handler: TypeAlias = Callable[[Message], object]
"""Gets a message; may return a Deferred or be a coroutine function: until that ends, it is still in work."""

_calling: ContextVar[Handlers] = ContextVar("txnats.calling")
_message: ContextVar[Message] = ContextVar("txnats.message")


class Owner(Protocol):
    """Whose messages are handled."""

    def handler_failed(self, error: BaseException) -> None:
        """The handler raised; the message counts as handled."""

    def fell_behind(self, offer: Offer) -> None:
        """The backlog did not simply take a message."""

    def settled(self) -> None:
        """Nothing is in work that has to be waited for, and nothing waits. Told only while ``watch`` holds."""


class Handlers:
    """One handler, its messages in work and those that wait.

    Args:
        handler: What is called.
        backlog: Where messages wait while as many as may be are in work.
        concurrency: How many may be in work.
        keyed: Whether the backlog's order is by key, so that each message has to go through it.
        owner: Told of what is out of the ordinary.

    Attributes:
        running: Messages in work.
        handled: Messages whose handler has ended, well or not.
    """

    __slots__ = (
        "_backlog",
        "_begun",
        "_concurrency",
        "_context",
        "_current",
        "_excused",
        "_handler",
        "_keyed",
        "_owner",
        "_plain",
        "_pumping",
        "_watched",
        "handled",
        "running",
    )

    def __init__(self, handler: Handler, backlog: Backlog, *, concurrency: int, keyed: bool, owner: Owner) -> None:
        self._handler = handler
        self._backlog = backlog
        self._concurrency = concurrency
        self._keyed = keyed
        self._owner = owner
        self._pumping = False
        self._current: Message | None = None
        self._excused: set[int] | frozenset[int] = _NOBODY
        self._watched = False
        # While nothing waits, is excused or watched a message goes straight to the handler and nothing else is due.
        # The very first one does not, so that what only an active subscription needs is made when there is one.
        self._plain = False
        self._begun = False
        self.running = 0
        self.handled = 0
        # Handlers run in copies of the context in which they were subscribed.
        self._context = copy_context()

    @property
    def in_work(self) -> int:
        """Messages in work, without those whose handler must not be waited for."""
        return self.running - len(self._excused)

    def watch(self) -> None:
        """From now on tell the owner whenever all is settled."""
        self._watched = True
        self._plain = False

    def excuse_caller(self) -> None:
        """If the code that runs now was called, directly or over awaits, by this handler: do not wait for that call."""
        if _calling.get(None) is self:
            message = self._current if self._concurrency == 1 else _message.get(None)
            if message is not None:
                self._excused = self._excused | {id(message)}
                self._plain = False

    def accept(self, message: Message) -> None:
        """Handle a message now, or put it into the backlog."""
        if self._plain and self.running < self._concurrency:
            self._run(message)
            return
        if not self._begun:
            self._begun = True
            self._context.run(_calling.set, self)
        try:
            offer = self._backlog.offer(message)
        except Exception as error:
            # The caller's own key function raised.
            self.handled += 1
            self._owner.handler_failed(error)
            return
        self._plain = False
        if not self._pumping:
            self._pump()
        if offer is not TAKEN:
            self._owner.fell_behind(offer)

    def _run(self, message: Message) -> None:
        self.running += 1
        self._current = message
        context = self._context.copy()
        if self._concurrency != 1:
            context.run(_message.set, message)
        try:
            result = context.run(self._handler, message)
            if result is not None:
                result = drive(result, context) if iscoroutine(result) else self._waiting(result, context)
        except Exception as error:
            self._owner.handler_failed(error)
            result = None
        if result is not None:
            result.addBoth(self._finished, message)
            return
        self.running -= 1
        self.handled += 1
        if not self._plain:
            self._ended(message)

    def _waiting(self, result: object, context: Context) -> Deferred[object] | None:
        """What a handler gave back, as something to wait for."""
        if isinstance(result, Deferred):
            return result
        return drive(_awaiting(result), context) if isawaitable(result) else None

    def _finished(self, result: object, message: Message) -> None:
        if isinstance(result, Failure):
            self._owner.handler_failed(result.value or RuntimeError("a failure without an exception"))
        self.running -= 1
        self.handled += 1
        if not self._plain:
            self._ended(message)

    def _ended(self, message: Message) -> None:
        """A message is done and something else is due: its key is free, others wait, or somebody watches."""
        if self._keyed:
            self._backlog.done(message)
        if self._excused:
            self._excused = self._excused - {id(message)}
        if not self._pumping:
            self._pump()

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
        if not len(self._backlog):
            self._plain = not (self._keyed or self._watched or self._excused)
            if self._watched and self.in_work <= 0:
                self._owner.settled()


_NOBODY: frozenset[int] = frozenset()


async def _awaiting(awaitable: Awaitable[object]) -> object:
    return await awaitable
