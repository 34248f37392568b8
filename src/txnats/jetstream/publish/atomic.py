"""A batch that is stored as a whole or not at all.

The messages wait here and leave together when it is committed. Until then nothing of it is at the server, so that an
idle batch is not abandoned there, and a batch that met an election is simply sent again, under another id.
Source: ADR-50.
"""

from __future__ import annotations

from types import TracebackType
from typing import NamedTuple, Self

from twisted.internet.defer import Deferred, fail
from twisted.internet.task import deferLater

from ...errors import InvalidArgument, NatsError, NoResponders, RequestTimeout
from ...headers import Headers, HeaderSource
from ...message import Message
from ...nuid import next_nuid
from ...options import check_seconds
from ...subjects import as_text, check_publish
from ..errors import (
    ApiError,
    JetStreamError,
    JetStreamUnavailable,
    NoStreamForSubject,
    PublishOutcomeUnknown,
)
from .ack import PubAck, read
from .errors import BatchFailed, refusal
from .fates import PASSING, RETRY_AFTER
from .headers import Expect, Ttl, gather
from .outgoing import Outgoing
from .publishing import unchanging

MOST_MESSAGES = 1000
"""The server takes no more in one batch, unless it is configured otherwise."""
MOST_BYTES = 32 * 1024 * 1024
API_LEVEL = 2
CONFIRM_EVERY = 100
"""Every so many messages one is answered, so that not all of them are under way at once."""
ANSWER_WITHIN = 3.0
"""Seconds for the answers before the last one: who is silent for longer has lost the batch with a leader."""

ID = "Nats-Batch-Id"
SEQUENCE = "Nats-Batch-Sequence"
COMMIT = "Nats-Batch-Commit"

_INCOMPLETE, _TOO_MANY = 10176, 10210
AGAIN = PASSING | {_INCOMPLETE, _TOO_MANY}
"""``err_code`` of answers to a batch that say that nothing of it was stored, and that another try may fare better: a
part of it went to a leader that is gone, or the stream has too many batches in work."""


class _Part(NamedTuple):
    """One message of it."""

    subject: str | bytes
    payload: bytes | str
    headers: Headers


class _Again(Exception):
    """Nothing is stored, and it may be tried again."""

    def __init__(self, error: NatsError) -> None:
        super().__init__(str(error))
        self.error = error


