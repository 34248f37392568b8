"""A stream as bytes. ``restore`` makes a stream of them again.

The server sends chunks, each with a subject to say that it was taken; it sends no further ahead than a window.
Source: ADR-1's stream snapshot, and nats-server 2.15.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from ...errors import ClientClosed, InvalidOption, NatsError, OperationTimeout
from ...message import Message
from ...net.timer import cancel
from ...state.waiters import Waiters
from ...streams import Stream as Items
from ...subscription import EndReason, Subscription
from ..api import Api
from ..errors import JetStreamError
from ..records import Record, decode, encode
from . import checks
from .stream_config import StreamConfig
from .stream_info import StreamState

SILENCE = 10.0
"""Seconds without a chunk, while the server may send, after which a snapshot fails."""
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
        _, reply = self._chunks[0]
        if reply is not None and not self._ended:
            # The server sends another one for each that was taken: that is its flow control.
            try:
                self._api.client.publish(reply)
            except NatsError as error:
                # It would wait for that word for ever. Whoever reads hears why there is no whole, and gets no parts.
                self._chunks.clear()
                self._end(error)
                return None
        return self._chunks.popleft()[0]

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


def _check_size(name: str, size: int, most: int) -> None:
    checks.check_counts("snapshot", {name: size}, _LEAST)
    if size > most:
        raise InvalidOption(f"snapshot.{name} is {size:,}", hint=f"at most {most:,}")
