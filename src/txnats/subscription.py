"""A subscription: a handler that is called, or a stream that is read."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import Enum, StrEnum, auto
from typing import Any, Protocol

import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from . import events
from .errors import (
    ClientClosed,
    InvalidArgument,
    NatsError,
    PermissionDenied,
    SlowConsumer,
)
from .handlers import Handler, Handlers, Work, check_handler
from .message import Message
from .net.timer import cancel
from .options import MOST_MESSAGES, SlowPolicy, check_count, check_seconds
from .state.backlog import TAKEN, Arrival, Backlog, ByKey, Offer
from .state.subscriptions import Entry, Runner
from .streams import Stream


class EndReason(StrEnum):
    """Why a subscription ended."""

    UNSUBSCRIBED = "unsubscribed"
    DRAINED = "drained"
    MAX_MESSAGES = "max_messages reached"
    DENIED = "denied"
    SLOW = "slow consumer"
    CLIENT_CLOSED = "client closed"


class Drained(msgspec.Struct, frozen=True):
    """What became of a subscription's messages when it was drained.

    Attributes:
        handled: Messages that it handled or gave out in its life.
        abandoned: Messages that waited or were in work when the time was over.
    """

    handled: int
    abandoned: int


class Home(Protocol):
    """What a subscription needs of its client."""

    def tell(self, event: events.Event) -> None: ...
    def unsubscribe(self, entry: Entry) -> None:
        """Forget it here and at the server."""

    def linger(self, subscription: Subscription, lingers: bool) -> None:
        """It is fed no more and has not ended; or it has."""

    def limit(self, entry: Entry, max_messages: int) -> bool:
        """End it after so many messages in all; False when it has had them already. It may raise OutboxFull."""

    def stop_feeding(self, entry: Entry) -> Deferred[None]:
        """Ask the server for no more; fires when all that it had sent has been delivered."""

    def barrier(self) -> Deferred[None]:
        """Fires when the server has taken in all that was sent before."""

    def pause(self, subscription: Subscription, paused: bool) -> None:
        """Stop or go on reading from the server, for all subscriptions."""


class _Life(Enum):
    ACTIVE = auto()
    DRAINING = auto()
    ENDED = auto()


class Subscription(Stream[Message]):
    """Messages of one subject or pattern. Made by ``Client.subscribe``.

    With a handler it calls that; without one it is a stream of messages: ``await subscription.next()`` or
    ``async for message in subscription``. It comes back by itself after a reconnect.

    Attributes:
        subject: As it was subscribed to.
        queue: Its queue group, or None.
        error: What ended it, when that was an error.
        given: Called with each message that is read from it, if that is to be known.
    """

    __slots__ = (
        "_backlog",
        "_done",
        "_drains",
        "_end_reason",
        "_entry",
        "_fed",
        "_given",
        "_handlers",
        "_home",
        "_life",
        "_paused",
        "error",
        "given",
        "queue",
        "subject",
    )

    def __init__(
        self,
        clock: IReactorTime,
        home: Home,
        *,
        subject: str,
        queue: str | None,
        handler: Handler | None,
        concurrency: int,
        key: Callable[[Message], Hashable] | None,
        pending_messages: int,
        pending_bytes: int,
        policy: SlowPolicy,
    ) -> None:
        super().__init__(clock)
        check_handler(handler, concurrency, key)
        check_count("pending_messages", pending_messages)
        check_count("pending_bytes", pending_bytes)
        order = Arrival() if key is None else ByKey(key)
        self.subject = subject
        self.queue = queue
        self.error: NatsError | None = None
        self.given: Callable[[Message], None] | None = None
        self._home = home
        self._entry: Entry | None = None
        self._life = _Life.ACTIVE
        self._fed = True
        self._paused = False
        self._given = 0
        self._end_reason: EndReason | None = None
        self._done: tuple[Deferred[EndReason], ...] = ()
        self._drains: tuple[Deferred[Drained], ...] = ()
        self._backlog = Backlog(order, messages=pending_messages, size=pending_bytes, policy=policy)
        self._handlers: Work | None = handler and Handlers(
            handler,
            self._backlog,
            concurrency=concurrency,
            keyed=key is not None,
            owner=self,
        )

    # Facts

    @property
    def pending(self) -> int:
        """Messages that wait."""
        return len(self._backlog)

    @property
    def pending_bytes(self) -> int:
        """Bytes of headers and payloads that wait."""
        return self._backlog.size

    @property
    def delivered(self) -> int:
        """Messages that came for it, dropped ones included."""
        return 0 if self._entry is None else self._entry.delivered

    @property
    def handled(self) -> int:
        """Messages whose handler has ended, well or not, or that were given out."""
        return self._handlers.handled if self._handlers else self._given

    @property
    def dropped(self) -> int:
        """Messages that were dropped because too many waited."""
        return self._backlog.dropped

    @property
    def is_active(self) -> bool:
        """False once it drains or has ended."""
        return self._life is _Life.ACTIVE

    # What its owner asks

    def ready(self) -> Deferred[None]:
        """Wait until the server knows it.

        Returns:
            A Deferred that fails with PermissionDenied when the server refuses it, with ConnectionLost when that cannot
            be told any more.
        """
        if self._life is _Life.ENDED:
            return fail(self._ending())
        return self._home.barrier().addCallback(self._check_ready)

    def when_done(self) -> Deferred[EndReason]:
        """Wait for its end; fires with the reason, whichever it is. Each call gives a Deferred of its own."""
        if self._end_reason is not None and self._life is _Life.ENDED:
            return succeed(self._end_reason)
        waiter: Deferred[EndReason] = Deferred(self._wait_no_longer)
        self._done += (waiter,)
        return waiter

    def unsubscribe(self, max_messages: int | None = None) -> None:
        """End it, now or after ``max_messages`` in all since it began. Once it has ended this does nothing.

        What waits is dropped when it ends now.

        Raises:
            InvalidOption: ``max_messages`` is no positive number.
            OutboxFull: The server does not take the commands that it was given; nothing has changed.
        """
        if max_messages is not None:
            check_count("max_messages", max_messages, MOST_MESSAGES)
        if self._life is _Life.ENDED or self._entry is None:
            return
        if max_messages is None:
            self._home.unsubscribe(self._entry)
            self._end(EndReason.UNSUBSCRIBED)
        elif not self._home.limit(self._entry, max_messages):
            self.exhausted()  # it has had as many already

    def drain(self, timeout: float = 30.0) -> Deferred[Drained]:
        """Take no more from the server, finish what is here, then end.

        Called by one of its own handlers, it does not wait for that one.

        Args:
            timeout: Seconds; afterwards what is left is abandoned.

        Returns:
            A Deferred of what was handled and what was abandoned.
        """
        try:
            check_seconds("timeout", timeout)
        except InvalidArgument:
            return fail()
        if self._life is _Life.ENDED:
            return succeed(Drained(self.handled, 0))
        waiter: Deferred[Drained] = Deferred(self._wait_no_longer)
        self._drains += (waiter,)
        timer = self._clock.callLater(timeout, self._abandon)
        waiter.addBoth(_stopping, timer)
        if self._handlers:
            self._handlers.excuse_caller()
        self._watch()
        if self._life is _Life.ACTIVE and self._entry is not None:
            self._life = _Life.DRAINING
            # Whether the server confirms or the connection is lost meanwhile, nothing more can come.
            self._home.stop_feeding(self._entry).addBoth(self._no_more)
        else:
            self._settle()
        return waiter

    # Stream

    def next(self, timeout: float | None = None) -> Deferred[Message]:
        if self._handlers:
            return fail(InvalidArgument("next() is for a subscription without a handler", where=self.subject))
        return super().next(timeout)

    def close(self) -> None:
        """As ``unsubscribe()``."""
        self.unsubscribe()

    def _take(self) -> Message | None:
        if self._handlers:
            return None
        message = self._backlog.take()
        if message is not None:
            self._given += 1
            if self.given is not None:
                self.given(message)
        return message

    def _took(self) -> None:
        self._settle()

    def _ending(self) -> BaseException:
        if self.error is not None:
            return self.error
        return super()._ending()

    # What the table of subscriptions tells

    def attach(self, entry: Entry) -> None:
        """The entry under which the server knows it."""
        self._entry = entry
        if isinstance(self._handlers, Handlers):
            entry.receiver = self._handlers
            if self._handlers.takes_runs and not entry.maximum:
                entry.runner = self._handlers

    def accept(self, message: Message) -> None:
        """A message has come, to be read."""
        offer = self._backlog.offer(message)
        if self._waiters:
            self._feed()
        if offer is not TAKEN:
            self.fell_behind(offer)

    def exhausted(self) -> None:
        """The last message that was asked for has come: end when it has been handled."""
        if self._life is _Life.ENDED:
            return
        if self._entry is not None:
            self._home.unsubscribe(self._entry)
        self._end_reason = EndReason.MAX_MESSAGES
        self._no_more(None)

    def denied(self, error: PermissionDenied) -> None:
        """The server refused it."""
        self._end(EndReason.DENIED, error)

    def client_closed(self, reason: NatsError | None) -> None:
        """The client has closed."""
        self._end(EndReason.CLIENT_CLOSED, ClientClosed(reason))

    def divert(self, work: Work, runner: Runner | None = None) -> None:
        """Hand each message to this instead of the handler: for those who keep messages of their own.

        Args:
            work: Takes them.
            runner: Takes several in one call.
        """
        self._handlers = work
        if self._entry is not None:
            self._entry.receiver = work
            self._entry.runner = None if self._entry.maximum else runner

    # What its handlers tell

    def fell_behind(self, offer: Offer) -> None:
        """A message was dropped, or found no room and may be waiting still."""
        match offer:
            case Offer.SLOW:
                self._home.tell(events.SlowConsumer(self, self.dropped))
            case Offer.FULL if not self._paused and not self._backlog.has_room:
                self._paused = True
                self._watch()
                # First, so that whoever makes room when told of it is seen to.
                self._home.pause(self, True)
                self._home.tell(events.SlowConsumer(self, self.dropped))
            case Offer.FAILED:
                error = SlowConsumer(self.subject, dropped=self.dropped)
                self._home.tell(events.SlowConsumer(self, self.dropped))
                if self._entry is not None:
                    self._home.unsubscribe(self._entry)
                self._end(EndReason.SLOW, error)

    def _relieve(self) -> None:
        if self._paused and self._backlog.has_room:
            self._paused = False
            self._home.pause(self, False)

    def handler_failed(self, error: BaseException) -> None:
        """The handler raised; the message counts as handled."""
        self._home.tell(events.HandlerFailed(self, error))

    def settled(self) -> None:
        """Less waits or is in work than before."""
        self._settle()

    # Inside

    def _watch(self) -> None:
        if self._handlers:
            self._handlers.watch()

    def _check_ready(self, _: None) -> None:
        if isinstance(self.error, PermissionDenied):
            raise self.error
        if self._end_reason is EndReason.CLIENT_CLOSED:
            raise self._ending()

    def _no_more(self, _: object) -> None:
        """Nothing more will come from the server."""
        self._fed = False
        self._watch()
        if self._life is _Life.ENDED:
            return
        self._life = _Life.DRAINING
        self._home.linger(self, True)
        self._settle()

    def _settle(self) -> None:
        """End when nothing comes, waits or is in work any more."""
        if self._paused:
            self._relieve()
        if self._life is not _Life.DRAINING or self._fed or len(self._backlog):
            return
        if self._handlers and self._handlers.running:
            return
        self._end(self._end_reason or EndReason.DRAINED)

    def _wait_no_longer(self, waiter: Deferred[Any]) -> None:
        """Somebody waits no longer."""
        self._done = tuple(each for each in self._done if each is not waiter)
        self._drains = tuple(each for each in self._drains if each is not waiter)

    def _abandon(self) -> None:
        """The time to drain is over."""
        if self._life is not _Life.ENDED and self._entry is not None:
            self._home.unsubscribe(self._entry)
            self._end(EndReason.DRAINED)

    def _end(self, reason: EndReason, error: NatsError | None = None) -> None:
        if self._life is _Life.ENDED:
            return
        if not self._fed:
            self._home.linger(self, False)
        self._life = _Life.ENDED
        self._end_reason = reason
        self.error = error
        abandoned = self._backlog.clear() + (self._handlers.running if self._handlers else 0)
        if self._paused:
            self._paused = False
            self._home.pause(self, False)
        self._finish(error)
        drained = Drained(self.handled, abandoned)
        waiters, self._done = self._done, ()
        drains, self._drains = self._drains, ()
        # Whoever drains may close the client then: before that, others may still say what is to leave by it.
        for waiter in waiters:
            if not waiter.called:
                waiter.callback(reason)
        for drain in drains:
            if not drain.called:
                drain.callback(drained)

    def __repr__(self) -> str:
        group = f" in {self.queue!r}" if self.queue else ""
        return f"<Subscription {self.subject!r}{group}, {self._life.name.lower()}, {self.pending} pending>"


def _stopping(result: Drained | Failure, timer: IDelayedCall) -> Drained | Failure:
    cancel(timer)
    return result