class AtomicBatch:
    """Messages for one stream that are stored together or not at all. Made by ``JetStream.atomic_batch``.

    ::

        batch = js.atomic_batch()
        batch.add("users.7.street", b"...")
        batch.add("users.7.city", b"...")
        ack = await batch.commit()

    ``async with`` commits it at the end, unless an exception ends the block.

    Attributes:
        ack: What the stream answered, once it is stored.
    """

    def __init__(self, outgoing: Outgoing, timeout: float | None = None) -> None:
        self._outgoing = outgoing
        self._client = outgoing.api.client
        self._clock = outgoing.clock
        self._timeout = outgoing.api.timeout if timeout is None else check_seconds("timeout", timeout)
        self._parts: list[_Part] = []
        self._bytes = 0
        self._is_over = False
        self.ack: PubAck | None = None

    def __len__(self) -> int:
        """Messages in it."""
        return len(self._parts)

    def add(
        self,
        subject: str | bytes,
        payload: bytes | str = b"",
        *,
        headers: HeaderSource | None = None,
        message_id: str | None = None,
        ttl: Ttl | None = None,
        expect: Expect | None = None,
    ) -> None:
        """Put one more message into it; nothing is sent yet. The arguments are those of ``JetStream.publish``.

        What is expected is compared when the batch is committed, with what the stream holds before it. Only the first
        message may expect a ``last_sequence``, none a ``last_message_id``.

        Raises:
            InvalidArgument: The message cannot be sent, or not in a batch, or the batch is full or over.
        """
        self._check_open()
        if len(self._parts) >= MOST_MESSAGES:
            raise InvalidArgument(
                f"the batch is full with {MOST_MESSAGES:,} messages", hint="commit it and start another"
            )
        if expect is not None and (
            expect.last_message_id is not None or (self._parts and expect.last_sequence is not None)
        ):
            raise InvalidArgument(
                "a batch cannot expect this",
                why="last_sequence is for its first message only, last_message_id for none",
            )
        check_publish(subject)
        payload = unchanging(payload)
        if not isinstance(payload, (bytes, str)):
            raise InvalidArgument(f"a payload is bytes or str, not {type(payload).__name__}")
        self._bytes += len(payload)
        if self._bytes > MOST_BYTES:
            self._bytes -= len(payload)
            raise InvalidArgument(f"the batch is full with {MOST_BYTES:,} bytes", hint="commit it and start another")
        source, _ = gather(headers, message_id, ttl, expect)
        self._parts.append(_Part(subject, payload, Headers(source)))

    def commit(self) -> Deferred[PubAck]:
        """Store all of it.

        Returns:
            A Deferred of what the stream answers: ``sequence`` of the last message, ``count`` and ``batch``. It fails,
            with nothing stored, with BatchFailed, WrongLastSequence and what else the stream may refuse, with
            NoStreamForSubject, with JetStreamUnavailable when the time is over, with NotSupported before nats-server
            2.12; and with PublishOutcomeUnknown when the last answer does not come.
        """
        try:
            self._check_open()
            if not self._parts:
                raise InvalidArgument("the batch is empty")
        except InvalidArgument:
            return fail()
        self._is_over = True
        return Deferred.fromCoroutine(self._commit())

    def discard(self) -> None:
        """Forget it. Nothing of it was sent."""
        self._is_over = True
        self._parts.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self.discard()
        elif self._parts and not self._is_over:
            await self.commit()

    def _check_open(self) -> None:
        if self._is_over:
            raise InvalidArgument("the batch is over", why="it was committed or discarded", hint="start another")

    async def _commit(self) -> PubAck:
        deadline = self._clock.seconds() + self._timeout
        await self._outgoing.require(API_LEVEL, "atomic batches")
        tries = 0
        while True:
            try:
                self.ack = await self._send(next_nuid(), deadline)
            except _Again as again:
                tries += 1
                await self._pause(tries, again.error, deadline)
            else:
                self._parts.clear()
                return self.ack

    async def _pause(self, tries: int, error: NatsError, deadline: float) -> None:
        """Wait before the next try, if there is time and sense in one."""
        subject = as_text(self._parts[0].subject)
        if tries == len(RETRY_AFTER) - 1 and isinstance(error, NoResponders):
            taken = await self._outgoing.takes(subject)
            if taken is not True and taken is not None:
                raise taken or NoStreamForSubject(subject)
        wait = RETRY_AFTER[min(tries, len(RETRY_AFTER)) - 1]
        if self._clock.seconds() + wait >= deadline:
            why = f"no stream has taken it within {self._timeout:g} s; the last answer: {error}"
            raise JetStreamUnavailable(503, 0, why, what="nothing of the batch was stored", where=subject)
        await deferLater(self._clock, wait)

    async def _send(self, batch: str, deadline: float) -> PubAck:
        """Send all of it under an id."""
        last = self._parts[-1]
        for number, part in enumerate(self._parts[:-1], 1):
            headers = self._headers(part, batch, number)
            if number == 1 or number % CONFIRM_EVERY == 0:
                await self._confirm(batch, part, headers, deadline)
            else:
                self._client.publish(part.subject, part.payload, headers=headers)
        headers = self._headers(last, batch, len(self._parts))
        headers.set(COMMIT, "1")
        return await self._finish(batch, last, headers, deadline)

    @staticmethod
    def _headers(part: _Part, batch: str, number: int) -> Headers:
        headers = Headers(part.headers)
        headers.set(ID, batch)
        headers.set(SEQUENCE, str(number))
        return headers

    async def _confirm(self, batch: str, part: _Part, headers: Headers, deadline: float) -> None:
        """Send a message that is not the last one, and hear that the stream has it and all before it."""
        left = min(ANSWER_WITHIN, deadline - self._clock.seconds())
        try:
            answer = await self._client.request(part.subject, part.payload, headers=headers, timeout=max(left, 0.0))
        except (NoResponders, RequestTimeout) as error:
            raise _Again(error) from None
        if answer.payload:
            told = self._read(answer, part)
            why = "the server stores its messages one by one" if isinstance(told, PubAck) else "the answer is unknown"
            raise BatchFailed(batch, f"the batch is not one: {why}", hint="it needs a stream with allow_atomic")

    async def _finish(self, batch: str, part: _Part, headers: Headers, deadline: float) -> PubAck:
        """Send the last message."""
        left = max(deadline - self._clock.seconds(), 0.0)
        try:
            answer = await self._client.request(part.subject, part.payload, headers=headers, timeout=left)
        except NoResponders as error:
            raise _Again(error) from None
        except NatsError as error:
            if isinstance(error, InvalidArgument):
                raise
            raise self._unknown(part, error) from None
        told = self._read(answer, part)
        if not isinstance(told, PubAck):
            raise self._unknown(
                part, JetStreamError(0, 0, f"the answer is no acknowledgement: {answer.payload[:40]!r}")
            )
        if told.batch != batch:
            raise BatchFailed(
                batch,
                "the batch is not one: the server stores its messages one by one",
                hint="it needs nats-server 2.12",
            )
        return told

    def _read(self, answer: Message, part: _Part) -> PubAck | None:
        told = read(answer.payload)
        if not isinstance(told, ApiError):
            return told
        error = refusal(told, as_text(part.subject))
        if told.err_code in AGAIN:
            raise _Again(error)
        raise error

    @staticmethod
    def _unknown(part: _Part, cause: BaseException) -> PublishOutcomeUnknown:
        error = PublishOutcomeUnknown(as_text(part.subject), cause)
        error.what = "whether the batch is stored is not known"
        error.hint = "all of it is, or nothing: look for its last message"
        return error
