"""Objects put into a store: wholly, or not at all.

The chunks go first, under a name of their own. What is told of the object comes last, and only if nobody else has
written it meanwhile: else what the other one wrote is read, and replaced in turn. Whatever is replaced is dropped with
its chunks, by whoever replaced it.

Source: ADR-20; that the last step compares is an addition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger, LogLevel

from ..errors import InvalidArgument, InvalidOption, NatsError
from ..jetstream.assets.streams import Stream
from ..jetstream.context import JetStream
from ..nuid import next_nuid
from ..options import check_count
from ..state.waiters import Waiters
from .errors import ObjectChanged, SourceFailed, StoreSealed
from .hashing import threads_of
from .info import CHUNK_SIZE, ObjectInfo
from .metas import Metas
from .naming import check_name, chunk_subject
from .sources import Source, source_of
from .uploading import Progress, Upload, purge

ROOM_FOR_HEADERS = 1024
"""Bytes of a message's maximum that a chunk leaves for its headers."""
MOST_CHUNK_SIZE = 64 * 1024 * 1024
TRIES = 100
"""Times that another writer may be first."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of an object that is put, as its caller has said."""

    name: str
    description: str = ""
    metadata: Mapping[str, str] = {}
    headers: Mapping[str, list[str]] = {}
    chunk_size: int = CHUNK_SIZE


def wanted(
    name: str,
    *,
    description: str = "",
    metadata: Mapping[str, str] | None = None,
    headers: Mapping[str, str | Iterable[str]] | None = None,
    chunk_size: int = CHUNK_SIZE,
    max_payload: int = 2 * MOST_CHUNK_SIZE,
) -> Wanted:
    """What the caller has said, checked.

    Raises:
        InvalidArgument: No object can be so.
    """
    check_count("chunk_size", chunk_size, MOST_CHUNK_SIZE)
    if chunk_size > max_payload - ROOM_FOR_HEADERS:
        raise InvalidOption(f"chunk_size is {chunk_size:,}", why=f"the server takes messages of {max_payload:,} bytes")
    return Wanted(
        name=check_name(name),
        description=description,
        metadata=texts("metadata", metadata),
        headers={each: _values(value) for each, value in (headers or {}).items()},
        chunk_size=chunk_size,
    )


def texts(what: str, pairs: Mapping[str, str] | None) -> dict[str, str]:
    """Names and values that are text.

    Raises:
        InvalidArgument: Others are among them.
    """
    for name, value in (pairs or {}).items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise InvalidArgument(f"{what} are names and values of text, not {name!r:.40}: {value!r:.40}")
    return dict(pairs or {})


class Putting:
    """Puts objects into one store, and cleans up behind those that failed.

    Args:
        js: Where the store is.
        store: Its name.
        stream: Its stream.
        metas: What is told of its objects.
    """

    log = Logger()

    def __init__(self, js: JetStream, store: str, stream: Stream, metas: Metas) -> None:
        self._js = js
        self._store = store
        self._stream = stream
        self._metas = metas
        self._cleaning = 0
        self._clean: Waiters[None] = Waiters()

    async def put(
        self, what: Wanted, given: Any, progress: Progress | None = None, timeout: float | None = None
    ) -> ObjectInfo:
        """Put an object."""
        if self._stream.config.sealed:
            raise StoreSealed(self._store, what.name)
        source = self._opened(what, given)
        nuid = next_nuid()
        upload = Upload(
            self._js,
            self._stream,
            chunk_subject(self._store, nuid),
            chunk_size=what.chunk_size,
            progress=progress,
            timeout=timeout,
            run=threads_of(self._js.client.clock),
        )
        try:
            old = await self._metas.last(what.name, leader=True)
            await self._uploaded(what, upload, source)
            info, replaced = await self._told(what, upload, nuid, old, timeout)
        except BaseException:
            self.clean_up(nuid, upload.settled())
            raise
        finally:
            source.close()
        if replaced:
            await self.drop_chunks(replaced)
        return info

    def _opened(self, what: Wanted, given: Any) -> Source:
        try:
            return source_of(given)
        except NatsError:
            raise
        except Exception as error:
            raise SourceFailed(self._store, what.name, error) from error

    async def _uploaded(self, what: Wanted, upload: Upload, source: Source) -> None:
        try:
            await upload.run(source)
        except NatsError:
            raise
        except Exception as error:
            if _is_cancelling(error):
                raise
            raise SourceFailed(self._store, what.name, error) from error

    async def _told(
        self, what: Wanted, upload: Upload, nuid: str, old: ObjectInfo | None, timeout: float | None
    ) -> tuple[ObjectInfo, str]:
        """Tell of the object; with what it has replaced."""
        cutter = upload.cutter
        info = ObjectInfo(
            name=what.name,
            store=self._store,
            nuid=nuid,
            size=cutter.total,
            chunks=cutter.chunks,
            digest=upload.digest,
            description=what.description,
            metadata=what.metadata,
            headers=what.headers,
            chunk_size=what.chunk_size,
        )
        for _ in range(TRIES):
            try:
                stored = await self._metas.write(info, old.revision if old is not None else 0, timeout)
            except ObjectChanged:
                old = await self._metas.last(what.name, leader=True)
            else:
                return stored, old.nuid if old is not None and not old.is_link else ""
        raise ObjectChanged(self._store, what.name)

    # What is left behind

    async def drop_chunks(self, nuid: str) -> None:
        """Drop the chunks of what is no object any more. When that fails they are left to ``purge_orphans``."""
        error = await purge(self._stream, chunk_subject(self._store, nuid))
        if error is not None:
            self.log.emit(
                LogLevel.warn,
                "chunks {nuid} are left in {store}, purge_orphans drops them: {error}",
                nuid=nuid,
                store=self._store,
                error=error,
            )

    def clean_up(self, nuid: str, settled: Deferred[Any]) -> None:
        """Drop what a put that failed has stored, when nothing of it is on its way any more."""
        self._cleaning += 1
        Deferred.fromCoroutine(self._cleaned(nuid, settled)).addBoth(self._is_clean)

    async def _cleaned(self, nuid: str, settled: Deferred[Any]) -> None:
        await settled
        await self.drop_chunks(nuid)

    def _is_clean(self, _: object) -> None:
        self._cleaning -= 1
        if not self._cleaning:
            self._clean.tell(None)

    def when_clean(self) -> Deferred[None]:
        """Fires when nothing is left of puts that failed."""
        waiting = self._clean.wait()
        if not self._cleaning:
            self._clean.tell(None)
        return waiting


def _values(value: str | Iterable[str]) -> list[str]:
    values = [value] if isinstance(value, str) else list(value)
    if not all(isinstance(each, str) for each in values):
        raise InvalidArgument("headers are text, or lists of texts")
    return values


def _is_cancelling(error: BaseException) -> bool:
    """Whether somebody wants the put no more, rather than its source fails."""
    return isinstance(error, CancelledError)
