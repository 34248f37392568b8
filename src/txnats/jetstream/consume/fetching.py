"""One fetch at work: an inbox of its own, one pull, one timer."""

from __future__ import annotations

from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from ... import events as core
from ...errors import ClientClosed, NatsError
from ...message import Message
from ...net.timer import cancel
from ...state.subscriptions import Entry
from ...statistics import Status
from ...wire.ops import Op
from ..base import JetStreamBase, receiver
from ..message import JsMessage
from .existence import Existence
from .feed import Feed, give_back
from .fetch_budget import Again, End, FetchBudget, Raise
from .pull_loop import message_size

GRACE = 0.5
"""Seconds beyond the pull's own expiry before we end it: the server's status says more than silence."""
LONGEST_HEARTBEAT = 5.0
_MISSES = 2


class Fetch:
    """Messages that were asked for once.

    Nothing that comes is lost: what comes after its end is given back to the server.

    Args:
        js: Where the consumer is.
        stream: Its stream's name.
        consumer: Its name.
        budget: The rules.
        max_wait: Seconds for all.

    Attributes:
        done: A Deferred of the messages. Cancelling it gives back what has come.
    """

    def __init__(self, js: JetStreamBase, stream: str, consumer: str, budget: FetchBudget, max_wait: float) -> None:
        self._js = js
        self._client = js.client
        self._clock = js.client.clock
        self._name = f"{stream}.{consumer}"
        self._received = receiver(js.client, (stream, consumer))
        self._subject = js.api.subject("CONSUMER.MSG.NEXT." + self._name)
        self._budget = budget
        self._sized = budget.counts_bytes
        self._got: list[Message] = []
        self._over = False
        self._later: IDelayedCall | None = None
        self._beat: IDelayedCall | None = None
        self._heard = False
        self._misses = 0
        self._existence = Existence(js, self._name, self._end)
        self._ends_at = self._clock.seconds() + max_wait
        self.done: Deferred[list[JsMessage]] = Deferred(self._cancelled)
        self._inbox = self._client.new_inbox()
        self._feed = Feed(self._client, self._inbox + ".*", self, runner=self)
        self._timer = self._clock.callLater(max_wait + GRACE, self._time_is_over)
        self._events = self._client.events().call(self._told, lambda reason: self._end(ClientClosed(reason)))
        self._connected = self._client.status is Status.CONNECTED
        if self._connected:
            self._pull()

    # Messages

    def accept(self, message: Message) -> None:
        self._heard = True
        if message.reply_bytes is None:
            self._status(message)
        elif self._over:
            give_back(self._client, message)
        else:
            self._got.append(message)
            if self._budget.arrived(message_size(message) if self._sized else 0):
                self._end()

    def accept_run(self, ops: list[Op], at: int, entry: Entry) -> int:
        """As ``accept``: messages that are wanted, as many as stand here one behind the other."""
        got, sid, start = self._got, entry.sid, at
        end = start if self._over or self._sized else min(len(ops), start + self._budget.left)
        while at < end:
            message = ops[at]
            if message.__class__ is not Message or message.sid != sid or message.reply_bytes is None:
                break
            got.append(message)
            at += 1
        if at == start:
            self.accept(cast(Message, ops[at]))
            return at + 1
        self._heard = True
        entry.delivered += at - start - 1
        if self._budget.arrived(count=at - start):
            self._end()
        return at

    @property
    def running(self) -> int:
        """Nothing is in work here."""
        return 0

    @property
    def handled(self) -> int:
        return len(self._got)

    def watch(self) -> None:
        """The client drains: what has come is all."""

    def excuse_caller(self) -> None:
        """Nothing is in work here."""

    def feed_ended(self, error: NatsError | None) -> None:
        self._end(error)

    # Pulls

    def _pull(self) -> None:
        self._later = None
        left = max(0.001, self._ends_at - self._clock.seconds())
        heartbeat = min(LONGEST_HEARTBEAT, left / 4) if left >= 1.0 else 0.0
        request = self._budget.pull(left, heartbeat)
        try:
            self._client.publish(self._subject, request.encode(), reply=f"{self._inbox}.{request.token}")
        except NatsError as error:
            self._end(error)
            return
        self._heard, self._misses = False, 0
        if request.heartbeat:
            cancel(self._beat)
            self._beat = self._clock.callLater(heartbeat, self._beats, heartbeat)

    def _beats(self, heartbeat: float) -> None:
        """One heartbeat's time is over. After two in silence the pull is lost, as with a leader that died."""
        self._misses = 0 if self._heard else self._misses + 1
        self._heard = False
        if self._misses < _MISSES or self._clock.seconds() >= self._ends_at:
            self._beat = self._clock.callLater(heartbeat, self._beats, heartbeat)
        else:
            self._renew(late=True)
            if not self._over:
                self._pull()

    def _renew(self, *, late: bool) -> None:
        """Take messages by another inbox, so that the pull of before is not answered beside the next one."""
        old, inbox = self._feed, self._client.new_inbox()
        try:
            self._feed = Feed(self._client, inbox + ".*", self, runner=self)
        except NatsError as error:
            self._end(error)
            return
        self._inbox = inbox
        old.leave(late=late)

    def _status(self, message: Message) -> None:
        code, token = message.status, message.subject_bytes.rpartition(b".")[2]
        if code is None or self._over or not token.isdigit() or len(token) > 18:
            return
        match self._budget.status(int(token), code, message.description):
            case End():
                self._end()
            case Raise(error):
                self._end(error)
            case Again(seconds, ask):
                if ask:
                    self._existence.ask()
                if self._later is None and not self._over:
                    self._later = self._clock.callLater(seconds, self._pull)

    def _told(self, event: core.Event) -> None:
        match event:
            case core.Disconnected() if self._connected and self._client.status is Status.RECONNECTING:
                self._connected = False
                cancel(self._later, self._beat)
                self._later = None
                self._renew(late=False)
            case core.Connected() | core.Reconnected() if not self._connected:
                self._connected = True
                self._pull()

    # The end

    def _time_is_over(self) -> None:
        error = self._budget.problem if not self._got else None
        self._end(error, late=True)

    def _cancelled(self, _: Deferred[list[JsMessage]]) -> None:
        self._give_back()
        self._close(late=True)

    def _end(self, error: NatsError | None = None, *, late: bool = False) -> None:
        if self._over:
            return
        self._close(late=late or self._budget.pulls > 1)
        # What has come is handed over first; what went wrong shows again at the next call.
        if error is not None and (not self._got or isinstance(error, ClientClosed)):
            self._give_back()
            self.done.errback(error)
        else:
            client = self._client
            if self._received is not None:
                for message in self._got:
                    self._received(message)
            self.done.callback([JsMessage(message, client) for message in self._got])

    def _give_back(self) -> None:
        got, self._got = self._got, []
        for message in got:
            give_back(self._client, message)

    def _close(self, *, late: bool) -> None:
        self._over = True
        cancel(self._timer, self._later, self._beat)
        self._events.close()
        self._existence.stop()
        self._feed.leave(late=late and self._connected)
