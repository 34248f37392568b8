"""Reading keys, one at a time."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..errors import NoResponders, RequestTimeout
from ..jetstream.assets.stored import StoredMessage, status_error
from ..jetstream.assets.streams import Stream
from ..jetstream.context import JetStream
from ..jetstream.errors import MessageNotFound, StreamNotFound
from ..message import Message
from .coding import Coding
from .config import Places
from .entry import Entry, Operation, from_direct, from_stored
from .errors import BucketNotFound, KeyDeleted, KeyNotFound

FIRST_TRY = 2.0
"""Seconds that a read waits for its first answer."""


class Reading:
    """Reads of one bucket.

    A read is one request to any server that holds the stream. Only when that is not answered comes the way with all
    tries, over ``Stream.get_last``.

    Args:
        js: Where the bucket is.
        bucket: Its name.
        stream: Its stream.
        places: Where its keys are.
        coding: Its codec.
    """

    __slots__ = ("_bucket", "_coding", "_direct", "_prefix", "_request", "_stream", "_timeout")

    def __init__(self, js: JetStream, bucket: str, stream: Stream, places: Places, coding: Coding) -> None:
        self._bucket = bucket
        self._stream = stream
        self._prefix = places.read
        self._coding = coding
        self._request = js.client.request
        self._direct = js.api.subject(f"DIRECT.GET.{stream.name}.{places.read}")
        self._timeout = min(FIRST_TRY, js.api.timeout)

    def get(self, key: str) -> Deferred[Entry]:
        """The value of a key."""
        stored = self._coding.key(key)
        config = self._stream.config
        if not (config.allow_direct or config.mirror_direct):
            return self._with_all_tries(key)
        answer = self._request(self._direct + stored, timeout=self._timeout)
        return answer.addCallbacks(self._told, self._untold, callbackArgs=(key,), errbackArgs=(key,))

    def get_revision(self, key: str, revision: int) -> Deferred[Entry]:
        """A revision of a key."""
        return Deferred.fromCoroutine(self._get_revision(key, revision))

    def stored(self, key: str, *, leader: bool = True) -> Deferred[StoredMessage]:
        """The last message of a key, whatever it is, as the leader has it or as any server does.

        It fails with KeyNotFound.
        """
        return Deferred.fromCoroutine(self._stored(key, leader))

    def last(self, key: str) -> Deferred[Entry]:
        """What happened last to a key, as the leader knows it: it has every write that was acknowledged."""
        return self.stored(key).addCallback(self._entry, key)

    def _told(self, message: Message, key: str) -> Entry:
        if message.status is None:
            return self._living(self._coding.decoded(from_direct(self._bucket, key, message)))
        error = status_error(message)
        raise KeyNotFound(self._bucket, key) if isinstance(error, MessageNotFound) else error

    def _untold(self, failure: Failure, key: str) -> Deferred[Entry]:
        failure.trap(NoResponders, RequestTimeout)
        return self._with_all_tries(key)

    def _with_all_tries(self, key: str) -> Deferred[Entry]:
        return self.stored(key, leader=False).addCallback(self._entry, key).addCallback(self._living)

    def _entry(self, message: StoredMessage, key: str) -> Entry:
        return self._coding.decoded(from_stored(self._bucket, key, message))

    async def _stored(self, key: str, leader: bool) -> StoredMessage:
        try:
            return await self._stream.get_last(self._prefix + self._coding.key(key), direct=False if leader else None)
        except MessageNotFound:
            raise KeyNotFound(self._bucket, key) from None
        except StreamNotFound:
            raise BucketNotFound(self._bucket) from None

    async def _get_revision(self, key: str, revision: int) -> Entry:
        subject = self._prefix + self._coding.key(key)
        try:
            message = await self._stream.get_message(revision)
        except MessageNotFound:
            raise KeyNotFound(self._bucket, key, f"revision {revision} is gone or was never") from None
        except StreamNotFound:
            raise BucketNotFound(self._bucket) from None
        if message.subject != subject:
            raise KeyNotFound(self._bucket, key, f"revision {revision} is of another key")
        return self._living(self._entry(message, key))

    def _living(self, entry: Entry) -> Entry:
        if entry.operation is not Operation.PUT:
            raise KeyDeleted(
                self._bucket, entry.key, operation=entry.operation, revision=entry.revision, reason=entry.reason
            )
        return entry
