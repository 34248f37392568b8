"""All that begins without a bucket in hand."""

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
from . import naming as rules
from .bucket import Bucket
from .config import BucketConfig, places, stream_config
from .errors import BucketExists, BucketNotFound
from .status import BucketStatus, status_of


def create(js: JetStream, config: BucketConfig) -> Deferred[Bucket]:
    """Make a bucket; one that stands already and is set up alike is that bucket.

    Returns:
        A Deferred that fails with BucketExists when one of its name is set up otherwise, with NotSupported when the
        server is too old for an option, with InvalidArgument when no bucket can be so.
    """
    return Deferred.fromCoroutine(_set(js, config, js.create_stream))


def update(js: JetStream, config: BucketConfig) -> Deferred[Bucket]:
    """Set up a bucket anew, as a whole: ``bucket.config.replace(...)``. It fails with BucketNotFound."""
    return Deferred.fromCoroutine(_set(js, config, js.update_stream))


def create_or_update(js: JetStream, config: BucketConfig) -> Deferred[Bucket]:
    """Make a bucket, or set it up anew."""
    return Deferred.fromCoroutine(_set(js, config, js.create_or_update_stream))


async def _set(js: JetStream, config: BucketConfig, act: Callable[..., Deferred[Stream]]) -> Bucket:
    level = 0
    if isinstance(config, BucketConfig) and config.allow_ttl is None:
        level = await js.api_level()
    wanted = stream_config(config, server_level=level)
    try:
        return _bucket(js, await act(wanted))
    except StreamNameInUse:
        raise BucketExists(config.bucket) from None
    except StreamNotFound:
        raise BucketNotFound(config.bucket) from None


def open(js: JetStream, name: str) -> Deferred[Bucket]:  # noqa: A001  # kv.open is its name
    """A bucket that stands. It fails with BucketNotFound."""
    return Deferred.fromCoroutine(_open(js, name))


async def _open(js: JetStream, name: str) -> Bucket:
    stream = rules.stream_of(rules.check_bucket(name))
    try:
        return _bucket(js, await js.stream(stream))
    except StreamNotFound:
        raise BucketNotFound(name) from None


def delete(js: JetStream, name: str) -> Deferred[None]:
    """Delete a bucket with all that it holds. It fails with BucketNotFound."""
    try:
        gone = js.delete_stream(rules.stream_of(rules.check_bucket(name)))
    except NatsError:
        return fail()

    def failed(failure: Failure) -> None:
        failure.trap(StreamNotFound)
        raise BucketNotFound(name) from None

    return gone.addErrback(failed)


def names(js: JetStream) -> Picked[str]:
    """The names of all buckets, as an iterator; mirrors of buckets are among them."""
    return Picked(js.client.clock, js.stream_names(), _name)


def statuses(js: JetStream) -> Picked[BucketStatus]:
    """What all buckets are and hold, as an iterator."""
    return Picked(js.client.clock, js.streams(), _status)


def _name(stream: str) -> str | None:
    return rules.bucket_of(stream) if stream.startswith(rules.STREAM_PREFIX) else None


def _status(info: StreamInfo) -> BucketStatus | None:
    return status_of(info) if _name(info.config.name) else None


def _bucket(js: JetStream, stream: Stream) -> Bucket:
    return Bucket(js, stream, places(stream.config, js.api.prefix))
