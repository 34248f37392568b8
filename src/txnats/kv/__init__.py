"""Key-value buckets: shared values with history, watchers, times to live, leases.

::

    from txnats import kv

    bucket = await kv.create(js, kv.BucketConfig("profiles"))
    await bucket.put("sue.color", b"blue")
    entry = await bucket.get("sue.color")
"""

from ..jetstream.watching.errors import WatcherFull
from ..jetstream.watching.watcher import Watcher
from ..jetstream.watching.wish import END_OF_INITIAL, Marker
from .bucket import Bucket
from .buckets import create, create_or_update, delete, names, open, statuses, update  # noqa: A004
from .codecs import Codec, base64_keys, base64_values, chain, path_keys, values
from .config import BucketConfig
from .election import Deposed, Elected, Election, NotElected
from .entry import Entry, Operation
from .errors import (
    BucketExists,
    BucketNotFound,
    CodecFailed,
    InvalidBucket,
    InvalidKey,
    KeyDeleted,
    KeyExists,
    KeyNotFound,
    KeyValueError,
    LeaseHeld,
    LeaseLost,
    SnapshotTorn,
    TooManyKeys,
    TtlDisabled,
    WrongRevision,
)
from .lease import Lease
from .status import BucketStatus

__all__ = [
    "END_OF_INITIAL",
    "Bucket",
    "BucketConfig",
    "BucketExists",
    "BucketNotFound",
    "BucketStatus",
    "Codec",
    "CodecFailed",
    "Deposed",
    "Elected",
    "Election",
    "Entry",
    "InvalidBucket",
    "InvalidKey",
    "KeyDeleted",
    "KeyExists",
    "KeyNotFound",
    "KeyValueError",
    "Lease",
    "LeaseHeld",
    "LeaseLost",
    "Marker",
    "NotElected",
    "Operation",
    "SnapshotTorn",
    "TooManyKeys",
    "TtlDisabled",
    "Watcher",
    "WatcherFull",
    "WrongRevision",
    "base64_keys",
    "base64_values",
    "chain",
    "create",
    "create_or_update",
    "delete",
    "names",
    "open",
    "path_keys",
    "statuses",
    "update",
    "values",
]
