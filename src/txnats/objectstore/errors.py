"""What can go wrong with an object store.

::

    NatsError
    ├── ObjectStoreError
    │   ├── StoreNotFound, StoreExists, StoreSealed
    │   ├── ObjectNotFound
    │   │   └── ObjectDeleted
    │   ├── ObjectExists                  a rename, or a link, would replace a living object
    │   ├── ObjectChanged                 it was overwritten, renamed or deleted meanwhile
    │   ├── ObjectDamaged                 what the store holds is not what was put
    │   │   ├── DigestMismatch
    │   │   ├── SizeMismatch
    │   │   ├── ChunksMissing
    │   │   └── BadMeta                   what is told of it cannot be read
    │   ├── LinkIsStore                   the link is to a whole store and no object
    │   ├── LinkLoop, LinkToLink
    │   └── SourceFailed                  what was to be put could not be read
    └── InvalidArgument
        └── InvalidStore, InvalidName
"""

from __future__ import annotations

from ..errors import InvalidArgument, NatsError


class InvalidStore(InvalidArgument):
    """A name that no store can have."""

    def __init__(self, name: object) -> None:
        super().__init__(f"{name!r:.80} cannot name a store", why="only a-z A-Z 0-9 _ and - are allowed")


class InvalidName(InvalidArgument):
    """A name that no object can have."""

    def __init__(self, name: object, why: str) -> None:
        super().__init__(f"{name!r:.80} cannot name an object", why=why)


class ObjectStoreError(NatsError):
    """The root of all errors of object stores.

    Attributes:
        store: Which one.
        name: Which object; empty when it is about none.
    """

    def __init__(self, what: str, *, store: str, name: str = "", why: str = "", hint: str = "") -> None:
        super().__init__(what, where=f"{store} > {name}" if name else store, why=why, hint=hint)
        self.store = store
        self.name = name


class StoreNotFound(ObjectStoreError):
    """There is no such store."""

    def __init__(self, store: str) -> None:
        super().__init__("there is no such object store", store=store, hint="objectstore.create makes one")


class StoreExists(ObjectStoreError):
    """There is such a store already, and it is set up otherwise."""

    def __init__(self, store: str) -> None:
        super().__init__(
            "the object store exists and is set up otherwise", store=store, hint="use create_or_update, or open"
        )


class StoreSealed(ObjectStoreError):
    """The store is sealed: nothing goes in or out any more."""

    def __init__(self, store: str, name: str = "") -> None:
        super().__init__("the object store is sealed", store=store, name=name)


class ObjectNotFound(ObjectStoreError):
    """The store has no such object."""

    def __init__(self, store: str, name: str, why: str = "") -> None:
        super().__init__("there is no such object", store=store, name=name, why=why)


class ObjectDeleted(ObjectNotFound):
    """The object was deleted."""

    def __init__(self, store: str, name: str) -> None:
        super().__init__(store, name, why="it was deleted")


class ObjectExists(ObjectStoreError):
    """There is a living object of this name, and it is not to be replaced."""

    def __init__(self, store: str, name: str) -> None:
        super().__init__("there is an object of this name", store=store, name=name, hint="delete it first")


class ObjectChanged(ObjectStoreError):
    """The object was overwritten, renamed or deleted by another one meanwhile."""

    def __init__(self, store: str, name: str) -> None:
        super().__init__("the object has changed meanwhile", store=store, name=name, hint="try again")


class ObjectDamaged(ObjectStoreError):
    """What the store holds is not what was put."""


class DigestMismatch(ObjectDamaged):
    """The bytes have another SHA-256 than those that were put.

    Attributes:
        expected: The digest that was stored.
        actual: The digest of what came.
    """

    def __init__(self, store: str, name: str, *, expected: str, actual: str) -> None:
        super().__init__(
            "the object is damaged", store=store, name=name, why=f"its digest is {actual}, stored was {expected}"
        )
        self.expected = expected
        self.actual = actual


class SizeMismatch(ObjectDamaged):
    """More or fewer bytes came than were put.

    Attributes:
        expected: Bytes that were put.
        actual: Bytes that came.
    """

    def __init__(self, store: str, name: str, *, expected: int, actual: int) -> None:
        super().__init__("the object is damaged", store=store, name=name, why=f"{actual:,} bytes came of {expected:,}")
        self.expected = expected
        self.actual = actual


class ChunksMissing(ObjectDamaged):
    """The store holds fewer chunks of it than were put.

    Attributes:
        expected: Chunks that were put.
        actual: Chunks that are there.
    """

    def __init__(self, store: str, name: str, *, expected: int, actual: int) -> None:
        super().__init__(
            "the object is damaged", store=store, name=name, why=f"{actual:,} chunks are there of {expected:,}"
        )
        self.expected = expected
        self.actual = actual


class BadMeta(ObjectDamaged):
    """What is stored of an object beside its bytes cannot be read."""

    def __init__(self, store: str, name: str, why: str) -> None:
        super().__init__("what is told of the object cannot be read", store=store, name=name, why=why)


class LinkIsStore(ObjectStoreError):
    """The link is to a whole store: it has no bytes.

    Attributes:
        linked: The store's name.
    """

    def __init__(self, store: str, name: str, linked: str) -> None:
        super().__init__(
            "the link is to a whole store", store=store, name=name, why=linked, hint=f"objectstore.open(js, {linked!r})"
        )
        self.linked = linked


class LinkLoop(ObjectStoreError):
    """Links that lead nowhere, or too far."""

    def __init__(self, store: str, name: str, steps: int) -> None:
        super().__init__("the link does not end", store=store, name=name, why=f"{steps} links were followed")


class LinkToLink(ObjectStoreError):
    """A link is made to an object, and no other link."""

    def __init__(self, store: str, name: str) -> None:
        super().__init__("what is linked to is itself a link", store=store, name=name)


class SourceFailed(ObjectStoreError):
    """What was to be put could not be read. Nothing was stored.

    Attributes:
        cause: What it raised.
    """

    def __init__(self, store: str, name: str, cause: BaseException) -> None:
        super().__init__("the source could not be read", store=store, name=name, why=f"{type(cause).__name__}: {cause}")
        self.cause = cause
