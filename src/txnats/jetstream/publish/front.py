"""The publishing half of ``JetStream``: its methods, each of which is a few lines over the files beside this one."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from ...client import Client
from ...headers import Headers, HeaderSource
from ...options import MIB
from ..api import Api
from ..base import JetStreamBase
from .ack import PubAck
from .atomic import AtomicBatch
from .counters import increment
from .headers import Expect, Ttl
from .ingest import FastIngest
from .ingest_rules import Gap, Gaps, Refused
from .outgoing import Outgoing
from .schedules import When, cancel_schedule, needed_level, schedule_headers
from .window import Publisher, Sent


class Publishes(JetStreamBase):
    """What goes into streams."""

    __slots__ = ("_outgoing",)

    def __init__(self, client: Client, api: Api) -> None:
        super().__init__(client, api)
        self._outgoing: Outgoing | None = None

    @property
    def outgoing(self) -> Outgoing:
        """The publishes that wait for their fate; for the other wings of JetStream."""
        if self._outgoing is None:
            self._outgoing = Outgoing(self.api)
        return self._outgoing

    def publish(
        self,
        subject: str | bytes,
        payload: bytes | str = b"",
        *,
        headers: HeaderSource | None = None,
        message_id: str | None = None,
        ttl: Ttl | None = None,
        expect: Expect | None = None,
        timeout: float | None = None,
    ) -> Deferred[PubAck]:
        """Publish into the stream that takes this subject, and learn that it is stored.

        What proves that nothing was stored is tried again until the time is over. Silence and a lost connection prove
        nothing: with a ``message_id`` the message is sent again, which the stream counts once; without one it is not.

        Args:
            subject: Where to.
            payload: The body; text is sent as UTF-8.
            headers: As for ``Client.publish``.
            message_id: Names the message among all of the stream's ``duplicate_window`` (2 minutes unless configured):
                a second one is answered as a duplicate and not stored.
            ttl: Seconds from 1 on after which the stream removes the message, or "never"; the stream must allow it.
            expect: What must hold for it to be stored.
            timeout: Seconds for all tries, instead of the context's.

        Returns:
            A Deferred of what the stream answers. It fails, with nothing stored, with NoStreamForSubject, with
            JetStreamUnavailable when no stream took it in time, with WrongLastSequence or any other JetStreamError that
            the stream answers, or with what ``Client.publish`` raises; and with PublishOutcomeUnknown when nobody can
            tell. Cancelling it ends the tries; what has left may be stored.
        """
        return self.outgoing.publish(
            subject, payload, headers=headers, message_id=message_id, ttl=ttl, expect=expect, timeout=timeout
        )

    def publisher(
        self,
        max_in_flight: int = 256,
        *,
        max_bytes_in_flight: int = 4 * MIB,
        timeout: float | None = None,
        on_failure: Callable[[Sent], object] | None = None,
        stop_on_failure: bool = True,
    ) -> Publisher:
        """A publisher that sends on while earlier messages are not answered yet.

        Args:
            max_in_flight: Messages that may be unanswered.
            max_bytes_in_flight: Bytes of their payloads; a larger message goes alone.
            timeout: Seconds for each message, instead of the context's.
            on_failure: Called with each message that failed, which then counts as told: the publisher goes on.
            stop_on_failure: Without ``on_failure``: take nothing more after a failure. Else it goes on, and ``flush``
                and ``close`` raise PublishesFailed.
        """
        return Publisher(
            self.outgoing,
            max_in_flight=max_in_flight,
            max_bytes_in_flight=max_bytes_in_flight,
            timeout=timeout,
            on_failure=on_failure,
            stop_on_failure=stop_on_failure,
        )

    def atomic_batch(self, timeout: float | None = None) -> AtomicBatch:
        """A batch of up to 1,000 messages that one stream stores together or not at all; nothing is sent until commit.

        Args:
            timeout: Seconds for the commit with all its tries, instead of the context's.
        """
        return AtomicBatch(self.outgoing, timeout)

    def fast_ingest(
        self,
        *,
        gaps: Gaps = "fail",
        flow: int = 100,
        max_outstanding: int = 2,
        on_loss: Callable[[Gap | Refused], object] | None = None,
        timeout: float | None = None,
    ) -> FastIngest:
        """A batch without an end that a stream takes as fast as it can, for bulk loads; no transaction.

        Args:
            gaps: "fail" ends the batch at the first message that was lost or refused; all before it is stored, in
                order. "ok" goes on without it.
            flow: Messages from one answer to the next; the stream makes it less while it is busy.
            max_outstanding: Answers that may be missing before ``add`` waits, 1 to 3.
            on_loss: Called for each gap and each refused message.
            timeout: Seconds without any answer after which it is given up, instead of the context's.
        """
        return FastIngest(
            self.outgoing, gaps=gaps, flow=flow, max_outstanding=max_outstanding, on_loss=on_loss, timeout=timeout
        )

    def increment(
        self, subject: str | bytes, by: int = 1, *, message_id: str | None = None, timeout: float | None = None
    ) -> Deferred[int]:
        """Add to a counter, in a stream with ``allow_msg_counter``; a lost answer does not make it count twice.

        Args:
            subject: The counter.
            by: What to add: any whole number, also a negative one or 0.
            message_id: As for ``publish``; None takes one of its own.
            timeout: As for ``publish``.

        Returns:
            A Deferred of the new value. It fails as ``publish`` does.
        """
        return Deferred.fromCoroutine(increment(self.outgoing, subject, by, message_id=message_id, timeout=timeout))

    def schedule(
        self,
        subject: str,
        payload: bytes | str,
        target: str,
        when: When,
        *,
        ttl: Ttl | None = None,
        source: str | None = None,
        time_zone: str | None = None,
        rollup: bool = False,
        headers: HeaderSource | None = None,
        message_id: str | None = None,
        expect: Expect | None = None,
        timeout: float | None = None,
    ) -> Deferred[PubAck]:
        """Have the stream publish a message later; the stream must have ``allow_msg_schedules``.

        Args:
            subject: Holds the schedule: one for each; a second one replaces it.
            payload: What will be published, with these headers.
            target: Where to; a subject of the same stream.
            when: A datetime with a time zone: once, then the schedule goes. A timedelta from a second on: again and
                again. Text: a cron pattern of six fields, or ``@hourly`` and its like.
            ttl: Time to live of each message that is published.
            source: Publish the last message of this subject instead of ``payload``.
            time_zone: Of a cron pattern, by its IANA name; UTC otherwise.
            rollup: Each message that is published replaces all earlier ones of ``target``.
            headers: As for ``publish``.
            message_id: As for ``publish``.
            expect: As for ``publish``.
            timeout: As for ``publish``.

        Returns:
            A Deferred of what the stream answers: the schedule is stored. It fails as ``publish`` does.
        """
        return Deferred.fromCoroutine(
            self._schedule(
                subject,
                payload,
                schedule=lambda: schedule_headers(
                    target, when, ttl=ttl, source=source, time_zone=time_zone, rollup=rollup
                ),
                level=needed_level(when, source=source, time_zone=time_zone, rollup=rollup),
                headers=headers,
                message_id=message_id,
                expect=expect,
                timeout=timeout,
            )
        )

    async def _schedule(
        self,
        subject: str,
        payload: bytes | str,
        *,
        schedule: Callable[[], list[tuple[str, str]]],
        level: int,
        headers: HeaderSource | None,
        message_id: str | None,
        expect: Expect | None,
        timeout: float | None,
    ) -> PubAck:
        merged = Headers(headers)
        for name, value in schedule():
            merged.set(name, value)
        await self.outgoing.require(level, "schedules")
        return await self.publish(
            subject, payload, headers=merged, message_id=message_id, expect=expect, timeout=timeout
        )

    def cancel_schedule(self, subject: str, timeout: float | None = None) -> Deferred[bool]:
        """Remove the schedule that a subject holds.

        Returns:
            A Deferred of whether there was one. It fails with NoStreamForSubject.
        """
        return Deferred.fromCoroutine(cancel_schedule(self.outgoing, subject, timeout=timeout))
