"""All that begins without a store in hand."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from ..errors import NatsError
from ..jetstream.assets.stream_info import StreamInfo
from ..jetstream.assets.streams import Stream
from ..jetstream.context import JetStream
from ..jetstream.errors import StreamNameInUse, StreamNotFound
from ..jetstream.picked import Picked
from . import naming
from .config import StoreConfig, stream_config
from .errors import StoreExists, StoreNotFound
from .links import stream_of_store
from .status import StoreStatus, status_of
from .store import ObjectStore


def create(js: JetStream, config: StoreConfig) -> Deferred[ObjectStore]:
    """Make a store; one that stands already and is set up alike is that store.

    Returns:
        A Deferred that fails with StoreExists when one of its name is set up otherwise, with InvalidArgument when no
        store can be so.
    """
    return Deferred.fromCoroutine(_set(js, config, js.create_stream))


def update(js: JetStream, config: StoreConfig) -> Deferred[ObjectStore]:
    """Set up a store anew, as a whole. It fails with StoreNotFound."""
    return Deferred.fromCoroutine(_set(js, config, js.update_stream))


def create_or_update(js: JetStream, config: StoreConfig) -> Deferred[ObjectStore]:
    """Make a store, or set it up anew."""
    return Deferred.fromCoroutine(_set(js, config, js.create_or_update_stream))


async def _set(js: JetStream, config: StoreConfig, act: Callable[..., Deferred[Stream]]) -> ObjectStore:
    wanted = stream_config(config)
    try:
        return ObjectStore(js, await act(wanted))
    except StreamNameInUse:
        raise StoreExists(config.store) from None
    except StreamNotFound:
        raise StoreNotFound(config.store) from None


def open(js: JetStream, name: str) -> Deferred[ObjectStore]:  # noqa: A001  # objectstore.open is its name
    """A store that stands. It fails with StoreNotFound."""
    return Deferred.fromCoroutine(_open(js, name))


async def _open(js: JetStream, name: str) -> ObjectStore:
    return ObjectStore(js, await stream_of_store(js, name))


def delete(js: JetStream, name: str) -> Deferred[None]:
    """Delete a store with all that it holds. It fails with StoreNotFound."""
    try:
        gone = js.delete_stream(naming.stream_of(naming.check_store(name)))
    except NatsError:
        return fail()

    def failed(failure: Failure) -> None:
        failure.trap(StreamNotFound)
        raise StoreNotFound(name) from None

    return gone.addErrback(failed)


def names(js: JetStream) -> Picked[str]:
    """The names of all stores, as an iterator."""
    return Picked(js.client.clock, js.stream_names(), _name)


def statuses(js: JetStream) -> Picked[StoreStatus]:
    """What all stores are and hold, as an iterator."""
    return Picked(js.client.clock, js.streams(), _status)


def _name(stream: str) -> str | None:
    return naming.store_of(stream) if stream.startswith(naming.STREAM_PREFIX) else None


def _status(info: StreamInfo) -> StoreStatus | None:
    return status_of(info) if _name(info.config.name) else None
