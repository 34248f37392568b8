"""An object store: objects put, got, listed, watched, linked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, overload

from twisted.internet.defer import Deferred, fail

from ..errors import InvalidOption, NatsError
from ..jetstream.assets.streams import Stream
from ..jetstream.context import JetStream
from ..jetstream.errors import StreamNotFound
from ..jetstream.watching.watcher import MOST_PENDING, Watcher
from ..jetstream.watching.wish import Marker
from ..options import check_count
from . import links
from .errors import ObjectChanged, ObjectExists, StoreNotFound, StoreSealed
from .getting import Getting
from .info import CHUNK_SIZE, ObjectInfo, ObjectLink
from .metas import Metas
from .naming import check_name, meta_subject, store_of
from .orphans import purge_orphans
from .putting import Putting, wanted
from .reader import ObjectReader
from .sources import Inlet
from .status import StoreStatus, status_of
from .uploading import Progress
from .wishes import MetaWish

TRIES = 5
"""Times that another writer may be first."""


class ObjectStore:
    """An object store that stands. Made by ``objectstore.create``, ``open`` and their kin.

    Args:
        js: Where it is.
        stream: The stream that it is.

    Attributes:
        name: Its name.
        js: As given.
    """

    def __init__(self, js: JetStream, stream: Stream) -> None:
        self.js = js
        self.name = store_of(stream.name)
        self._stream = stream
        self._metas = Metas(js, self.name, stream)
        self._getting = Getting(js, self.name, self._metas)
        self._putting = Putting(js, self.name, stream, self._metas)

    # Putting

    def put(
        self,
        name: str,
        source: Any,
        *,
        chunk_size: int = CHUNK_SIZE,
        description: str = "",
        metadata: Mapping[str, str] | None = None,
        headers: Mapping[str, str | Iterable[str]] | None = None,
        progress: Progress | None = None,
        timeout: float | None = None,
    ) -> Deferred[ObjectInfo]:
        """Put an object, in place of one of that name. It is there as a whole, or not at all.

        About 4 MiB are on their way at a time, and no more of the source is read than that.

        Args:
            name: Any text.
            source: Bytes, a ``pathlib.Path``, a file opened in binary mode, an iterable or async iterable of bytes, or
                an IBodyProducer. For another Twisted producer see ``consumer``.
            chunk_size: Bytes of each message that it is stored in.
            description: Words.
            metadata: Your own.
            headers: Your own, several values a name.
            progress: Called with the bytes that are stored so far and the total, None when that is not known.
            timeout: Seconds for each chunk with all its tries, instead of the context's.

        Returns:
            A Deferred of what is told of it, which fails with SourceFailed when the source does, with StoreSealed,
            with InvalidArgument, or with what ``JetStream.publish`` fails with. After a failure, and when it is
            cancelled, what was stored so far is dropped behind the scenes: ``when_clean`` tells when that is done.
        """
        try:
            what = wanted(
                name,
                description=description,
                metadata=metadata,
                headers=headers,
                chunk_size=chunk_size,
                max_payload=self.js.client.server_info.max_payload,
            )
        except NatsError:
            return fail()
        return Deferred.fromCoroutine(self._putting.put(what, source, progress, timeout))

    def consumer(self, name: str, **options: Any) -> ObjectConsumer:
        """A Twisted consumer that stores what is written to it: register a producer with it.

        ``FileSender().beginFileTransfer(file, consumer)``; then ``await consumer.stored``.

        Args:
            name: The object's name.
            options: As for ``put``.
        """
        consumer = ObjectConsumer()
        consumer.stored = self.put(name, consumer, **options)
        return consumer

    def when_clean(self) -> Deferred[None]:
        """Fires when nothing is left of puts that failed or were cancelled."""
        return self._putting.when_clean()

    # Getting

    @overload
    def get(
        self, name: str, sink: None = ..., *, progress: Progress | None = ..., follow_links: bool = ...
    ) -> Deferred[bytes]: ...
    @overload
    def get(
        self, name: str, sink: Any, *, progress: Progress | None = ..., follow_links: bool = ...
    ) -> Deferred[ObjectInfo]: ...
    def get(
        self, name: str, sink: Any = None, *, progress: Progress | None = None, follow_links: bool = True
    ) -> Deferred[Any]:
        """Get an object.

        Args:
            name: Which one; a link leads to another.
            sink: None for bytes, a ``pathlib.Path`` (the file is there when all of it is right, and not before), a file
                opened in binary mode, or a Twisted consumer, which is written to as fast as it takes it.
            progress: Called with the bytes that came so far and the total.
            follow_links: Whether a link is followed.

        Returns:
            A Deferred of the bytes, or of what is told of the object when there is a sink. It fails with
            ObjectNotFound, with DigestMismatch or another ObjectDamaged, with ObjectChanged when it is overwritten
            meanwhile, or with what the sink raises. A consumer learns of a failure by its ``failed(error)``, if it has
            that, else its connection is aborted: what was written to it is not the object.
        """
        return Deferred.fromCoroutine(self._getting.get(name, sink, progress, follow_links))

    def read(
        self, name: str, *, start: int = 0, length: int | None = None, progress: Progress | None = None
    ) -> Deferred[ObjectReader]:
        """Read an object, or a part of it, chunk by chunk: ``async for chunk in await store.read(name)``.

        Args:
            name: Which one; a link leads to another.
            start: The first byte that is wanted.
            length: How many are; None for all to the end.
            progress: Called with the bytes that came so far, and how many are wanted.

        Returns:
            A Deferred of the iterator; it reads no further ahead than about 4 MiB.
        """
        return Deferred.fromCoroutine(self._getting.read(name, start, length, progress))

    def info(self, name: str, *, include_deleted: bool = False) -> Deferred[ObjectInfo]:
        """What is told of an object; of a link it is the link. It fails with ObjectNotFound, or ObjectDeleted."""
        return Deferred.fromCoroutine(self._info(name, include_deleted))

    async def _info(self, name: str, include_deleted: bool) -> ObjectInfo:
        info = await self._metas.last(name) if include_deleted else None
        return info if info is not None else await self._metas.living(name)

    # Listing and watching

    def list(self, *, include_deleted: bool = False) -> Watcher[ObjectInfo]:
        """What is told of all objects, as an iterator that ends; ``await store.list().collect()`` for a list."""
        wish = MetaWish(self.name, ignore_deletes=not include_deleted, ends=True)
        return Watcher(self.js, wish)

    @overload
    def watch(
        self,
        *,
        ignore_deletes: bool = ...,
        updates_only: bool = ...,
        history: bool = ...,
        handler: Callable[[ObjectInfo], object] | None = ...,
        pending: int = ...,
        marker: Literal[False] = ...,
    ) -> Watcher[ObjectInfo]: ...
    @overload
    def watch(
        self,
        *,
        ignore_deletes: bool = ...,
        updates_only: bool = ...,
        history: bool = ...,
        handler: Callable[[ObjectInfo | Marker], object] | None = ...,
        pending: int = ...,
        marker: Literal[True],
    ) -> Watcher[ObjectInfo | Marker]: ...
    def watch(
        self,
        *,
        ignore_deletes: bool = False,
        updates_only: bool = False,
        history: bool = False,
        handler: Callable[..., object] | None = None,
        pending: int = MOST_PENDING,
        marker: bool = False,
    ) -> Watcher[Any]:
        """Watch the objects: first what is told of each, then every change, over reconnects and elections.

        Args:
            ignore_deletes: Tell of living objects only.
            updates_only: Without what is there at the beginning.
            history: Begin with all that was told and is kept.
            handler: Called with each, one after the other; may return a Deferred or be a coroutine function.
            pending: How many may wait here; beyond that the server waits.
            marker: Give out ``objectstore.END_OF_INITIAL`` at the end of what is there at the beginning.
        """
        check_count("pending", pending)
        wish = MetaWish(
            self.name, ignore_deletes=ignore_deletes, updates_only=updates_only, history=history, marker=marker
        )
        return Watcher(self.js, wish, handler=handler, most=pending)

    # Changing

    def delete(self, name: str) -> Deferred[ObjectInfo]:
        """Delete an object with its bytes; a link alone, and not what it leads to. It fails with ObjectNotFound."""
        return Deferred.fromCoroutine(self._delete(name))

    async def _delete(self, name: str) -> ObjectInfo:
        self._check_open(name)
        for left in reversed(range(TRIES)):
            info = await self._metas.living(name, leader=True)
            gone = info.replace(deleted=True, size=0, chunks=0, digest="", link=None)
            try:
                gone = await self._metas.write(gone, info.revision)
            except ObjectChanged:
                if not left:
                    raise
                continue
            if info.nuid and not info.is_link:
                await self._putting.drop_chunks(info.nuid)
            return gone
        raise ObjectChanged(self.name, name)

    def update_meta(
        self,
        name: str,
        *,
        new_name: str | None = None,
        description: str | None = None,
        metadata: Mapping[str, str] | None = None,
        headers: Mapping[str, str | Iterable[str]] | None = None,
    ) -> Deferred[ObjectInfo]:
        """Change what is told of an object, and not its bytes. What is None stays.

        Args:
            name: Which one.
            new_name: Rename it; there must be no living object of that name.
            description: Words.
            metadata: Your own.
            headers: Your own.

        Returns:
            A Deferred which fails with ObjectNotFound, ObjectExists, or ObjectChanged.
        """
        return Deferred.fromCoroutine(self._update_meta(name, new_name, description, metadata, headers))

    def rename(self, name: str, new_name: str) -> Deferred[ObjectInfo]:
        """Rename an object; there must be no living one of the new name."""
        return self.update_meta(name, new_name=new_name)

    async def _update_meta(
        self,
        name: str,
        new_name: str | None,
        description: str | None,
        metadata: Mapping[str, str] | None,
        headers: Mapping[str, str | Iterable[str]] | None,
    ) -> ObjectInfo:
        self._check_open(name)
        given = wanted(new_name or name, description=description or "", metadata=metadata, headers=headers)
        info = await self._metas.living(name, leader=True)
        changed = info.replace(
            name=given.name,
            description=info.description if description is None else description,
            metadata=info.metadata if metadata is None else given.metadata,
            headers=info.headers if headers is None else given.headers,
        )
        if given.name == name:
            return await self._metas.write(changed, info.revision)
        there = await self._metas.last(given.name, leader=True)
        if there is not None and not there.deleted:
            raise ObjectExists(self.name, given.name)
        stored = await self._metas.write(changed, there.revision if there is not None else 0)
        await self._stream.purge(meta_subject(self.name, name), sequence=info.revision + 1)
        return stored

    # Links

    def add_link(self, name: str, target: ObjectInfo) -> Deferred[ObjectInfo]:
        """Link to an object, of this store or another one.

        Args:
            name: The link's name; a link of that name is replaced, a living object is not.
            target: What is told of the object: ``await store.info(...)``. It must not be deleted, nor a link itself.
        """
        return Deferred.fromCoroutine(self._link(name, lambda: links.to_object(target)))

    def add_bucket_link(self, name: str, store: ObjectStore | str) -> Deferred[ObjectInfo]:
        """Link to a whole store; as ``add_link``."""
        target = store.name if isinstance(store, ObjectStore) else store
        return Deferred.fromCoroutine(self._link(name, lambda: links.to_store(target)))

    async def _link(self, name: str, make: Callable[[], ObjectLink]) -> ObjectInfo:
        self._check_open(check_name(name))
        link = make()
        there = await self._metas.last(name, leader=True)
        if there is not None and not there.deleted and not there.is_link:
            raise ObjectExists(self.name, name)
        info = links.link_info(self.name, name, link)
        return await self._metas.write(info, there.revision if there is not None else 0)

    # The store

    def seal(self) -> Deferred[StoreStatus]:
        """Let nothing in or out any more, for ever."""
        return Deferred.fromCoroutine(self._seal())

    async def _seal(self) -> StoreStatus:
        info = await self._stream.info()
        await self._stream.update(info.config.replace(sealed=True))
        return await self._status()

    def status(self) -> Deferred[StoreStatus]:
        """What it is and holds."""
        return Deferred.fromCoroutine(self._status())

    async def _status(self) -> StoreStatus:
        try:
            return status_of(await self._stream.info())
        except StreamNotFound:
            raise StoreNotFound(self.name) from None

    def purge_orphans(self, older_than: float = 3600.0) -> Deferred[int]:
        """Drop chunks that belong to no object: those of clients that died while they put one.

        Args:
            older_than: Seconds since their last chunk was stored: what is younger may be a put that goes on. 0 for all,
                when nobody puts anything now.

        Returns:
            A Deferred of how many objects' chunks were dropped.
        """
        if isinstance(older_than, bool) or not isinstance(older_than, (int, float)) or older_than < 0:
            return fail(InvalidOption(f"older_than is {older_than!r:.40}", why="it is seconds, at least 0"))
        return Deferred.fromCoroutine(purge_orphans(self.js, self.name, self._stream, older_than))

    def _check_open(self, name: str) -> None:
        if self._stream.config.sealed:
            raise StoreSealed(self.name, name)

    def __repr__(self) -> str:
        return f"<ObjectStore {self.name!r} of {self.js!r}>"


class ObjectConsumer(Inlet):
    """A Twisted consumer whose bytes become an object. Made by ``ObjectStore.consumer``.

    Attributes:
        stored: A Deferred of what is told of the object, when its producer has ended and all is stored.
    """

    stored: Deferred[ObjectInfo]
