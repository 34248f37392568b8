"""Links: objects without bytes that lead to another one, or to a store.

Source: ADR-20.
"""

from __future__ import annotations

from ..errors import InvalidArgument
from ..jetstream.assets.streams import Stream
from ..jetstream.context import JetStream
from ..jetstream.errors import StreamNotFound
from ..nuid import next_nuid
from .errors import LinkToLink, ObjectDeleted, StoreNotFound
from .info import ObjectInfo, ObjectLink
from .naming import check_name, check_store, stream_of


def to_object(target: ObjectInfo) -> ObjectLink:
    """A link to an object.

    Raises:
        InvalidArgument, ObjectDeleted, LinkToLink: There can be none.
    """
    if not isinstance(target, ObjectInfo):
        raise InvalidArgument(f"a link is to an ObjectInfo, not {type(target).__name__}", hint="await store.info(name)")
    if target.deleted:
        raise ObjectDeleted(target.store, target.name)
    if target.is_link:
        raise LinkToLink(target.store, target.name)
    return ObjectLink(check_store(target.store), check_name(target.name))


def to_store(store: str) -> ObjectLink:
    """A link to a store."""
    return ObjectLink(check_store(store))


def link_info(store: str, name: str, link: ObjectLink) -> ObjectInfo:
    """What is told of a link."""
    return ObjectInfo(name=name, store=store, nuid=next_nuid(), link=link)


async def stream_of_store(js: JetStream, store: str) -> Stream:
    """The stream of a store that a link leads to.

    Raises:
        StoreNotFound: There is none.
    """
    try:
        return await js.stream(stream_of(check_store(store)))
    except StreamNotFound:
        raise StoreNotFound(store) from None
