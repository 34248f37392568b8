"""One subscription whose messages go to whoever keeps and counts them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from ...client import Client
from ...errors import NatsError
from ...message import Message
from ...state.subscriptions import Runner
from ...subscription import EndReason, Subscription
from ..message import NAK


class Taker(Protocol):
    """Who gets a feed's messages."""

    @property
    def running(self) -> int:
        """Messages that came and are not finished with."""

    @property
    def handled(self) -> int:
        """Messages that it is finished with."""

    def accept(self, message: Message) -> None: ...
    def watch(self) -> None:
        """No more messages are wanted."""

    def excuse_caller(self) -> None:
        """As ``Handlers.excuse_caller``."""

    def feed_ended(self, error: NatsError | None) -> None:
        """The feed in use has ended by itself: refused, drained, or the client closed."""


class Feed:
    """A subscription, diverted to its taker.

    Args:
        client: Whose subscription.
        subject: An inbox, or a deliver subject.
        taker: Gets each message, without a detour.
        queue: The queue group.
        runner: The taker again, if it takes several messages in one call.

    Attributes:
        subscription: It.
        accept: The taker's.
    """

    __slots__ = ("_left", "_taker", "accept", "subscription")

    def __init__(
        self, client: Client, subject: str, taker: Taker, queue: str | None = None, *, runner: Runner | None = None
    ) -> None:
        self._taker = taker
        self._left = False
        self.accept: Callable[[Message], None] = taker.accept
        self.subscription: Subscription = client.subscribe(subject, _never, queue=queue)
        self.subscription.divert(self, runner)
        self.subscription.when_done().addCallback(self._done)

    def leave(self, *, late: bool = False) -> None:
        """It is not in use any more.

        Args:
            late: Whether what the server has sent already may still come, and goes to the taker.
        """
        self._left = True
        if late:
            self.subscription.drain()  # never fails, and ends within its own time
        else:
            self.subscription.unsubscribe()

    @property
    def running(self) -> int:
        """As a Work: those of its taker, while it is in use."""
        return 0 if self._left else self._taker.running

    @property
    def handled(self) -> int:
        """As a Work."""
        return self._taker.handled

    def watch(self) -> None:
        """As a Work."""
        if not self._left:
            self._taker.watch()

    def excuse_caller(self) -> None:
        """As a Work."""
        if not self._left:
            self._taker.excuse_caller()

    def _done(self, reason: EndReason) -> None:
        if self._left:
            return
        self._left = True
        error = self.subscription.error
        self._taker.feed_ended(error)


def give_back(client: Client, message: Message) -> None:
    """Let the server deliver a message again, at once and to anybody: it was not handed over here."""
    if message.reply_bytes is not None:
        with suppress(NatsError):  # the client is closed or full: then ack_wait brings it back
            client.publish(message.reply_bytes, NAK)


def _never(_: Message) -> None:
    """In place of a handler: all is diverted."""
