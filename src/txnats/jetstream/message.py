"""A message that a consumer delivered, and how it is settled."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from ..client import Client
from ..errors import InvalidArgument, NatsError
from ..headers import Headers
from ..message import Message
from ..state.waiters import Waiters
from . import ack_reply
from .ack_reply import Metadata
from .units import to_ns

ACK = b"+ACK"
NAK = b"-NAK"
IN_PROGRESS = b"+WPI"
TERM = b"+TERM"


class Settled(StrEnum):
    """What was said of a message for good."""

    ACK = "ack"
    NAK = "nak"
    TERM = "term"


_ACKED = Settled.ACK  # looking up a member costs as much as a call


class JsMessage(msgspec.Struct, eq=False):
    """A message that a consumer delivered.

    It is settled once: by ``ack``, ``ack_sync``, ``nak`` or ``term``. Whatever is said after that is not sent, so that
    a second ``ack()`` does no harm. ``in_progress`` may be said as often as need be before.

    Attributes:
        message: The message as the core delivered it.
        settled: What was said of it for good; None while nothing was.
    """

    message: Message
    _client: Client
    settled: Settled | None = None
    _asking: Waiters[None] | None = None

    @property
    def subject(self) -> str:
        """The subject that it was published to."""
        return self.message.subject

    @property
    def payload(self) -> bytes:
        """The body; empty bytes when there is none."""
        return self.message.payload

    @property
    def headers(self) -> Headers:
        """As ``Message.headers``."""
        return self.message.headers

    @property
    def reply(self) -> str | None:
        """The subject that settles it."""
        return self.message.reply

    @property
    def size(self) -> int:
        """Bytes of headers and payload."""
        return self.message.size

    @property
    def metadata(self) -> Metadata:
        """What the consumer tells of it: sequences, deliveries, time. It is read anew each time.

        Raises:
            InvalidArgument: No consumer has delivered it.
        """
        metadata = ack_reply.parse(self.message.reply_bytes)
        if metadata is None:
            raise _no_consumer(self.message)
        return metadata

    # How it is settled

    def ack(self) -> None:
        """It is done with. Sent with all else of this reactor turn; whether it arrives is not told.

        Raises:
            As ``Client.publish``; then it is not settled.
        """
        if self.settled is None:
            self.message.respond(ACK)
            self.settled = _ACKED

    def ack_sync(self, timeout: float | None = None) -> Deferred[None]:
        """It is done with, and the server is to say that it knows.

        Args:
            timeout: Seconds to wait for that; the client's request timeout by default.

        Returns:
            A Deferred. It fails with RequestTimeout when it is not known whether the server has heard it, or with
            what ``Client.request`` fails with; the message can be settled again then. Settled before, it fires at once;
            while an earlier call waits for the server, so does this one, in the time of that.
        """
        if self._asking is not None:
            return self._asking.wait()
        if self.settled is not None:
            return succeed(None)
        if self.message.reply_bytes is None:
            return fail(_no_consumer(self.message))
        self.settled = Settled.ACK
        asked = self._client.request(self.message.reply_bytes, ACK, timeout=timeout)
        # Each has a Deferred of its own: the request is cancelled when none of them is waited for.
        self._asking = Waiters(asked.cancel)
        waiter = self._asking.wait()
        asked.addCallbacks(self._confirmed, self._not_settled)
        return waiter

    def nak(self, delay: float | None = None) -> None:
        """Deliver it again, to whoever pulls.

        Args:
            delay: Seconds until then; None or 0 for at once.
        """
        body = NAK
        if delay:
            body = b'-NAK {"delay":%d}' % _positive("delay", delay)
        self._settle(Settled.NAK, body)

    def term(self, reason: str = "") -> None:
        """Never deliver it again, done or not.

        Args:
            reason: Goes into the server's advisory.
        """
        self._settle(Settled.TERM, b"+TERM " + reason.encode("utf-8", "surrogateescape") if reason else TERM)

    def in_progress(self) -> None:
        """More time is needed: the consumer's ``ack_wait`` begins anew."""
        if self.settled is None:
            self.message.respond(IN_PROGRESS)

    def _settle(self, settled: Settled, body: bytes) -> None:
        if self.settled is None:
            self.message.respond(body)
            self.settled = settled

    def _confirmed(self, _: Message) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.tell(None)

    def _not_settled(self, failure: Failure) -> None:
        self.settled = None
        asking, self._asking = self._asking, None
        if asking is not None and failure.value is not None:
            asking.fail(failure.value)

    def __repr__(self) -> str:
        metadata = ack_reply.parse(self.message.reply_bytes)
        place = f" {metadata.stream} #{metadata.stream_sequence}" if metadata else ""
        return f"<JsMessage{place} {self.subject!r}, {self.settled or 'not settled'}, {len(self.payload)} bytes>"


def _positive(name: str, seconds: float) -> int:
    nanoseconds = to_ns(seconds)
    if nanoseconds < 0:
        raise InvalidArgument(f"{name} is {seconds!r}", hint="it cannot be negative")
    return nanoseconds


def _no_consumer(message: Message) -> NatsError:
    return InvalidArgument("no consumer has delivered this message", where=message.subject)
