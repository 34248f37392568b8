"""Writes to a bucket: what is published for each, and what a refusal means."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from ..errors import NatsError
from ..headers import HeaderSource
from ..jetstream.context import JetStream
from ..jetstream.error_codes import MessageTTLDisabled
from ..jetstream.errors import NoStreamForSubject, WrongLastSequence
from ..jetstream.publish.ack import PubAck
from ..jetstream.publish.headers import Expect, Ttl
from ..jetstream.publish.outgoing import Outgoing
from ..jetstream.publish.publishing import Publishing
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

    __slots__ = ("_bucket", "_outgoing", "_prefix", "_publish", "_timeout")

    def __init__(self, js: JetStream, bucket: str, prefix: str, timeout: float | None = None) -> None:
        self._outgoing = js.outgoing
        self._publish = js.outgoing.publish
        self._bucket = bucket
        self._prefix = prefix
        self._timeout = timeout

    def put(self, key: str, value: bytes | str) -> Deferred[int]:
        """Write whatever there is; the Deferred fires with the revision."""
        outgoing = self._outgoing
        if outgoing.watch is not None or self._timeout is not None:
            return self._publish(self._prefix + key, value, timeout=self._timeout).addCallbacks(
                _revision, self._refused, errbackArgs=(key, 0)
            )
        put = _Put(self, outgoing, key, self._prefix + key, value)
        try:
            put.start()
        except NatsError:
            return fail()
        return put.done

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
        refusal = self.refusal(failure.value, key, expected)
        return failure if refusal is failure.value else Failure(refusal)

    def refusal(self, error: BaseException | None, key: str, expected: int = 0) -> BaseException | None:
        """Why a write failed, in words of buckets where there are any."""
        match error:
            case WrongLastSequence():
                return WrongRevision(self._bucket, key, expected=expected, actual=error.last_sequence)
            case MessageTTLDisabled():
                return TtlDisabled(self._bucket, key)
            case NoStreamForSubject():
                return BucketNotFound(self._bucket)
        return error


class _Put(Publishing):
    """A write without any condition: it tells its Deferred the revision without a callback in between."""

    __slots__ = ("_key", "_writing", "done")

    def __init__(self, writing: Writing, outgoing: Outgoing, key: str, subject: str, value: bytes | str) -> None:
        super().__init__(outgoing, subject, value, None, has_id=False, timeout=outgoing.api.timeout)
        self._writing = writing
        self._key = key
        self.done: Deferred[int] = Deferred(self._cancelled)

    def _stored(self, ack: PubAck) -> None:
        self.done.callback(ack.sequence)

    def _failed(self, error: BaseException) -> None:
        self.done.errback(self._writing.refusal(error, self._key))

    def _cancelled(self, _: Deferred[int]) -> None:
        self.cancel()


def _revision(ack: PubAck) -> int:
    return ack.sequence
