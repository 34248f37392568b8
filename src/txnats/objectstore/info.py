"""What is told of an object, and its JSON.

Source: ADR-20; what other clients leave out or write besides is taken as it comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..jetstream.units import Timestamp
from .errors import BadMeta

CHUNK_SIZE = 128 * 1024
ALGORITHM = "SHA-256="


class ObjectLink(msgspec.Struct, frozen=True):
    """What a link leads to.

    Attributes:
        store: The other object's store.
        name: Its name; empty for the store as a whole.
    """

    store: str
    name: str = ""


class ObjectInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of an object.

    Attributes:
        name: Its name in the store.
        store: The store.
        nuid: Names its chunks.
        size: Bytes.
        chunks: Messages that they are in.
        digest: ``SHA-256=`` and base64; empty for a link or a deleted object.
        description: Words.
        metadata: The user's own.
        headers: The user's own, several values a name.
        link: What it leads to, when it is a link.
        chunk_size: Bytes that a chunk has at the most.
        deleted: It is gone.
        modified: When that was stored.
        revision: The store's number of that; 0 when it is not known.
    """

    name: str
    store: str
    nuid: str = ""
    size: int = 0
    chunks: int = 0
    digest: str = ""
    description: str = ""
    metadata: Mapping[str, str] = {}
    headers: Mapping[str, list[str]] = {}
    link: ObjectLink | None = None
    chunk_size: int = 0
    deleted: bool = False
    modified: Timestamp | None = None
    revision: int = 0

    @property
    def is_link(self) -> bool:
        """Whether it leads to another object, or to a store."""
        return self.link is not None

    def replace(self, **changes: Any) -> ObjectInfo:
        """The same with some fields changed."""
        return msgspec.structs.replace(self, **changes)


class _Link(msgspec.Struct, omit_defaults=True):
    bucket: str
    name: str | None = None


class _Options(msgspec.Struct, omit_defaults=True):
    link: _Link | None = None
    max_chunk_size: int | None = None


class _Meta(msgspec.Struct, omit_defaults=True):
    name: str
    bucket: str
    nuid: str = ""
    description: str | None = None
    metadata: dict[str, str] | None = None
    headers: dict[str, list[str] | str] | None = None
    options: _Options | None = None
    size: int | None = None
    chunks: int | None = None
    digest: str | None = None
    deleted: bool | None = None


_decoder = msgspec.json.Decoder(_Meta)
_encoder = msgspec.json.Encoder()


def encode(info: ObjectInfo) -> bytes:
    """What is stored of an object: all but the times and numbers that the server tells."""
    link = _Link(info.link.store, info.link.name or None) if info.link is not None else None
    options = _Options(link, info.chunk_size or None) if link is not None or info.chunk_size else None
    return _encoder.encode(
        _Meta(
            name=info.name,
            bucket=info.store,
            nuid=info.nuid,
            description=info.description or None,
            metadata=dict(info.metadata) or None,
            headers={name: list(each) for name, each in info.headers.items()} or None,
            options=options,
            size=info.size,
            chunks=info.chunks,
            digest=info.digest or None,
            deleted=info.deleted or None,
        )
    )


def decode(text: bytes, *, store: str, name: str, modified: Timestamp | None, revision: int) -> ObjectInfo:
    """What was stored of an object.

    Raises:
        BadMeta: It cannot be read.
    """
    try:
        meta = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMeta(store, name, str(error)) from None
    options = meta.options or _Options()
    link = options.link
    return ObjectInfo(
        name=meta.name,
        store=meta.bucket or store,
        nuid=meta.nuid,
        size=meta.size or 0,
        chunks=meta.chunks or 0,
        digest=meta.digest or "",
        description=meta.description or "",
        metadata=meta.metadata or {},
        headers={each: [value] if isinstance(value, str) else value for each, value in (meta.headers or {}).items()},
        link=None if link is None else ObjectLink(link.bucket, link.name or ""),
        chunk_size=options.max_chunk_size or 0,
        deleted=bool(meta.deleted),
        modified=modified,
        revision=revision,
    )
