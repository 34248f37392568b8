"""The publishing half of ``JetStream``: its methods, each of which is a few lines over the files beside this one."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from ...client import Client
from ...headers import HeaderSource
from ...options import MIB
from ..api import Api
from ..base import JetStreamBase
from .ack import PubAck
from .headers import Expect, Ttl
from .outgoing import Outgoing
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
