"""Writes to a bucket: what is published for each, and what a refusal means."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..headers import HeaderSource
from ..jetstream.context import JetStream
from ..jetstream.error_codes import MessageTTLDisabled
from ..jetstream.errors import NoStreamForSubject, WrongLastSequence
from ..jetstream.publish.ack import PubAck
from ..jetstream.publish.headers import Expect, Ttl
from ..nuid import next_nuid
from .entry import OPERATION, Operation
from .errors import BucketNotFound, TtlDisabled, WrongRevision

ROLLUP = ("Nats-Rollup", "sub")
_ENDS = {
    Operation.DELETE: [(OPERATION, Operation.DELETE.value)],
    Operation.PURGE: [(OPERATION, Operation.PURGE.value), ROLLUP],
}


class Writing:
    """Writes to the keys of one bucket. Keys are as the bucket holds them, and checked.

    A write that expects a revision carries a message id: it is sent again when its answer is lost, and counts once.

    Args:
        js: Where the bucket is.
        bucket: Its name.
        prefix: What the subjects begin with.
        timeout: Seconds for a write; the context's by default.
    """

    __slots__ = ("_bucket", "_prefix", "_publish", "_timeout")

    def __init__(self, js: JetStream, bucket: str, prefix: str, timeout: float | None = None) -> None:
        self._publish = js.outgoing.publish
        self._bucket = bucket
        self._prefix = prefix
        self._timeout = timeout

    def put(self, key: str, value: bytes | str) -> Deferred[int]:
        """Write whatever there is; the Deferred fires with the revision."""
        return self._publish(self._prefix + key, value, timeout=self._timeout).addCallbacks(
            _revision, self._refused, errbackArgs=(key, 0)
        )

    def put_if(
        self,
        key: str,
        value: bytes | str,
        revision: int,
        *,
        ttl: Ttl | None = None,
        headers: HeaderSource | None = None,
        timeout: float | None = None,
    ) -> Deferred[int]:
        """Write if the key is at this revision, 0 for a key without any message. It fails with WrongRevision."""
        written = self._publish(
            self._prefix + key,
            value,
            headers=headers,
            message_id=next_nuid(),
            ttl=ttl,
            expect=Expect(last_subject_sequence=revision),
            timeout=self._timeout if timeout is None else timeout,
        )
        return written.addCallbacks(_revision, self._refused, errbackArgs=(key, revision))

    def end(
        self,
        key: str,
        operation: Operation,
        *,
        revision: int | None = None,
        ttl: Ttl | None = None,
        timeout: float | None = None,
    ) -> Deferred[int]:
        """Delete or purge a key, if it is at this revision when one is given."""
        headers = _ENDS[operation]
        if revision is not None:
            return self.put_if(key, b"", revision, ttl=ttl, headers=headers, timeout=timeout)
        ended = self._publish(
            self._prefix + key,
            b"",
            headers=headers,
            ttl=ttl,
            timeout=self._timeout if timeout is None else timeout,
        )
        return ended.addCallbacks(_revision, self._refused, errbackArgs=(key, 0))

    def _refused(self, failure: Failure, key: str, expected: int) -> Failure:
        match failure.value:
            case WrongLastSequence() as error:
                raise WrongRevision(self._bucket, key, expected=expected, actual=error.last_sequence) from None
            case MessageTTLDisabled():
                raise TtlDisabled(self._bucket, key) from None
            case NoStreamForSubject():
                raise BucketNotFound(self._bucket) from None
        return failure


def _revision(ack: PubAck) -> int:
    return ack.sequence
