"""Object stores: files of any size in a stream, in chunks, with a digest.

::

    from txnats import objectstore

    store = await objectstore.create(js, objectstore.StoreConfig("files"))
    await store.put("report.pdf", Path("report.pdf"))
    data = await store.get("report.pdf")
"""

from ..jetstream.watching.errors import WatcherFull
from ..jetstream.watching.watcher import Watcher
from ..jetstream.watching.wish import END_OF_INITIAL, Marker
from .config import StoreConfig
from .errors import (
    BadMeta,
    ChunksMissing,
    DigestMismatch,
    InvalidName,
    InvalidStore,
    LinkIsStore,
    LinkLoop,
    LinkToLink,
    ObjectChanged,
    ObjectDamaged,
    ObjectDeleted,
    ObjectExists,
    ObjectNotFound,
    ObjectStoreError,
    SizeMismatch,
    SourceFailed,
    StoreExists,
    StoreNotFound,
    StoreSealed,
)
from .info import ObjectInfo, ObjectLink
from .reader import ObjectReader
from .sinks import SinkStopped
from .status import StoreStatus
from .store import ObjectConsumer, ObjectStore
from .stores import create, create_or_update, delete, names, open, statuses, update  # noqa: A004

__all__ = [
    "END_OF_INITIAL",
    "BadMeta",
    "ChunksMissing",
    "DigestMismatch",
    "InvalidName",
    "InvalidStore",
    "LinkIsStore",
    "LinkLoop",
    "LinkToLink",
    "Marker",
    "ObjectChanged",
    "ObjectConsumer",
    "ObjectDamaged",
    "ObjectDeleted",
    "ObjectExists",
    "ObjectInfo",
    "ObjectLink",
    "ObjectNotFound",
    "ObjectReader",
    "ObjectStore",
    "ObjectStoreError",
    "SinkStopped",
    "SizeMismatch",
    "SourceFailed",
    "StoreConfig",
    "StoreExists",
    "StoreNotFound",
    "StoreSealed",
    "StoreStatus",
    "Watcher",
    "WatcherFull",
    "create",
    "create_or_update",
    "delete",
    "names",
    "open",
    "statuses",
    "update",
]
