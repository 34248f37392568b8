"""A loop that pulls: obeys its ``PullBudget``, over one subscription at a time and one timer for heartbeats."""

from __future__ import annotations

from twisted.internet.interfaces import IDelayedCall

from ... import events as core
from ...errors import ClientClosed, NatsError
from ...message import Message
from ...net.timer import cancel
from ...statistics import Status
from ..base import JetStreamBase
from .existence import Existence
from .fed_loop import FedLoop, OnEvent, Sink
from .feed import Feed, give_back
from .pull_budget import Answer, PullBudget, Refill, Stop, Wait, Warn
from .pull_request import PullRequest

PENDING_MESSAGES, PENDING_BYTES = "Nats-Pending-Messages", "Nats-Pending-Bytes"
PIN = "Nats-Pin-Id"
LEADER_ELECTED = "$JS.EVENT.ADVISORY.CONSUMER.LEADER_ELECTED"
_MISSES = 2


class PullLoop(FedLoop):
    """Pulls until it is stopped or the consumer is gone, over all reconnects and elections.

    Args:
        js: Where the consumer is.
        stream: Its stream's name.
        consumer: Its name.
        budget: The rules.
        sink: Gets the messages.
        on_event: Is told what is out of the ordinary.
        pins: Whether messages may carry the id of a pinned client.
        most: Messages that are kept; further ones are given back. The budget asks for fewer, but at an election two
            pulls may be answered for one.
        settles: Whether messages have to be settled; else none is given back.
    """

    def __init__(
        self,
        js: JetStreamBase,
        stream: str,
        consumer: str,
        *,
        budget: PullBudget,
        sink: Sink,
        on_event: OnEvent | None,
        pins: bool,
        most: int,
        settles: bool = True,
    ) -> None:
        super().__init__(sink, on_event)
        self._js = js
        self._client = js.client
        self._clock = js.client.clock
        self._stream = stream
        self._consumer = consumer
        self._budget = budget
        # Most loops count messages and nothing else of them.
        self._counts_only = not (budget.counts_bytes or pins)
        self._pins = pins
        self._most = most
        self._settles = settles
        self._sized = budget.counts_bytes
        self._heard = True
        self._misses = 0
        self._existence = Existence(js, f"{stream}.{consumer}", self.finish)
        self._beat: IDelayedCall | None = None
        self._later: IDelayedCall | None = None
        self._next_subject = js.api.subject(f"CONSUMER.MSG.NEXT.{stream}.{consumer}")
        self._connected = self._client.status is Status.CONNECTED
        self._inbox = self._client.new_inbox()
        self._feed = Feed(self._client, self._inbox + ".*", self)
        advisory = f"{LEADER_ELECTED}.{stream}.{consumer}"
        self._advisories = self._client.subscribe(advisory, self._leader_elected)
        # What need not be settled need not be given back either.
        last = (lambda reason: self.finish(ClientClosed(reason))) if settles else None
        self._events = self._client.events().call(self._told, last)

    def start(self) -> None:
        """Pull for the first time; without a connection, as soon as there is one."""
        if self._connected:
            self._obey(self._budget.reset())
            self._watch_beats()

    # Messages

    def accept(self, message: Message) -> None:
        """Something came in by the inbox: only what a consumer delivers has a reply subject."""
        if message.reply_bytes is None:
            self._status(message)
            return
        self._heard = True
        budget = self._budget
        if self._counts_only:
            budget.arrived()
        else:
            budget.arrived(message_size(message))
            self._look_for_pin(message)
        if budget.held > self._most:
            if self._settles:
                give_back(self._client, message)
            self.handed(message)
            return
        if not self._deliver(message):
            return
        if self._sized:
            self.handed(message)
            return
        refill = budget.handed()
        if refill is not None:
            self._send(refill.request)

    def handed(self, message: Message) -> None:
        """A message was handed over or given back."""
        refill = self._budget.handed(message_size(message) if self._sized else 0)
        if refill is not None:
            self._send(refill.request)

    def watch(self) -> None:
        """It drains: pull no more."""
        self._budget.hold()
        self._stop_timers()
        super().watch()

    # The end

    def finish(self, error: NatsError | None) -> None:
        """It is over, for this reason."""
        if self._over:
            return
        self._over = True
        self._most = -1  # what is on its way is given back
        self._budget.hold()
        self._stop_timers()
        self._events.close()
        self._advisories.unsubscribe()
        self._existence.stop()
        self._feed.leave(late=self._connected)
        self._sink.ended(error)

    # What the server says

    def _status(self, message: Message) -> None:
        code = message.status
        if code is None or self._over:
            return
        self._heard = True
        token = message.subject_bytes.rpartition(b".")[2]
        if token.isdigit() and len(token) < 19:
            self._obey(self._budget.status(int(token), code, message.description, left_of(message)))

    def _look_for_pin(self, message: Message) -> None:
        pin = message.headers.get(PIN) if self._pins else None
        if pin is not None:
            self._obey(self._budget.pinned(pin))

    def _obey(self, answer: Answer) -> None:
        match answer:
            case Refill(request, event):
                self.tell(event)
                self._send(request)
            case Warn(event):
                self.tell(event)
            case Wait(seconds, event, ask):
                self.tell(event)
                if ask:
                    self._existence.ask()
                if self._connected and not (self._later and self._later.active()):
                    self._later = self._clock.callLater(seconds, self._resume)
            case Stop(error):
                self.finish(error)

    def _resume(self) -> None:
        self._obey(self._budget.resume())

    def _send(self, request: PullRequest) -> None:
        if self._over:
            return
        try:
            self._client.publish(self._next_subject, request.encode(), reply=f"{self._inbox}.{request.token}")
        except NatsError as error:  # too much waits to be sent, or the client is closed
            self._obey(self._budget.status(request.token, 503, str(error), None))

    # Is anybody there?

    def _watch_beats(self) -> None:
        self._heard, self._misses = True, 0
        cancel(self._beat)
        self._beat = self._clock.callLater(self._budget.heartbeat, self._beats)

    def _beats(self) -> None:
        """One heartbeat's time is over."""
        self._beat = self._clock.callLater(self._budget.heartbeat, self._beats)
        if self._heard or not self._budget.out:
            self._heard, self._misses = False, 0
            return
        self._misses += 1
        if self._misses >= _MISSES:
            self._misses = 0
            self._obey(self._budget.silent())

    # Connections and leaders

    def _told(self, event: core.Event) -> None:
        match event:
            case core.Disconnected() if self._connected and self._client.status is Status.RECONNECTING:
                self._connected = False
                self._stop_timers()
                # By another subject, so that no pull of before is answered over the next connection.
                self._renew(late=False)
            case core.Connected() | core.Reconnected():
                if self._connected:
                    self._renew(late=True)
                self._connected = True
                self._obey(self._budget.reset())
                self._watch_beats()

    def _leader_elected(self, _: Message) -> None:
        """A new leader holds no pulls. The one that told of it may be the one that we have pulled from already."""
        if self._connected:
            self._renew(late=True)
            self._obey(self._budget.reset())

    def _renew(self, *, late: bool) -> None:
        """Take messages by another inbox from now on."""
        old, inbox = self._feed, self._client.new_inbox()
        try:
            self._feed = Feed(self._client, inbox + ".*", self)
        except NatsError:
            return  # it drains or is closed: the old one ends with it
        self._inbox = inbox
        old.leave(late=late)

    def _stop_timers(self) -> None:
        cancel(self._beat, self._later)
        self._beat = self._later = None


def message_size(message: Message) -> int:
    """Bytes as the server counts them for ``max_bytes``."""
    return len(message.subject_bytes) + len(message.reply_bytes or b"") + message.size


def left_of(message: Message) -> tuple[int, int] | None:
    """Messages and bytes that are left of a pull, if a status tells."""
    try:
        headers = message.headers
        messages, size = headers.get(PENDING_MESSAGES), headers.get(PENDING_BYTES)
        return None if messages is None else (max(0, int(messages)), max(0, int(size or 0)))
    except (NatsError, ValueError):
        return None
