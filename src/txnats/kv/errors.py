"""What can go wrong with a bucket.

::

    NatsError
    ├── KeyValueError
    │   ├── BucketNotFound, BucketExists
    │   ├── KeyNotFound                   it never was, or its history is gone
    │   │   └── KeyDeleted                a delete, a purge or the end of its time is the last that happened to it
    │   ├── KeyExists                     create found a value
    │   ├── WrongRevision                 update or delete found another revision than it expected
    │   ├── TtlDisabled (NotSupported)    the bucket takes no time to live for single keys
    │   ├── TooManyKeys, SnapshotTorn     what one snapshot cannot hold
    │   ├── LeaseHeld, LeaseLost
    │   └── CodecFailed                   a key or value in the bucket is none of the codec's
    ├── WatcherFull                       nobody reads a watcher, so its ``ready`` cannot come
    └── InvalidArgument
        └── InvalidKey, InvalidBucket
"""

from __future__ import annotations

from ..errors import InvalidArgument, NatsError
from ..jetstream.errors import NotSupported


class InvalidBucket(InvalidArgument):
    """A name that no bucket can have."""

    def __init__(self, name: object) -> None:
        super().__init__(f"{name!r:.80} cannot name a bucket", why="only a-z A-Z 0-9 _ and - are allowed")


class InvalidKey(InvalidArgument):
    """A key, or a filter for keys, that no bucket can have."""

    def __init__(self, key: object, why: str = "only a-z A-Z 0-9 - / _ = and single dots inside are allowed") -> None:
        super().__init__(f"{key!r:.80} cannot be a key", why=why, hint="a codec can make keys out of any text")


class KeyValueError(NatsError):
    """The root of all errors of buckets.

    Attributes:
        bucket: Which one.
    """

    def __init__(self, what: str, *, bucket: str, key: str = "", why: str = "", hint: str = "") -> None:
        super().__init__(what, where=f"{bucket} > {key}" if key else bucket, why=why, hint=hint)
        self.bucket = bucket
        self.key = key


class BucketNotFound(KeyValueError):
    """There is no such bucket."""

    def __init__(self, bucket: str) -> None:
        super().__init__("there is no such bucket", bucket=bucket, hint="kv.create makes one")


class BucketExists(KeyValueError):
    """There is such a bucket already, and it is set up otherwise."""

    def __init__(self, bucket: str) -> None:
        super().__init__(
            "the bucket exists and is set up otherwise", bucket=bucket, hint="use create_or_update, or open"
        )


class KeyNotFound(KeyValueError):
    """The bucket has no value for this key.

    Attributes:
        key: Which one.
    """

    def __init__(self, bucket: str, key: str, why: str = "") -> None:
        super().__init__("there is no such key", bucket=bucket, key=key, why=why)


class KeyDeleted(KeyNotFound):
    """The key had a value.

    Attributes:
        operation: What ended it: ``DEL`` or ``PURGE``.
        revision: The revision of that.
        reason: The server's word when it was the server: ``MaxAge`` ...
    """

    def __init__(self, bucket: str, key: str, *, operation: str, revision: int, reason: str = "") -> None:
        ended = f"the server removed it ({reason})" if reason else f"{operation} at revision {revision}"
        super().__init__(bucket, key, why=ended)
        self.operation = operation
        self.revision = revision
        self.reason = reason


class KeyExists(KeyValueError):
    """The key has a value, and it was to be created.

    Attributes:
        revision: Its revision.
    """

    def __init__(self, bucket: str, key: str, revision: int) -> None:
        super().__init__("the key exists", bucket=bucket, key=key, why=f"it is at revision {revision}")
        self.revision = revision


class WrongRevision(KeyValueError):
    """The key is at another revision than was expected: somebody else was first. Nothing was written.

    Attributes:
        expected: The revision that was expected.
        actual: The revision that it is at, when the server tells it (it does not on a replicated bucket), else None.
    """

    def __init__(self, bucket: str, key: str, *, expected: int, actual: int | None) -> None:
        at = "at another one" if actual is None else f"at {actual}"
        super().__init__(
            "the key has changed",
            bucket=bucket,
            key=key,
            why=f"expected at revision {expected}, it is {at}",
            hint="get it again and decide anew",
        )
        self.expected = expected
        self.actual = actual


class TtlDisabled(KeyValueError, NotSupported):
    """The bucket takes no time to live for single keys."""

    needed = 1

    def __init__(self, bucket: str, key: str = "") -> None:
        NatsError.__init__(
            self,
            "a key cannot have a time to live of its own here",
            where=f"{bucket} > {key}" if key else bucket,
            why="the bucket does not allow it",
            hint="update the bucket with allow_ttl=True; that needs nats-server 2.11",
        )
        self.bucket = bucket
        self.key = key
        self.code, self.err_code, self.description = 412, 0, self.why
        self.features = ("ttl",)


class TooManyKeys(KeyValueError):
    """More keys are asked for, or match, than a server puts into one snapshot."""

    def __init__(self, bucket: str) -> None:
        super().__init__("more keys match than fit into one snapshot", bucket=bucket, hint="ask for 1,024 at a time")


class SnapshotTorn(KeyValueError):
    """The keys changed so fast that no snapshot of one moment could be had."""

    def __init__(self, bucket: str, tries: int) -> None:
        super().__init__(
            "no snapshot of one moment could be read",
            bucket=bucket,
            why=f"in each of {tries} tries a key was overwritten before it was sent",
            hint="a history of 2 or more keeps what a snapshot needs",
        )


class LeaseHeld(KeyValueError):
    """Another holder has the lease.

    Attributes:
        holder: What that one wrote.
        revision: Since which revision.
    """

    def __init__(self, bucket: str, key: str, *, holder: bytes, revision: int) -> None:
        super().__init__("another one holds the lease", bucket=bucket, key=key, why=f"{holder[:80]!r} since {revision}")
        self.holder = holder
        self.revision = revision


class LeaseLost(KeyValueError):
    """The lease is not ours any more, or we cannot tell that it still is."""

    def __init__(self, bucket: str, key: str, why: str) -> None:
        super().__init__("the lease is lost", bucket=bucket, key=key, why=why)


class CodecFailed(KeyValueError):
    """A key or value in the bucket is none that the codec can have written.

    Attributes:
        cause: What the codec raised.
    """

    def __init__(self, bucket: str, key: str, what: str, cause: BaseException) -> None:
        super().__init__(f"the {what} cannot be decoded", bucket=bucket, key=key, why=str(cause))
        self.cause = cause
