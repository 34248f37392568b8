"""What is left of deleted keys, dropped."""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.internet.defer import Deferred, DeferredSemaphore, FirstError, gatherResults

from ..jetstream.assets.streams import Stream
from ..jetstream.watching.watcher import Watcher
from .entry import Entry

AT_A_TIME = 16


async def purge_deletes(entries: Watcher[Entry], stream: Stream, prefix: str, older_than: float) -> int:
    """As ``Bucket.purge_deletes``, of these entries, which are all that there are."""
    ended = [entry async for entry in entries if entry.is_deleted]
    now = datetime.now(UTC).timestamp()
    slots = DeferredSemaphore(AT_A_TIME)

    def purge(entry: Entry) -> Deferred[int]:
        goes = older_than < 0 or now - entry.created.timestamp() >= older_than
        # Up to the delete and no further: the key may have a value again by now.
        before = entry.revision + 1 if goes else entry.revision
        return stream.purge(prefix + entry.key, sequence=before)

    try:
        return sum(await gatherResults([slots.run(purge, entry) for entry in ended], consumeErrors=True))
    except FirstError as error:
        error.subFailure.raiseException()
        raise  # never
