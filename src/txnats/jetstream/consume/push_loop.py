"""Messages that a push consumer sends to a subject of ours."""

from __future__ import annotations

from contextlib import suppress

from twisted.internet.interfaces import IDelayedCall

from ... import events as core
from ...errors import NatsError
from ...message import Message
from ...net.timer import cancel
from .. import ack_reply
from ..base import JetStreamBase
from .events import HeartbeatsMissed, Pulled
from .existence import Existence
from .fed_loop import FedLoop, OnEvent, Sink
from .feed import Feed, give_back
from .flow import Flow
from .pull_budget import ending
from .statuses import Meaning, meaning

DELETED = "$JS.EVENT.ADVISORY.CONSUMER.DELETED"
LAST_CONSUMER, STALLED = "Nats-Last-Consumer", "Nats-Consumer-Stalled"
_MISSES = 2
_ASK_AGAIN = 1.0


class PushLoop(FedLoop):
    """Takes what a push consumer delivers until it is stopped or the consumer is gone.

    Args:
        js: Where the consumer is.
        stream: Its stream's name.
        consumer: Its name.
        deliver_subject: Where it delivers to.
        deliver_group: Its queue group; members share the messages.
        heartbeat: Its idle heartbeat in seconds; 0 for none, then silence says nothing.
        sink: Gets the messages.
        on_event: Is told what is out of the ordinary.
        most: Messages that are kept; further ones are given back, or dropped if they need not be settled.
        settles: Whether messages have to be settled.
    """

    def __init__(
        self,
        js: JetStreamBase,
        stream: str,
        consumer: str,
        *,
        deliver_subject: str,
        deliver_group: str | None,
        heartbeat: float,
        sink: Sink,
        on_event: OnEvent | None,
        most: int,
        settles: bool,
    ) -> None:
        super().__init__(sink, on_event)
        self._client = js.client
        self._clock = js.client.clock
        self._stream = stream
        self._consumer = consumer
        self._heartbeat = heartbeat
        self._most = most
        self._settles = settles
        self._flow = Flow(counts=deliver_group is None)
        self._last: Message | None = None
        self._heard = True
        self._misses = 0
        self._beat: IDelayedCall | None = None
        self._later: IDelayedCall | None = None
        self._existence = Existence(js, f"{stream}.{consumer}", self.finish, self._ask_later)
        self._feed = Feed(self._client, deliver_subject, self, deliver_group)
        self._advisories = self._client.subscribe(f"{DELETED}.{stream}.{consumer}", lambda _: self._existence.ask())
        self._events = self._client.events().call(self._told)

    def start(self) -> None:
        """Messages come as soon as the server knows the subscription."""
        if self._heartbeat and not self._over:
            self._beat = self._clock.callLater(self._heartbeat, self._beats)

    # Messages

    def accept(self, message: Message) -> None:
        self._heard = True
        if not message.payload and message.status is not None:
            self._status(message)
            return
        flow = self._flow
        if flow.needs_base:
            sequences = ack_reply.sequences(message.reply_bytes)
            if sequences is not None:
                flow.count_from(sequences[1])
        flow.arrived()
        self._last = message
        if self._over or flow.held > self._most:
            if self._settles:
                give_back(self._client, message)
            self.handed(message)
            return
        if self._deliver(message):
            self.handed(message)

    def handed(self, _: Message) -> None:
        """A message was handed over or given back."""
        subject = self._flow.took()
        if subject is not None:
            self._answer(subject)

    # The end

    def finish(self, error: NatsError | None) -> None:
        """It is over, for this reason."""
        if self._over:
            return
        self._over = True
        cancel(self._beat, self._later)
        self._events.close()
        self._advisories.unsubscribe()
        self._existence.stop()
        self._feed.leave(late=True)
        self._sink.ended(error)

    # What the server says

    def _status(self, message: Message) -> None:
        code = message.status or 0
        if code == 100:
            self._control(message)
            return
        found = meaning(code, message.description)
        error = ending(found, code, message.description, f"{self._stream} > {self._consumer}")
        if error is not None and found is not Meaning.NO_PULL:
            self.finish(error)
        else:
            self.tell(Pulled(code, message.description))

    def _control(self, message: Message) -> None:
        if message.reply_bytes is not None:
            subject = self._flow.control(message.reply_bytes)
            if subject is not None:
                self._answer(subject)
            return
        stalled, last = message.headers.get(STALLED), message.headers.get(LAST_CONSUMER)
        if stalled:
            subject = self._flow.control(stalled.encode())
            if subject is not None:
                self._answer(subject)
        if last is not None and last.isdigit():
            arrived = None if self._last is None else ack_reply.sequences(self._last.reply_bytes)
            gap = self._flow.heartbeat(int(last), arrived and arrived[1])
            if gap is not None:
                self.tell(gap)

    def _answer(self, subject: bytes) -> None:
        with suppress(NatsError):  # full or closed: the server asks again
            self._client.publish(subject)

    def _beats(self) -> None:
        self._beat = self._clock.callLater(self._heartbeat, self._beats)
        if self._heard:
            self._heard, self._misses = False, 0
            return
        self._misses += 1
        if self._misses >= _MISSES:
            self._misses = 0
            self.tell(HeartbeatsMissed(self._stream, self._consumer))
            self._existence.ask()

    def _ask_later(self) -> None:
        if not self._over and not (self._later and self._later.active()):
            self._later = self._clock.callLater(_ASK_AGAIN, self._existence.ask)

    def _told(self, event: core.Event) -> None:
        if isinstance(event, (core.Connected, core.Reconnected)):
            self._flow.restart()
            self._last = None
            self._heard, self._misses = True, 0
            # It may have been deleted meanwhile, or a server may have forgotten it: then nothing would ever come.
            self._existence.ask()
