"""A fast batch: as many messages as there are, stored as they come, answered now and then.

What to do is decided in ``ingest_rules``; here is the subscription that answers come in by, and the clock.
Source: ADR-50.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger

from ...errors import ClientClosed, InvalidArgument, InvalidOption, NatsError, NoResponders, OperationTimeout
from ...headers import HeaderSource
from ...message import Message
from ...options import check_count, check_seconds
from ...state.requests import NO_RESPONDERS
from ...state.waiters import Waiters
from ...subjects import as_text
from ...subscription import EndReason, Subscription
from ..errors import NoStreamForSubject
from .ack import PubAck
from .alarm import Alarm
from .errors import IngestFailed, refusal
from .headers import Expect, Ttl, gather
from .ingest_rules import UNKNOWN_BATCH, Done, Failed, Flow, Gap, Gaps, Go, Nonsense, Operation, Refused
from .outgoing import Outgoing
from .publishing import Taken

API_LEVEL = 4
TICK = 0.5
MOST_FLOW = 65_535
MOST_OUTSTANDING = 3


class FastIngest:
    """Messages for one stream, stored as fast as it takes them. Made by ``JetStream.fast_ingest``.

    ::

        async with js.fast_ingest() as ingest:
            for row in rows:
                await ingest.add("rows", row)  # waits when the stream wants it slower
        assert ingest.ack.count == len(rows)

    It is no transaction: messages are stored as they come, and ``acknowledged`` says up to which one at least.

    Attributes:
        log: Where it tells that ``on_loss`` raised.
        ack: What the stream answered at the end: ``count`` messages, the last of them at ``sequence``.
        lost: Messages that never reached the stream, as far as it has told.
        refused: Messages that it did not want, as far as it has told.
    """

    log = Logger()

    def __init__(
        self,
        outgoing: Outgoing,
        *,
        gaps: Gaps,
        flow: int,
        max_outstanding: int,
        on_loss: Callable[[Gap | Refused], object] | None,
        timeout: float | None,
    ) -> None:
        if gaps not in ("fail", "ok"):
            raise InvalidOption(f"gaps is {gaps!r:.40}", hint="'fail' or 'ok'")
        self._flow = check_count("flow", flow, MOST_FLOW)
        self._rules = Flow(
            every=flow, outstanding=check_count("max_outstanding", max_outstanding, MOST_OUTSTANDING), gaps=gaps
        )
        self._outgoing = outgoing
        self._client = outgoing.api.client
        self._clock = outgoing.clock
        self._timeout = outgoing.api.timeout if timeout is None else check_seconds("timeout", timeout)
        self._inbox = self._client.new_inbox()
        self._on_loss = on_loss
        self._subject: str | bytes = ""
        self._subscription: Subscription | None = None
        self._alarm = Alarm(self._clock, self._tick)
        self._waiters: Waiters[None] = Waiters()
        self._error: NatsError | None = None
        self._supported = False
        self.ack: PubAck | None = None
        self.lost = 0
        self.refused = 0

    @property
    def batch(self) -> str:
        """Its id."""
        return self._inbox.rpartition(".")[2]

    @property
    def added(self) -> int:
        """Messages that were sent."""
        return self._rules.messages

    @property
    def acknowledged(self) -> int:
        """How many of them, from the first, the stream has stored; with ``gaps="ok"`` but for those lost or refused."""
        return self._rules.acknowledged

    def add(
        self,
        subject: str | bytes,
        payload: bytes | str = b"",
        *,
        headers: HeaderSource | None = None,
        message_id: str | None = None,
        ttl: Ttl | None = None,
        expect: Expect | None = None,
    ) -> Deferred[int]:
        """Send one more; the arguments are those of ``JetStream.publish``.

        Returns:
            A Deferred of its number in the batch, from 1, which fires when the next one may be sent. It fails with
            IngestFailed when the batch has ended, with NotSupported before nats-server 2.14, or with what is wrong with
            the arguments. Await it before the next call.
        """
        try:
            self._check_open()
            if headers is not None or message_id is not None or ttl is not None or expect is not None:
                headers, _ = gather(headers, message_id, ttl, expect)
            ready = self._client.ready_to_write()
            if not (self._supported and ready.called and self._rules.may_send):
                return Deferred.fromCoroutine(self._add(ready, subject, payload, headers))
            number = self._send(subject, payload, headers)
        except NatsError:
            return fail()
        return succeed(number) if self._rules.may_send else Deferred.fromCoroutine(self._room(number))

    def commit(self) -> Deferred[PubAck]:
        """End it, and learn what is stored. May be called again.

        Returns:
            A Deferred of what the stream answers at the end. It fails with IngestFailed when not all is stored, or when
            that cannot be told.
        """
        if self._rules.sent == 0:
            return fail(self._error or InvalidArgument("there is nothing to commit", why="no message was added"))
        return Deferred.fromCoroutine(self._commit())

    def abandon(self) -> None:
        """Go away. What was sent is stored; the stream forgets the batch after 10 seconds."""
        self._fail("it was abandoned")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self.abandon()
        elif self._rules.sent:
            await self.commit()

    # Sending

    async def _add(
        self, ready: Deferred[None], subject: str | bytes, payload: bytes | str, headers: HeaderSource | None
    ) -> int:
        await ready
        if not self._supported:
            await self._outgoing.require(API_LEVEL, "fast ingest")
            self._supported = True
        while not self._rules.may_send:
            self._check_open()
            await self._waiters.wait()
        self._check_open()
        return await self._room(self._send(subject, payload, headers))

    def _send(self, subject: str | bytes, payload: bytes | str, headers: HeaderSource | None) -> int:
        rules = self._rules
        number = rules.sent + 1
        if number == 1:
            self._subject = subject
            # First the ear: an answer may come at once.
            self._subscription = self._client.subscribe(f"{self._inbox}.>", self._hear)
            self._subscription.when_done().addCallback(self._deaf)
            try:
                self._publish(Operation.START, number, payload, headers)
            except BaseException:
                self._let_go()
                raise
            self._alarm.at(self._clock.seconds() + TICK)
        else:
            reply = rules.reply(self._inbox, self._flow, Operation.APPEND, number)
            self._client.publish(subject, payload, reply=reply, headers=headers)
        return rules.send(self._clock.seconds())

    def _publish(
        self, operation: Operation, number: int, payload: bytes | str = b"", headers: HeaderSource | None = None
    ) -> None:
        reply = self._rules.reply(self._inbox, self._flow, operation, number)
        self._client.publish(self._subject, payload, reply=reply, headers=headers)

    async def _room(self, number: int) -> int:
        """Wait until the next one may be sent, or none ever."""
        while not self._rules.may_send and not self._is_over:
            await self._waiters.wait()
        if self._error is not None:
            raise self._error
        return number

    async def _commit(self) -> PubAck:
        while not (self._rules.is_open or self._is_over):
            await self._waiters.wait()
        if not self._is_over and self._rules.may_commit:
            # Counted once it has left: a full outbox leaves the batch open, to be committed later.
            self._publish(Operation.END, self._rules.sent + 1)
            self._rules.send(self._clock.seconds(), last=True)
        while not self._is_over:
            await self._waiters.wait()
        if self._error is not None:
            raise self._error
        assert self.ack is not None
        return self.ack

    @property
    def _is_over(self) -> bool:
        return self._error is not None or self.ack is not None

    def _check_open(self) -> None:
        if self._error is not None:
            raise self._error
        if self.ack is not None or not (self._rules.may_commit or self._rules.sent == 0):
            raise InvalidArgument("the batch is over", why="it was committed, or is about to end", hint="start another")

    # Hearing

    def _hear(self, message: Message) -> None:
        if message.status == NO_RESPONDERS and not message.payload:
            # Nobody leads the stream: pings will find out when somebody does. At the start there may be no stream.
            if not self._rules.is_open:
                self._outgoing.takes(as_text(self._subject)).addCallback(self._told)
            return
        match self._rules.hear(message.payload, self._clock.seconds()):
            case Go():
                self._waiters.tell(None)
            case Gap() as gap:
                self.lost += gap.last - gap.first + 1
                self._tell(gap)
            case Refused() as refused:
                self.refused += 1
                self._tell(refused)
            case Done(ack):
                self._ended(ack)
            case Failed(error):
                lost = error.err_code == UNKNOWN_BATCH
                what = "the stream does not know the batch any more" if lost else "the stream refused it"
                self._fail(what, refusal(error, as_text(self._subject)))
            case Nonsense():
                self._fail(f"the answer is none of a stream's: {message.payload[:40]!r}")

    def _told(self, taken: Taken) -> None:
        if taken is False or isinstance(taken, NatsError):
            self._fail("it could not begin", taken or NoStreamForSubject(as_text(self._subject)))
        elif not self._rules.is_open:
            self._fail("it could not begin: the stream has no leader", NoResponders(as_text(self._subject)))

    def _ended(self, ack: PubAck) -> None:
        """The stream has ended it, as asked or before."""
        if ack.batch != self.batch:
            self._fail("the server stores the messages one by one", hint="it needs nats-server 2.14")
            return
        stopped = self._rules.stopped_by
        if stopped is not None or ack.count < self._rules.messages:
            cause = refusal(stopped.error, as_text(self._subject)) if isinstance(stopped, Refused) else None
            what = f"it ended early, behind {ack.count:,} of {self._rules.messages:,} messages"
            self._fail(what, cause, ack=ack, hint="add the rest to another one")
            return
        self.ack = ack
        self._let_go()

    def _tell(self, loss: Gap | Refused) -> None:
        if self._on_loss is not None:
            try:
                self._on_loss(loss)
            except BaseException:  # noqa: BLE001  # as Twisted does with callbacks: told, and nothing else ends
                self.log.failure("on_loss raised for {loss!r}", loss=loss)
        if self._rules.may_send:
            self._waiters.tell(None)

    def _deaf(self, reason: EndReason) -> None:
        """The subscription for answers has ended."""
        if self._subscription is not None:  # else it was let go
            self._fail("no answer can come any more", self._subscription.error or ClientClosed())

    # Time

    def _tick(self) -> None:
        match self._rules.due(self._clock.seconds(), self._timeout):
            case "give up":
                cause = OperationTimeout("an answer that goes on", timeout=self._timeout)
                self._fail("the stream does not answer, or gets nowhere", cause)
                return
            case "ping":
                # A full outbox has the next tick try again.
                with suppress(NatsError):
                    self._publish(Operation.PING, self._rules.messages)
            case "end":
                with suppress(NatsError):
                    self._publish(Operation.END, self._rules.sent)
                    self._rules.end_again()
        self._alarm.at(self._clock.seconds() + TICK)

    # The end

    def _fail(
        self, what: str, cause: BaseException | None = None, *, ack: PubAck | None = None, hint: str = ""
    ) -> None:
        if not self._is_over:
            self._error = IngestFailed(self.batch, what, cause, stored=self._rules.acknowledged, ack=ack, hint=hint)
            self._let_go()

    def _let_go(self) -> None:
        self._alarm.stop()
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.unsubscribe()
        self._waiters.tell(None)
