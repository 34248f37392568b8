"""One publish, from its first copy to its fate. What to do is decided in ``fates``; here it is done."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ...errors import ClientClosed, NatsError, NoResponders, OutboxFull, PermissionDenied
from ...headers import HeaderSource
from ...inbox import Inbox
from ...message import Message
from ...net.timer import cancel
from ...state.requests import NO_RESPONDERS
from ...subjects import as_text
from ..errors import (
    ApiError,
    JetStreamError,
    JetStreamNotEnabled,
    JetStreamUnavailable,
    NoStreamForSubject,
    PublishOutcomeUnknown,
)
from . import fates
from .ack import PubAck, read, read_ack
from .errors import refusal
from .fates import Answer, Tries, Verdict

Taken: TypeAlias = "bool | JetStreamNotEnabled | None"
"""Whether a stream takes a subject, or that nobody here has streams at all; None when that cannot be told now."""


class Connection(Protocol):
    """The connection that publishes go by."""

    @property
    def losses(self) -> int: ...


class Home(Protocol):
    """What a publish needs of all of them."""

    clock: IReactorTime
    inbox: Inbox

    @property
    def link(self) -> Connection: ...
    def add(self, publishing: Publishing, timeout: float) -> None:
        """It has left."""

    def remove(self, publishing: Publishing, timeout: float) -> None:
        """Its fate is known."""

    def takes(self, subject: str) -> Deferred[Taken]:
        """Does any stream take this subject?"""


class Publishing:
    """A message on its way into a stream. A subclass says in ``_stored`` and ``_failed`` who wants to know.

    Args:
        outgoing: All publishes of a client.
        timeout: Seconds for all tries.

    Attributes:
        subject: Where it is published to.
        payload: What is published.
        has_id: Whether there is a message id among the headers.
        is_over: Whether its fate is known.
        deadline: When its time is over.
        losses: Connections lost when the last copy left.
        last_sent: When that was.
    """

    __slots__ = (
        "_headers",
        "_outgoing",
        "_timeout",
        "_timer",
        "_tokens",
        "_tries",
        "deadline",
        "has_id",
        "is_over",
        "last_sent",
        "losses",
        "payload",
        "subject",
    )

    def __init__(
        self,
        outgoing: Home,
        subject: str | bytes,
        payload: bytes | str,
        headers: HeaderSource | None,
        *,
        has_id: bool,
        timeout: float,
    ) -> None:
        self._outgoing = outgoing
        self._headers = headers
        self._timeout = timeout
        self._timer: IDelayedCall | None = None
        self._tries: Tries | None = None
        self._tokens: tuple[bytes, ...] = ()
        self.is_over = False
        self.subject = subject
        # It may have to be sent again: a buffer that can change is copied.
        self.payload = payload if payload.__class__ is bytes else unchanging(payload)
        self.has_id = has_id
        self.losses = 0

    def start(self) -> None:
        """Send the first copy.

        Raises:
            As ``Client.publish`` does: nothing was sent, and nobody is told anything.
        """
        outgoing = self._outgoing
        self._tokens = (outgoing.inbox.ask(self, self.payload, self._headers),)
        self.losses = outgoing.link.losses
        self.last_sent = now = outgoing.clock.seconds()
        self.deadline = now + self._timeout
        outgoing.add(self, self._timeout)

    # For a subclass

    def _stored(self, ack: PubAck) -> None:
        raise NotImplementedError

    def _failed(self, error: BaseException) -> None:
        raise NotImplementedError

    # Answers

    def answered(self, message: Message) -> None:
        """An answer to any of its copies."""
        if self.is_over:
            return
        try:
            ack = read_ack(message.payload)
        except (ValueError, RecursionError):
            self._read(message)
            return
        if ack.sequence <= 0:
            self._read(message)
            return
        if self._tries is None:  # the first and only copy: there is nothing else to end
            self.is_over = True
            self._outgoing.remove(self, self._timeout)
        else:
            self._over()
        self._stored(ack)

    def _read(self, message: Message) -> None:
        """An answer that is no plain acknowledgement."""
        if message.status == NO_RESPONDERS and not message.payload:
            self._judge(Answer.NO_RESPONDERS, NoResponders(as_text(self.subject)))
            return
        told = read(message.payload)
        if isinstance(told, ApiError):
            self._judge(_kind(told.err_code), refusal(told, as_text(self.subject)))
        else:
            what = f"the answer is no acknowledgement: {message.payload[:40]!r}"
            hint = "does somebody who is no stream answer on this subject?"
            self._judge(Answer.NONSENSE, JetStreamError(0, 0, what, where=as_text(self.subject)), hint)

    def unanswered(self, error: NatsError) -> None:
        """No answer can come to a copy."""
        if not self.is_over:
            refused = isinstance(error, PermissionDenied) and error.operation != "subscribe"
            self._judge(Answer.DENIED if refused else Answer.CUT_OFF, error)

    # What else happens

    def lost(self) -> None:
        """The connection is gone. What is sent again waits until there is another."""
        if not self.has_id and self._is_waiting:
            self._judge(Answer.LINK_LOST, None)

    def back(self) -> None:
        """There is a connection again."""
        if self.has_id and self._is_waiting and self.losses < self._outgoing.link.losses:
            self._judge(Answer.LINK_LOST, None)

    def closed(self) -> None:
        """The client is closed: no copy leaves any more, and no answer comes."""
        self._judge(Answer.CUT_OFF if self._is_waiting else Answer.NOT_SENT, ClientClosed())

    def look(self, now: float) -> None:
        """Has the stream been silent for too long?"""
        if self.has_id and self._is_waiting and now >= self._counted().resend_due(self.last_sent):
            self._judge(Answer.SILENCE, None)

    def expire(self) -> None:
        """Its time is over."""
        self._judge(Answer.TOO_LATE, None)

    def cancel(self) -> None:
        """Nobody wants to know any more: it is not sent again. What has left may be stored."""
        self._over()

    @property
    def _is_waiting(self) -> bool:
        """Whether it waits for an answer, and not to be sent again."""
        return self._timer is None and (self._tries is None or self._tries.outstanding > 0)

    # What is done

    def _judge(self, answer: Answer, error: BaseException | None, hint: str = "") -> None:
        tries = self._counted()
        step = tries.judge(answer, self._outgoing.clock.seconds())
        match step.verdict:
            case Verdict.RETRY if self._timer is None:
                self._timer = self._outgoing.clock.callLater(step.after, self._ask if step.ask else self._send)
            case Verdict.FAIL:
                self._over()
                self._failed(self._not_stored(answer, error))
            case Verdict.UNKNOWN:
                self._over()
                unknown = PublishOutcomeUnknown(as_text(self.subject), error)
                if hint or self.has_id:
                    unknown.hint = hint or "publish it again with the same message_id"
                self._failed(unknown)

    def _send(self) -> None:
        """Send another copy; answers to the earlier ones are still welcome."""
        self._timer = None
        outgoing = self._outgoing
        try:
            token = outgoing.inbox.ask(self, self.payload, self._headers)
        except OutboxFull as error:
            self._judge(Answer.NOT_SENT_AGAIN, error)
        except NatsError as error:
            self._judge(Answer.NOT_SENT, error)
        else:
            self._tokens += (token,)
            self._counted().sending()
            self.losses = outgoing.link.losses
            self.last_sent = outgoing.clock.seconds()

    def _ask(self) -> None:
        """Ask whether any stream takes the subject, before another copy is sent."""
        # The timer that has fired stands for the question, so that nothing else is begun.
        self._outgoing.takes(as_text(self.subject)).addCallback(self._told)

    def _told(self, taken: Taken) -> None:
        if self.is_over:
            return
        tries = self._counted()
        tries.stream_known = tries.stream_known or taken is True
        if tries.uncertain or taken is True or taken is None:
            self._send()
        else:
            self._over()
            self._failed(taken or NoStreamForSubject(as_text(self.subject)))

    def _not_stored(self, answer: Answer, error: BaseException | None) -> BaseException:
        """Why nothing was stored; for refusals that would have passed it is the time that is over."""
        if error is not None and answer in (Answer.REFUSED, Answer.DENIED, Answer.NOT_SENT):
            return error
        why = f"no stream has taken it within {self._timeout:g} s" + (f"; the last answer: {error}" if error else "")
        return JetStreamUnavailable(503, 0, why, what="the message was not stored", where=as_text(self.subject))

    def _counted(self) -> Tries:
        if self._tries is None:
            self._tries = Tries(has_id=self.has_id, deadline=self.deadline)
        return self._tries

    def _over(self) -> None:
        self.is_over = True
        self._outgoing.remove(self, self._timeout)
        cancel(self._timer)
        self._timer = None
        tokens, self._tokens = self._tokens, ()
        for token in tokens:
            self._outgoing.inbox.forget(token)


class SinglePublishing(Publishing):
    """A publish that one Deferred waits for.

    Attributes:
        done: Its fate.
    """

    __slots__ = ("done",)

    def __init__(
        self,
        outgoing: Home,
        subject: str | bytes,
        payload: bytes | str,
        headers: HeaderSource | None,
        *,
        has_id: bool,
        timeout: float,
    ) -> None:
        super().__init__(outgoing, subject, payload, headers, has_id=has_id, timeout=timeout)
        self.done: Deferred[PubAck] = Deferred(self._cancelled)

    def _stored(self, ack: PubAck) -> None:
        self.done.callback(ack)

    def _failed(self, error: BaseException) -> None:
        self.done.errback(error)

    def _cancelled(self, _: Deferred[PubAck]) -> None:
        self.cancel()


def _kind(err_code: int) -> Answer:
    if err_code in fates.PASSING:
        return Answer.NOT_NOW
    return Answer.IN_WORK if err_code in fates.IN_WORK else Answer.REFUSED


def unchanging(payload: Any) -> bytes | str:
    """A payload that nobody changes any more."""
    # What is neither text nor buffer is refused by the client, with its own words.
    kept: bytes | str = bytes(payload) if isinstance(payload, (bytearray, memoryview)) else payload
    return kept
