"""Reading keys, one at a time."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from ..errors import NatsError, NoResponders, RequestTimeout
from ..inbox import Inbox
from ..jetstream.assets.stored import StoredMessage, status_error
from ..jetstream.assets.streams import Stream
from ..jetstream.context import JetStream
from ..jetstream.errors import MessageNotFound, StreamNotFound
from ..message import Message
from ..observed import ObservedClient
from ..state.requests import NO_RESPONDERS
from .coding import Coding
from .config import Places
from .entry import PUT, Entry, from_direct, from_stored, plain_value
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

    Attributes:
        timeout: Seconds that a read waits for its first answer.
    """

    __slots__ = ("_bucket", "_coding", "_direct", "_inbox", "_prefix", "_request", "_stream", "timeout")

    def __init__(self, js: JetStream, bucket: str, stream: Stream, places: Places, coding: Coding) -> None:
        self._bucket = bucket
        self._stream = stream
        self._prefix = places.read
        self._coding = coding
        self._request = js.client.request if isinstance(js.client, ObservedClient) else None
        self._inbox = js.client.inbox
        self._direct = js.api.subject(f"DIRECT.GET.{stream.name}.{places.read}")
        self.timeout = min(FIRST_TRY, js.api.timeout)

    def get(self, key: str) -> Deferred[Entry]:
        """The value of a key."""
        stored = self._coding.key(key)
        config = self._stream.config
        if not (config.allow_direct or config.mirror_direct):
            return self.with_all_tries(key)
        if self._request is not None:
            answer = self._request(self._direct + stored, timeout=self.timeout)
            return answer.addCallbacks(self.told, self._untold, callbackArgs=(key,), errbackArgs=(key,))
        get = _Get(self, self._inbox, key, self._direct + stored)
        try:
            get.start()
        except NatsError:
            return fail()
        return get.done

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

    def told(self, message: Message, key: str) -> Entry:
        """What a direct answer tells.

        Raises:
            KeyNotFound, KeyDeleted, JetStreamError: There is no value.
        """
        value = plain_value(self._bucket, key, message)
        if value is not None:
            return self._coding.decoded(value)
        if message.status is None:
            return self._living(self._coding.decoded(from_direct(self._bucket, key, message)))
        error = status_error(message)
        raise KeyNotFound(self._bucket, key) if isinstance(error, MessageNotFound) else error

    def _untold(self, failure: Failure, key: str) -> Deferred[Entry]:
        failure.trap(NoResponders, RequestTimeout)
        return self.with_all_tries(key)

    def with_all_tries(self, key: str) -> Deferred[Entry]:
        """The value of a key, asked for until there is time no more."""
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
        if entry.operation is not PUT:
            raise KeyDeleted(
                self._bucket, entry.key, operation=entry.operation, revision=entry.revision, reason=entry.reason
            )
        return entry


class _Get:
    """A direct read that a Deferred waits for: it is told the entry without a callback in between."""

    __slots__ = ("_all_tries", "_inbox", "_key", "_reading", "_token", "done", "subject", "timeout")

    def __init__(self, reading: Reading, inbox: Inbox, key: str, subject: str) -> None:
        self._reading = reading
        self._inbox = inbox
        self._key = key
        self._all_tries: Deferred[Entry] | None = None
        self.subject = subject
        self.timeout = reading.timeout
        self.done: Deferred[Entry] = Deferred(self._cancelled)

    def start(self) -> None:
        """Ask any server that holds the stream."""
        self._token = self._inbox.ask_in_time(self)

    def answered(self, message: Message) -> None:
        try:
            if message.status == NO_RESPONDERS and not message.payload:
                self._try_on()
                return
            entry = self._reading.told(message, self._key)
        except BaseException:  # noqa: BLE001  # the codec's too: whoever waits is told
            self.done.errback()
        else:
            self.done.callback(entry)

    def unanswered(self, error: NatsError) -> None:
        if isinstance(error, RequestTimeout):
            self._try_on()
        else:
            self.done.errback(error)

    def _try_on(self) -> None:
        self._all_tries = self._reading.with_all_tries(self._key)
        self._all_tries.chainDeferred(self.done)

    def _cancelled(self, _: Deferred[Entry]) -> None:
        self._inbox.forget(self._token)
        if self._all_tries is not None:
            self._all_tries.cancel()
