"""One request, many replies.

Source: ADR-47. A reply with a status is the server's word and ends it; so do the overall time, a pause between replies,
enough replies, and a reply that the caller's own test takes for the last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from .errors import ClientClosed, ClientDraining, NoResponders, PermissionDenied, SlowConsumer
from .message import Message
from .net.timer import cancel
from .state.requests import NO_RESPONDERS
from .streams import Queue
from .subscription import EndReason, Subscription

WhenDenied: TypeAlias = Callable[[Callable[[PermissionDenied], None]], Callable[[], None]]
"""Given whom to tell of refused publishes, gives what ends that."""


def _nothing() -> None:
    """Nothing is to be done."""


class Replies(Queue[Message]):
    """The replies to one request, as they come. Made by ``Client.request_many``.

    It ends by itself; leaving its loop, or ``close()``, ends it too and takes the subscription back.

    Args:
        clock: Time.
        subject: Who was asked.
        limit: Replies that may wait here.
        timeout: Seconds for all.
        stall: Seconds between two replies, counted from the first; None for no such end.
        max_messages: Replies that are enough.
        is_last: Tells the last reply; that one is not given out.
    """

    __slots__ = (
        "_is_last",
        "_left",
        "_over",
        "_overall",
        "_pause",
        "_reply",
        "_stall",
        "_stop_listening",
        "_subject",
        "_subscription",
        "_timeout",
    )

    def __init__(
        self,
        clock: IReactorTime,
        subject: str,
        *,
        limit: int,
        timeout: float,
        stall: float | None,
        max_messages: int | None,
        is_last: Callable[[Message], bool] | None,
    ) -> None:
        super().__init__(clock, limit)
        self._subject = subject
        self._stall = stall
        self._left = max_messages
        self._is_last = is_last
        self._subscription: Subscription | None = None
        self._reply = ""
        self._stop_listening: Callable[[], None] = _nothing
        self._timeout = timeout
        self._overall: IDelayedCall | None = None
        self._pause: IDelayedCall | None = None
        self._over: Callable[[BaseException | None], None] | None = None

    def when_over(self, tell: Callable[[BaseException | None], None]) -> None:
        """Have this called once, at the end by whatever cause, with the error that it ended with."""
        self._over = tell

    def start(self, subscription: Subscription, reply: str, when_denied: WhenDenied) -> None:
        """The replies come in by this subscription."""
        self._subscription = subscription
        self._reply = reply
        self._overall = self._clock.callLater(self._timeout, self._end)
        self._stop_listening = when_denied(self._denied)
        subscription.when_done().addCallback(self._subscription_ended)

    def accept(self, reply: Message) -> None:
        """A reply has come."""
        if self._ended:
            return
        if reply.status is not None and not reply.payload:
            self._end(NoResponders(self._subject) if reply.status == NO_RESPONDERS else None)
            return
        try:
            last = self._is_last is not None and self._is_last(reply)
        except BaseException as error:
            self._end(error)
            return
        if last:
            self._end()
            return
        self._restart_pause()
        missed = self.missed
        self._put(reply)
        if self.missed != missed:
            self._end(SlowConsumer(self._subject, dropped=1))
        elif self._left is not None:
            self._left -= 1
            if self._left <= 0:
                self._end()

    def _denied(self, error: PermissionDenied) -> None:
        """A publish was refused: ours, if subject or reply subject are."""
        if error.subject == (self._reply if error.operation == "reply" else self._subject):
            self._end(error)

    def _end(self, error: BaseException | None = None) -> None:
        self._released()
        self._finish(error)

    def _finish(self, error: BaseException | None = None) -> None:
        super()._finish(error)
        tell, self._over = self._over, None
        if tell is not None:
            tell(error)

    def _released(self) -> None:
        cancel(self._overall, self._pause)
        self._overall = self._pause = None
        self._stop_listening()
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.unsubscribe()

    def _restart_pause(self) -> None:
        if self._stall is None:
            return
        if self._pause is not None and self._pause.active():
            self._pause.reset(self._stall)
        else:
            self._pause = self._clock.callLater(self._stall, self._end)

    def _subscription_ended(self, reason: EndReason) -> None:
        """Its end comes from elsewhere than from here: the client closes or drains, or the server refused it."""
        subscription = self._subscription
        if subscription is not None:
            draining = reason is EndReason.DRAINED
            self._end(subscription.error or (ClientDraining("wait for more replies") if draining else ClientClosed()))
