"""Chunks that belong to no object."""

from __future__ import annotations

from datetime import UTC, datetime

from ..jetstream.assets.streams import Stream
from ..jetstream.context import JetStream
from ..jetstream.errors import MessageNotFound
from ..jetstream.watching.watcher import Watcher
from .info import ObjectInfo
from .naming import all_chunks, chunk_subject
from .uploading import purge
from .wishes import MetaWish


async def purge_orphans(js: JetStream, store: str, stream: Stream, older_than: float) -> int:
    """As ``ObjectStore.purge_orphans``.

    The chunks are looked at first, and then the objects: a put that ends in between is known by then.
    """
    prefix = all_chunks(store).removesuffix(">")
    held = (await stream.info(subjects=all_chunks(store))).state.subjects
    found = {subject.removeprefix(prefix) for subject in held}
    if not found:
        return 0
    watcher: Watcher[ObjectInfo] = Watcher(js, MetaWish(store, ends=True))
    known = {info.nuid async for info in watcher if not info.deleted and not info.is_link}
    dropped = 0
    for nuid in sorted(found - known):
        subject = chunk_subject(store, nuid)
        if not await _is_old(stream, subject, older_than):
            continue
        error = await purge(stream, subject)
        if error is not None:
            raise error
        dropped += 1
    return dropped


async def _is_old(stream: Stream, subject: str, older_than: float) -> bool:
    """Whether its last chunk was stored so long ago."""
    if not older_than:
        return True
    try:
        last = await stream.get_last(subject)
    except MessageNotFound:
        return False  # it has gone meanwhile
    return (datetime.now(UTC) - last.timestamp).total_seconds() >= older_than
