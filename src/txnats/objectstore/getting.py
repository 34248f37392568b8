"""Objects got from a store."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidArgument
from ..jetstream.context import JetStream
from .errors import ChunksMissing, LinkIsStore, LinkLoop, ObjectChanged
from .info import ObjectInfo
from .links import stream_of_store
from .metas import Metas
from .reader import ObjectReader
from .seeking import first_chunk
from .sinks import BytesSink, PathSink, Sink, sink_of
from .uploading import Progress

MOST_LINKS = 16
TRIES = 5
"""Times that a read begins anew because the object is overwritten meanwhile, where nobody has seen anything yet."""


class Getting:
    """Gets the objects of one store.

    Args:
        js: Where it is.
        store: Its name.
        metas: What is told of its objects.
    """

    def __init__(self, js: JetStream, store: str, metas: Metas) -> None:
        self._js = js
        self._store = store
        self._metas = metas

    async def get(self, name: str, given: Any, progress: Progress | None, follow: bool) -> Any:
        """As ``ObjectStore.get``."""
        for left in reversed(range(TRIES)):
            info = await self.found(name, follow)
            sink = sink_of(given)
            try:
                await self._pour(info, sink, progress)
            except ChunksMissing as error:
                sink.failed(error)
                if not await self._has_changed(info):
                    raise
                if not left or not isinstance(sink, (BytesSink, PathSink)):
                    raise ObjectChanged(self._store, name) from None
            except BaseException as error:
                sink.failed(error)
                raise
            else:
                result = sink.done()
                return info if result is None else result
        raise ObjectChanged(self._store, name)

    async def read(self, name: str, start: int, length: int | None, progress: Progress | None) -> ObjectReader:
        """As ``ObjectStore.read``."""
        info = await self.found(name)
        first = await first_chunk(self._js, info, start) if 0 < start < info.size and info.chunks > 1 else None
        return ObjectReader(self._js, info, start=start, length=length, first=first, progress=progress)

    async def found(self, name: str, follow: bool = True) -> ObjectInfo:
        """An object, behind all links."""
        info = await self._metas.living(name)
        for _ in range(MOST_LINKS):
            link = info.link
            if link is None:
                return info
            if not follow:
                raise InvalidArgument("a link has no bytes of its own", where=f"{self._store} > {name}")
            if not link.name:
                raise LinkIsStore(self._store, name, link.store)
            info = await (await self._metas_of(link.store)).living(link.name)
        raise LinkLoop(self._store, name, MOST_LINKS)

    async def _metas_of(self, store: str) -> Metas:
        if store == self._store:
            return self._metas
        return Metas(self._js, store, await stream_of_store(self._js, store))

    async def _pour(self, info: ObjectInfo, sink: Sink, progress: Progress | None) -> None:
        async with ObjectReader(self._js, info, progress=progress) as reader:
            async for chunk in reader:
                await sink.write(chunk)

    async def _has_changed(self, info: ObjectInfo) -> bool:
        """Whether an object is another one now, or gone."""
        now = await (await self._metas_of(info.store)).last(info.name, leader=True)
        return now is None or now.deleted or now.nuid != info.nuid
