"""A stream as bytes, out and in again.

Out, the server sends chunks, each with a subject to say that it was taken; it sends no further ahead than a window.
In, each chunk is a request; some of them are on their way at a time.
Source: ADR-1's stream snapshot and restore, and nats-server 2.15.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, Iterable

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from ...errors import ClientClosed, InvalidOption, OperationTimeout
from ...message import Message
from ...net.timer import cancel
from ...state.waiters import Waiters
from ...streams import Stream as Items
from ...subscription import EndReason, Subscription
from ..api import Api, raise_error
from ..errors import JetStreamError
from ..records import Record, decode, decode_object, encode, from_wire
from . import checks
from .stream_config import StreamConfig
from .stream_info import StreamInfo, StreamState

SILENCE = 10.0
"""Seconds without a chunk, while the server may send, after which a snapshot fails."""
CHUNKS_AHEAD = 16
"""Chunks of a restore that may be unanswered."""
_CHUNK = 128 * 1024
_KNOWS_WINDOW = 3
_LEAST, _MOST, _MOST_WINDOW = 1024, 1024 * 1024, 32 * 1024 * 1024


class SnapshotRequest(Record, frozen=True):
    """How a snapshot is to be sent."""

    deliver_subject: str
    no_consumers: bool = False
    chunk_size: int = 0
    window_size: int = 0
    jsck: bool = False


class Manifest(Record, frozen=True):
    """What the chunks of a snapshot are: keep it beside them.

    Attributes:
        config: How the stream was set up.
        state: What it held.
    """

    config: StreamConfig
    state: StreamState = StreamState()
    type: str = ""

    def to_json(self) -> bytes:
        """As text, to keep."""
        return encode(self)

    @classmethod
    def from_json(cls, text: bytes) -> Manifest:
        """What ``to_json`` has made, or the ``backup.json`` of other tools.

        Raises:
            RemoteProtocolError: It is no such text.
        """
        return decode(cls, text)


class Snapshot(Items[bytes]):
    """Chunks of a snapshot. Made by ``Stream.snapshot``; leaving it ends it at the server, too.

    Args:
        api: Whom to ask.
        stream: The stream's name.
        consumers: Whether its consumers are part of it.
        check: Whether the server checks all messages before.
        chunk_size: Bytes of a chunk.
        window_size: Bytes that may be on their way.

    Attributes:
        size: Bytes that have come.
    """

    __slots__ = ("_api", "_chunks", "_manifest", "_problem", "_subscription", "_timer", "_waiting", "size")

    def __init__(
        self, api: Api, stream: str, *, consumers: bool, check: bool, chunk_size: int, window_size: int
    ) -> None:
        super().__init__(api.clock)
        _check_size("chunk_size", chunk_size, _MOST)
        _check_size("window_size", window_size, _MOST_WINDOW)
        self._api = api
        self._chunks: deque[tuple[bytes, bytes | None]] = deque()
        self._manifest: Manifest | None = None
        self._problem: BaseException | None = None
        self._waiting: Waiters[Manifest] = Waiters()
        self._timer: IDelayedCall | None = None
        self.size = 0
        inbox = api.client.new_inbox()
        self._subscription: Subscription = api.client.subscribe(inbox, self._accept)
        self._subscription.when_done().addCallback(self._subscription_ended)
        request = SnapshotRequest(
            deliver_subject=inbox,
            no_consumers=not consumers,
            chunk_size=chunk_size,
            # A server that does not know the field refuses it.
            window_size=window_size if api.client.server_info.api_lvl >= _KNOWS_WINDOW else 0,
            jsck=check,
        )
        asked = api.call(f"STREAM.SNAPSHOT.{stream}", request, Manifest, repeatable=False)
        asked.addCallbacks(self._begun, self._failed)

    def manifest(self) -> Deferred[Manifest]:
        """What the chunks are. It fails with what ended the snapshot, if that ended before."""
        if self._manifest is not None:
            return succeed(self._manifest)
        return self._waiting.wait() if self._problem is None else fail(self._problem)

    def next(self, timeout: float | None = None) -> Deferred[bytes]:
        chunk = super().next(timeout)
        if not self._chunks:
            self._watch()
        return chunk

    def _begun(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._waiting.tell(manifest)
        self._watch()

    def _accept(self, message: Message) -> None:
        if self._ended:
            return
        if message.payload:
            self.size += len(message.payload)
            self._chunks.append((message.payload, message.reply_bytes))
            self._feed()
            self._watch()
        elif message.status in (None, 204):
            self._end(None)
        else:
            self._end(JetStreamError(message.status or 0, 0, message.description, what="the snapshot broke off"))

    def _take(self) -> bytes | None:
        if not self._chunks:
            return None
        chunk, reply = self._chunks.popleft()
        if reply is not None and not self._ended:
            # The server sends another one for each that was taken: that is its flow control.
            self._api.client.publish(reply)
        return chunk

    def _watch(self) -> None:
        """The server has something to send while nothing waits here."""
        cancel(self._timer)
        if not self._ended and not self._chunks:
            self._timer = self._clock.callLater(SILENCE, self._silent)

    def _silent(self) -> None:
        self._end(OperationTimeout("the next chunk of a snapshot", timeout=SILENCE, hint="take the snapshot again"))

    def _subscription_ended(self, reason: EndReason) -> None:
        error = self._subscription.error
        if error is not None or reason is EndReason.CLIENT_CLOSED:
            self._end(error or ClientClosed())

    def _failed(self, failure: Failure) -> None:
        self._end(failure.value)

    def _end(self, error: BaseException | None) -> None:
        self._released()
        self._finish(error)
        # A small one may have ended before the answer comes that tells what it is.
        if self._manifest is None and error is not None:
            self._problem = error
            self._waiting.fail(error)

    def _released(self) -> None:
        cancel(self._timer)
        self._subscription.unsubscribe()


class RestoreRequest(Record, frozen=True):
    """The stream that is to be."""

    config: StreamConfig
    state: StreamState = StreamState()


def restore(
    api: Api, manifest: Manifest, chunks: Iterable[bytes] | AsyncIterable[bytes], *, timeout: float | None = None
) -> Deferred[StreamInfo]:
    """Make a stream of a snapshot's chunks.

    Args:
        api: Whom to ask.
        manifest: What they are.
        chunks: The chunks in order; the server gives up when 5 seconds pass without one.
        timeout: Seconds for each answer.

    Returns:
        A Deferred of the stream. It fails with StreamNameExistRestoreFailed when there is one of its name.
    """
    return Deferred.fromCoroutine(_restore(api, manifest, chunks, api.timeout if timeout is None else timeout))


async def _restore(
    api: Api, manifest: Manifest, chunks: Iterable[bytes] | AsyncIterable[bytes], timeout: float
) -> StreamInfo:
    name = checks.check_name("stream", manifest.config.name)
    request = RestoreRequest(config=manifest.config, state=manifest.state)
    begun = await api.call(f"STREAM.RESTORE.{name}", request, timeout=timeout, repeatable=False)
    sender = _Sender(api, str(begun.get("deliver_subject") or ""), timeout)
    try:
        if isinstance(chunks, AsyncIterable):
            async for chunk in chunks:
                await sender.send(chunk)
        else:
            for chunk in chunks:
                await sender.send(chunk)
        return await sender.finish()
    finally:
        sender.stop()


class _Sender:
    """Sends chunks as requests, in order, some of them ahead of their answers."""

    def __init__(self, api: Api, subject: str, timeout: float) -> None:
        self._client = api.client
        self._subject = subject
        self._timeout = timeout
        self._unanswered: deque[Deferred[Message]] = deque()

    async def send(self, chunk: bytes) -> None:
        """One chunk, in pieces if it is larger than the server takes."""
        size = min(_CHUNK, self._client.server_info.max_payload)
        for start in range(0, len(chunk), size):
            while len(self._unanswered) >= CHUNKS_AHEAD:
                self._check(await self._unanswered.popleft())
            self._ask(chunk[start : start + size])

    async def finish(self) -> StreamInfo:
        """Nothing more: the stream that it has become."""
        while self._unanswered:
            self._check(await self._unanswered.popleft())
        reply = await self._client.request(self._subject, timeout=self._timeout)
        told = decode_object(reply.payload)
        raise_error(told, self._subject)
        return from_wire(StreamInfo, told)

    def stop(self) -> None:
        """Wait for nothing any more."""
        for each in self._unanswered:
            each.addErrback(_forgotten)
            each.cancel()
        self._unanswered.clear()

    def _ask(self, piece: bytes) -> None:
        asked = self._client.request(self._subject, piece, timeout=self._timeout)
        self._unanswered.append(asked)

    def _check(self, reply: Message) -> None:
        if reply.payload:
            raise_error(decode_object(reply.payload), self._subject)


def _forgotten(_: Failure) -> None:
    """Nobody asks any more."""


def _check_size(name: str, size: int, most: int) -> None:
    checks.check_counts("snapshot", {name: size}, _LEAST)
    if size > most:
        raise InvalidOption(f"snapshot.{name} is {size:,}", hint=f"at most {most:,}")
