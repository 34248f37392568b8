"""A bucket: its keys read, written and watched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar, overload

from twisted.internet.defer import Deferred, fail

from ..errors import InvalidArgument, NatsError
from ..headers import HeaderSource
from ..jetstream.assets.streams import Stream
from ..jetstream.context import JetStream
from ..jetstream.errors import StreamNotFound
from ..jetstream.publish.headers import Ttl
from ..jetstream.watching.watcher import MOST_PENDING, Watcher
from ..jetstream.watching.wish import Marker
from ..options import check_count
from . import naming, purging
from .codecs import PLAIN, Codec
from .coding import Coding
from .config import BucketConfig, Places, bucket_config
from .election import Election
from .entry import Entry, Operation, from_stored
from .errors import (
    BucketNotFound,
    KeyExists,
    KeyNotFound,
    TooManyKeys,
    TtlDisabled,
    WrongRevision,
)
from .lease import Lease
from .reading import Reading
from .snapshot import MOST_KEYS, snapshot
from .status import BucketStatus, status_of
from .wishes import Wish
from .writing import Writing

FIRST_TRY = 2.0
"""Seconds that a read waits for its first answer."""
_TRIES_TO_CREATE = 5
Item = TypeVar("Item")


class Bucket:
    """A bucket that stands. Made by ``kv.create``, ``kv.open`` and their kin. It holds nothing that must be closed.

    Reads may be answered by any replica, which can be a moment behind a write; ``BucketConfig.allow_direct=False``
    makes the leader answer. Every write that expects a revision is decided by the leader.

    Args:
        js: Where it is.
        stream: The stream that it is.
        places: Where its keys are read and written.
        codec: Turns keys and values on their way.

    Attributes:
        name: Its name.
        js: As given.
        coding, reading, writing: Its parts, for what is built on it.
    """

    def __init__(self, js: JetStream, stream: Stream, places: Places, codec: Codec = PLAIN) -> None:
        self.js = js
        self.name = naming.bucket_of(stream.name)
        self._stream = stream
        self._places = places
        self.coding = Coding(self.name, codec)
        self.reading = Reading(js, self.name, stream, places, self.coding)
        self.writing = Writing(js, self.name, places.write)

    @property
    def config(self) -> BucketConfig:
        """How it was set up when it was asked last."""
        return bucket_config(self._stream.config)

    def with_codec(self, codec: Codec) -> Bucket:
        """The same bucket, whose keys and values go through a codec."""
        return Bucket(self.js, self._stream, self._places, codec)

    # Reading

    def get(self, key: str, revision: int | None = None) -> Deferred[Entry]:
        """Read a key.

        Args:
            key: Which one.
            revision: Read this revision of it instead of the last.

        Returns:
            A Deferred that fails with KeyNotFound, or KeyDeleted when a delete or purge, or the end of its time, was
            the last that happened to it.
        """
        try:
            if revision is not None:
                return self.reading.get_revision(key, check_count("revision", revision, 2**63 - 1))
            return self.reading.get(key)
        except NatsError:
            return fail()

    def get_many(self, *keys: str) -> Deferred[dict[str, Entry]]:
        """Read many keys as they are at one moment: a consistent snapshot. Needs nats-server 2.11.

        Args:
            keys: Keys, and filters with ``*`` and ``>``; none for all. At most 1,024 keys may match.

        Returns:
            A Deferred of the entries by key; keys without a value are left out. It fails with TooManyKeys, and with
            SnapshotTorn when keys without history change so fast that it cannot be had.
        """
        return Deferred.fromCoroutine(self._get_many(keys))

    async def _get_many(self, keys: tuple[str, ...]) -> dict[str, Entry]:
        if len(keys) > MOST_KEYS:
            raise TooManyKeys(self.name)
        prefix = self._places.read
        subjects = [prefix + each for each in self.coding.filters(keys)]
        found = await snapshot(self.js, self.name, self._places.stream, subjects)
        entries = {}
        for message in found:
            entry = self.coding.decoded_with_key(from_stored(self.name, message.subject[len(prefix) :], message))
            if not entry.is_deleted:
                entries[entry.key] = entry
        return entries

    # Writing

    def put(self, key: str, value: bytes | str) -> Deferred[int]:
        """Write a key, whatever it holds; the Deferred fires with the new revision.

        It fails with PublishOutcomeUnknown when its answer is lost: written again it may undo what another one wrote
        in between, which only the caller can judge.
        """
        try:
            return self.writing.put(self.coding.key(key), self.coding.value(value))
        except NatsError:
            return fail()

    def create(self, key: str, value: bytes | str, ttl: Ttl | None = None) -> Deferred[int]:
        """Write a key that has no value: it never had one, or it was deleted, purged or has expired.

        Args:
            key: Which one.
            value: Its value.
            ttl: Seconds from 1 on after which it expires, or "never"; an update without one keeps it for good.

        Returns:
            A Deferred of the revision, which fails with KeyExists, or TtlDisabled.
        """
        return Deferred.fromCoroutine(self._create(key, value, ttl))

    def create_with(self, key: str, value: bytes | str, ttl: Ttl, headers: HeaderSource) -> Deferred[int]:
        """As ``create``, with headers."""
        return Deferred.fromCoroutine(self._create(key, value, ttl, headers))

    async def _create(self, key: str, value: bytes | str, ttl: Ttl | None, headers: HeaderSource | None = None) -> int:
        stored, data = self.coding.key(key), self.coding.value(value)
        await self._check_ttl(key, ttl)
        expected = 0
        for _ in range(_TRIES_TO_CREATE):
            try:
                return await self.writing.put_if(stored, data, expected, ttl=ttl, headers=headers)
            except WrongRevision:
                pass
            try:
                # The leader, who has refused, knows what is there; a replica may not know it yet.
                entry = await self.reading.last(key)
            except KeyNotFound:
                expected = 0
                continue
            if not entry.is_deleted:
                raise KeyExists(self.name, key, entry.revision)
            expected = entry.revision
        raise KeyExists(self.name, key, expected)

    def update(self, key: str, value: bytes | str, revision: int) -> Deferred[int]:
        """Write a key if it is at this revision: compare and set. It fails with WrongRevision.

        A time to live that the key had ends with this.
        """
        try:
            return self.writing.put_if(self.coding.key(key), self.coding.value(value), _revision(revision))
        except NatsError:
            return fail()

    def delete(self, key: str, revision: int | None = None) -> Deferred[int]:
        """Delete a key; its history stays.

        Args:
            key: Which one.
            revision: Only if it is at this one, else WrongRevision.

        Returns:
            A Deferred of the revision of the delete.
        """
        try:
            expected = None if revision is None else _revision(revision)
            return self.writing.end(self.coding.key(key), Operation.DELETE, revision=expected)
        except NatsError:
            return fail()

    def purge(self, key: str, ttl: Ttl | None = None, revision: int | None = None) -> Deferred[int]:
        """Delete a key with its history.

        Args:
            key: Which one.
            ttl: Seconds after which the trace of the purge itself goes.
            revision: Only if it is at this one, else WrongRevision.

        Returns:
            A Deferred of the revision of the purge.
        """
        return Deferred.fromCoroutine(self._purge(key, ttl, revision))

    async def _purge(self, key: str, ttl: Ttl | None, revision: int | None) -> int:
        stored = self.coding.key(key)
        await self._check_ttl(key, ttl)
        expected = None if revision is None else _revision(revision)
        return await self.writing.end(stored, Operation.PURGE, revision=expected, ttl=ttl)

    def purge_deletes(self, older_than: float = 1800.0) -> Deferred[int]:
        """Drop the history of all keys that are deleted, and the deletes themselves when they are old enough.

        Args:
            older_than: Seconds; a younger delete stays, so that watchers that are away hear of it. Negative for all.

        Returns:
            A Deferred of the number of messages that went.
        """
        if isinstance(older_than, bool) or not isinstance(older_than, (int, float)):
            return fail(InvalidArgument(f"older_than is seconds, not {older_than!r:.80}"))
        entries = Watcher(self.js, self._wish((">",), lambda entry: entry, meta_only=True, ends=True))
        return Deferred.fromCoroutine(purging.purge_deletes(entries, self._stream, self._places.read, older_than))

    # Watching

    @overload
    def watch(
        self,
        *keys: str,
        history: bool = ...,
        ignore_deletes: bool = ...,
        meta_only: bool = ...,
        updates_only: bool = ...,
        from_revision: int | None = ...,
        handler: Callable[[Entry], object] | None = ...,
        pending: int = ...,
        marker: Literal[False] = ...,
    ) -> Watcher[Entry]: ...
    @overload
    def watch(
        self,
        *keys: str,
        history: bool = ...,
        ignore_deletes: bool = ...,
        meta_only: bool = ...,
        updates_only: bool = ...,
        from_revision: int | None = ...,
        handler: Callable[[Entry | Marker], object] | None = ...,
        pending: int = ...,
        marker: Literal[True],
    ) -> Watcher[Entry | Marker]: ...
    def watch(
        self,
        *keys: str,
        history: bool = False,
        ignore_deletes: bool = False,
        meta_only: bool = False,
        updates_only: bool = False,
        from_revision: int | None = None,
        handler: Callable[..., object] | None = None,
        pending: int = MOST_PENDING,
        marker: bool = False,
    ) -> Watcher[Entry] | Watcher[Entry | Marker]:
        """Watch keys: first the values that are there, then every change, over reconnects and elections.

        ``async for entry in bucket.watch("user.*")``; ``await watcher.ready`` waits for the end of the initial values.

        Args:
            keys: Keys, and filters with ``*`` and ``>``; none for all.
            history: Begin with all revisions that are kept, not only the last of each key.
            ignore_deletes: Tell of values only.
            meta_only: Without the values.
            updates_only: Without the initial values.
            from_revision: Begin with this revision: what happened since, of each key all that is kept.
            handler: Called with each entry, one after the other; may return a Deferred or be a coroutine function.
                None to read the watcher as an iterator.
            pending: Entries that may wait here; beyond that the server waits.
            marker: Give out ``kv.END_OF_INITIAL`` at the end of the initial values.

        Raises:
            InvalidKey, InvalidOption: Nothing was asked.
        """
        check_count("pending", pending)
        wish = self._wish(
            self.coding.filters(keys),
            self.coding.decoded_with_key,
            history=history,
            ignore_deletes=ignore_deletes,
            meta_only=meta_only,
            updates_only=updates_only,
            from_revision=from_revision,
            marker=marker,
        )
        return Watcher(self.js, wish, handler=handler, most=pending)

    def _wish(self, filters: tuple[str, ...], turn: Callable[[Entry], Item], **options: Any) -> Wish[Item]:
        return Wish(self.name, self._places, filters, turn, **options)

    def keys(self, *filters: str) -> Watcher[str]:
        """The keys that have a value, as an iterator; the server does the filtering.

        Args:
            filters: Keys, and filters with ``*`` and ``>``; none for all.

        Raises:
            InvalidKey: Nothing was asked.
        """
        options = {"ignore_deletes": True, "meta_only": True, "ends": True, "keys_only": True}
        return Watcher(self.js, self._wish(self.coding.filters(filters), self.coding.decoded_key, **options))

    def history(self, key: str) -> Watcher[Entry]:
        """All revisions of a key that are kept, oldest first, deletes too, as an iterator that ends.

        ``await bucket.history(key).collect()`` for a list.

        Raises:
            InvalidKey: Nothing was asked.
        """
        wanted = (self.coding.key(key),)
        return Watcher(self.js, self._wish(wanted, self.coding.decoded_with_key, history=True, ends=True))

    # Leases

    def lease(self, key: str, ttl: float, *, holder: bytes | str | None = None, timeout: float | None = None) -> Lease:
        """A lease on a key: ``async with bucket.lease("job", ttl=5.0) as lease``. See ``kv.Lease``.

        Args:
            key: What is leased.
            ttl: Seconds, from 1 on, after which it is free again when its holder is gone.
            holder: What others read as the key's value while it is held; must not be shared by two.
            timeout: Seconds to wait for it; None without an end, 0 to take it at once or fail with LeaseHeld.
        """
        return Lease(self, key, ttl, holder=holder, timeout=timeout)

    def elect(self, key: str, ttl: float = 10.0, *, candidate: bytes | str | None = None) -> Election:
        """Run for leader, again and again until it is closed. See ``kv.Election``.

        Args:
            key: What is led.
            ttl: Seconds after which a leader that is gone is replaced.
            candidate: What others read as the leader's name.
        """
        return Election(self, key, ttl, candidate=candidate)

    # The bucket

    def status(self) -> Deferred[BucketStatus]:
        """What it is and holds."""
        return Deferred.fromCoroutine(self._status())

    async def _status(self) -> BucketStatus:
        try:
            info = await self._stream.info()
        except StreamNotFound:
            raise BucketNotFound(self.name) from None
        return status_of(info)

    def on_change(self, key: str, told: Callable[[Entry], object]) -> Watcher[Entry]:
        """Watch one key without its values."""
        return self.watch(key, meta_only=True, handler=told)

    def check_ttl(self, key: str) -> Deferred[None]:
        """Fails with TtlDisabled when keys cannot have a time to live of their own here."""
        return Deferred.fromCoroutine(self._check_ttl(key, 1))

    async def _check_ttl(self, key: str, ttl: Ttl | None) -> None:
        """An old server would take no notice of a time to live, so it is known before."""
        if ttl is None or self._stream.config.allow_msg_ttl:
            return
        info = await self._stream.info()  # it may have been updated since
        if not info.config.allow_msg_ttl:
            raise TtlDisabled(self.name, key)

    def __repr__(self) -> str:
        return f"<Bucket {self.name!r} of {self.js!r}>"


def _revision(revision: int) -> int:
    return revision if revision == 0 else check_count("revision", revision, 2**63 - 1)
