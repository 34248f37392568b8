"""Runs a subscription's handler: at most so many at a time, one after the other for each key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import Context, ContextVar, copy_context
from inspect import isawaitable
from types import CoroutineType
from typing import Protocol, TypeAlias, cast

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from .driving import drive
from .errors import InvalidArgument, InvalidOption
from .message import Message
from .options import check_count
from .state.backlog import TAKEN, Backlog, Offer
from .state.subscriptions import Entry
from .wire.ops import Op

Handler: TypeAlias = Callable[[Message], object]
"""Gets a message; may return a Deferred or be a coroutine function: until that ends, it is still in work."""

_in_hand: ContextVar[Message | None] = ContextVar("txnats.in_hand")
"""The message whose handler the running code belongs to, over all its awaits and in whatever it started."""
_descends: ContextVar[Handlers] = ContextVar("txnats.descends")
"""Whose handler the running code belongs to, where the message is not known."""


class Owner(Protocol):
    """Whose messages are handled."""

    def handler_failed(self, error: BaseException) -> None:
        """The handler raised; the message counts as handled."""

    def fell_behind(self, offer: Offer) -> None:
        """The backlog did not simply take a message."""

    def settled(self) -> None:
        """Less waits or is in work than before. Told only while ``watch`` holds."""


class Work(Protocol):
    """Who takes each message in place of a handler, and what a drain has to wait for.

    It tells ``Subscription.settled`` whenever nothing is in work any more, once it is watched.

    Attributes:
        running: Messages that it has not finished with.
        handled: Messages that it has.
    """

    @property
    def running(self) -> int: ...
    @property
    def handled(self) -> int: ...
    def accept(self, message: Message) -> None: ...
    def watch(self) -> None:
        """No more messages are wanted; from now on tell when all is settled."""

    def excuse_caller(self) -> None:
        """Do not wait for the message whose handler runs now, if it is one of these."""


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
        "_concurrency",
        "_context",
        "_current",
        "_excused",
        "_handler",
        "_inside",
        "_keyed",
        "_marks",
        "_owner",
        "_paused",
        "_plain",
        "_pumping",
        "_waited",
        "_watched",
        "_working",
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
        self._paused = False
        self._watched = False
        # The message whose handler is on the stack at this moment.
        self._inside: Message | None = None
        # Whether the context has to know whose message it is: of use only to handlers that go on after they have
        # returned. That is supposed until a message shows that it does not, and known once one did.
        self._marks = True
        self._waited = False
        # The message in work, or, where there may be several, all of them.
        self._current: Message | None = None
        self._working: set[int] = _NONE if concurrency == 1 else set()
        self._excused: set[int] = _NONE
        # While nothing waits, is excused or watched a message goes straight to the handler and nothing else is due.
        self._plain = not keyed
        self.running = 0
        self.handled = 0
        # The context of the subscribing code. Plain handlers share it, as the callbacks of an event loop do; each
        # coroutine gets a copy, which all its steps run in.
        self._context = copy_context()

    def watch(self) -> None:
        """From now on tell the owner whenever something is settled."""
        self._watched = True
        self._plain = False

    def pause(self) -> None:
        """Begin with no further message; those that come wait."""
        self._paused = True
        self._plain = False

    def resume(self) -> None:
        """Go on after ``pause``."""
        self._paused = False
        self._pump()

    def excuse_caller(self) -> None:
        """If the code that runs now belongs to a message in work here, do not wait for that one.

        It no longer counts: its place and its key are free for those behind it, which would else wait for it for ever.
        """
        message = self._inside or _in_hand.get(None) or self._only_one()
        if message is None or not self._is_in_work(message) or id(message) in self._excused:
            return
        self._excused = self._excused | {id(message)}
        self._plain = False
        self._free(message)
        self._pump()

    def accept(self, message: Message) -> None:
        """Handle a message now, or put it into the backlog."""
        if self._plain and self.running < self._concurrency:
            self._run(message)
            return
        try:
            offer = self._backlog.offer(message)
        except BaseException as error:
            # The caller's own key function raised.
            self.handled += 1
            self._owner.handler_failed(error)
            return
        self._plain = False
        self._pump()
        if offer is not TAKEN:
            self._owner.fell_behind(offer)

    @property
    def takes_runs(self) -> bool:
        """Whether ``accept_run`` may be called in place of ``accept``."""
        return self._concurrency == 1 and not self._keyed

    def accept_run(self, ops: list[Op], at: int, entry: Entry) -> int:
        """As ``accept``, for a message and those of the same entry behind it. See ``Runner.accept_run``."""
        if not self._plain or self.running or self._marks or self._inside is not None:
            self.accept(cast(Message, ops[at]))
            return at + 1
        # What is per message in ``_run`` is done once here, as long as handlers do not wait.
        return self._context.run(self._run_on, ops, at, entry)

    def _run_on(self, ops: list[Op], at: int, entry: Entry) -> int:
        handler, sid, end = self._handler, entry.sid, len(ops)
        message = cast(Message, ops[at])
        self.running = 1
        while True:
            at += 1
            self._current = self._inside = message
            try:
                result = handler(message)
                if result is not None:
                    waiting = self._waiting(result, message, self._context)
                    if waiting is not None:
                        self._inside = None
                        self._wait(waiting, message)
                        return at
            except BaseException as error:  # as in _run
                self._owner.handler_failed(error)
            if not self._plain:
                # It has stopped, paused or excused something, or made messages come.
                self._inside = None
                self._ended(message)
                return at
            self.handled += 1
            if at == end or entry.runner is None:
                break
            following = ops[at]
            if following.__class__ is not Message or following.sid != sid:
                break
            message = following
            entry.delivered += 1
        self._inside = None
        self.running = 0
        return at

    def _only_one(self) -> Message | None:
        """The message in work, if it is alone and the code that runs now may have been started by its handler."""
        return self._current if self.running == 1 and _descends.get(None) is self else None

    def _is_in_work(self, message: Message) -> bool:
        if self._concurrency == 1:
            return self.running == 1 and self._current is message
        return id(message) in self._working

    def _run(self, message: Message) -> None:
        self.running += 1
        self._current = message
        if self._concurrency != 1:
            self._working.add(id(message))
        outer, self._inside = self._inside, message
        # A context cannot be entered twice: a handler that makes another message arrive gets a copy for that one.
        context = self._context if outer is None else self._context.copy()
        waiting: Deferred[object] | None = None
        try:
            result = context.run(self._call if self._marks else self._handler, message)
            if result is not None:
                waiting = self._waiting(result, message, context)
        except BaseException as error:  # as Twisted does with callbacks: told, and nothing else ends
            self._owner.handler_failed(error)
        self._inside = outer
        if waiting is not None:
            self._wait(waiting, message)
            return
        if self._marks and not self._waited:
            # It did not wait: suppose from now on that none does.
            self._marks = False
            if outer is None:
                context.run(self._unmark)
        if self._plain and self._concurrency == 1:
            self.running -= 1
            self.handled += 1
        else:
            self._ended(message)

    def _unmark(self) -> None:
        _in_hand.set(None)
        _descends.set(self)

    def _call(self, message: Message) -> object:
        _in_hand.set(message)
        return self._handler(message)

    def _waiting(self, result: object, message: Message, context: Context) -> Deferred[object] | None:
        """What a handler gave back, as something to wait for; a coroutine gets a context of its own and is begun."""
        if isinstance(result, CoroutineType):
            own = context.copy()
            waiting = drive(result, own)
            if waiting is not None and not self._marks:
                own.run(_in_hand.set, message)
            return waiting
        if isinstance(result, Deferred):
            return result
        return drive(_awaiting(result), context.copy()) if isawaitable(result) else None

    def _wait(self, waiting: Deferred[object], message: Message) -> None:
        """The message is in work until this fires."""
        self._marks = self._waited = True
        waiting.addBoth(self._finished, message)

    def _finished(self, result: object, message: Message) -> None:
        if isinstance(result, Failure):
            self._owner.handler_failed(result.value or RuntimeError("a failure without an exception"))
        self._ended(message)

    def _ended(self, message: Message) -> None:
        self.handled += 1
        if self._plain:
            self._free(message)
            return
        if id(message) in self._excused:
            self._excused = self._excused - {id(message)}
        else:
            self._free(message)
        self._pump()

    def _free(self, message: Message) -> None:
        """A place, and a key, are free."""
        self.running -= 1
        self._working.discard(id(message))
        if self._keyed:
            self._backlog.done(message)

    def _pump(self) -> None:
        """Start what may start. A handler that ends at once frees its place here, not by recursion."""
        if self._pumping:
            return
        self._pumping = True
        try:
            while self.running < self._concurrency and not self._paused:
                message = self._backlog.take()
                if message is None:
                    break
                self._run(message)
        finally:
            self._pumping = False
        if not len(self._backlog):
            self._plain = not (self._keyed or self._watched or self._excused or self._paused)
        if self._watched:
            self._owner.settled()


_NONE: set[int] = set()
"""Nobody: never changed, only replaced."""


async def _awaiting(awaitable: Awaitable[object]) -> object:
    return await awaitable


def check_handler(handler: object, concurrency: int, key: object) -> None:
    """What a subscription is given to handle messages with.

    Raises:
        InvalidArgument: It cannot be.
    """
    if handler is not None and not callable(handler):
        raise InvalidArgument(f"a handler is callable, {type(handler).__name__} is not")
    check_count("concurrency", concurrency)
    if handler is None and (concurrency != 1 or key is not None):
        raise InvalidOption("concurrency and key are for a subscription with a handler")
    if key is not None and not callable(key):
        raise InvalidOption(f"key is called with a message, {type(key).__name__} cannot be called")
