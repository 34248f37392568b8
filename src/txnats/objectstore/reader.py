"""An object's bytes, chunk by chunk, checked as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from ..errors import InvalidOption
from ..jetstream.assets.consumer_config import ConsumerConfig, DeliverPolicy
from ..jetstream.assets.consumer_info import ConsumerInfo
from ..jetstream.consume.consuming import Consuming
from ..jetstream.consume.ordered import Ordered
from ..jetstream.context import JetStream
from ..jetstream.delivery import delivery_of
from ..jetstream.errors import StreamNotFound
from ..jetstream.message import JsMessage
from ..net.timer import cancel
from ..streams import Stream
from .chunking import Check
from .errors import ChunksMissing, StoreNotFound
from .info import CHUNK_SIZE, ObjectInfo
from .naming import chunk_subject, stream_of

BYTES_AHEAD = 4 * 1024 * 1024
HEARTBEAT = 2.0
ASK_AFTER = 1.0
ASK_TIMEOUT = 5.0


class ObjectReader(Stream[bytes]):
    """An object's chunks in order, as an iterator. Made by ``ObjectStore.read``; it starts at once.

    About 4 MiB are read ahead; then the server waits for the reader. When all came and the digest is right it ends;
    the last chunk is given out only then. Else it ends with an ObjectDamaged. Of a part of an object only that is
    checked that can be: that the chunks are all there.

    Attributes:
        info: What is told of the object.
        start: The first byte that is given out.
        length: How many are.
    """

    __slots__ = (
        "_ahead",
        "_asking",
        "_check",
        "_consumer",
        "_consuming",
        "_held",
        "_items",
        "_js",
        "_left",
        "_number",
        "_over",
        "_paused",
        "_progress",
        "_skip",
        "_timer",
        "info",
        "length",
        "start",
    )

    def __init__(
        self,
        js: JetStream,
        info: ObjectInfo,
        *,
        start: int = 0,
        length: int | None = None,
        first: tuple[int, int] | None = None,
        progress: Callable[[int, int | None], object] | None = None,
    ) -> None:
        super().__init__(js.client.clock)
        self._js = js
        self.info = info
        self.start, self.length = part_of(info, start, length)
        self._items: deque[bytes] = deque()
        self._held = 0
        self._progress = progress
        is_whole = self.start == 0 and self.length == info.size
        self._check = Check(info) if is_whole else None
        sequence, skipped = first or (0, 0)
        self._skip = self.start - skipped
        self._left = self.length
        self._paused = False
        self._over = False
        self._number = 0
        self._consumer = ""
        self._asking: Deferred[Any] | None = None
        self._timer: IDelayedCall | None = None
        self._consuming: Consuming | None = None
        self._ahead = max(1, min(256, BYTES_AHEAD // (info.chunk_size or CHUNK_SIZE)))
        if not self._left:
            self._end(self._check.empty() if self._check is not None and info.size else None)
            return
        config = ConsumerConfig(
            filter_subject=chunk_subject(info.store, info.nuid),
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE if sequence else DeliverPolicy.ALL,
            opt_start_seq=sequence,
        )
        ordered = Ordered(js, stream_of(info.store), config)
        self._consuming = ordered.consume(
            self._came, max_messages=self._ahead, heartbeat=HEARTBEAT, on_created=self._created
        )
        self._consuming.when_done().addCallbacks(lambda _: self._end(None), self._failed)

    # Stream

    def _take(self) -> bytes | None:
        if not self._items:
            return None
        chunk = self._items.popleft()
        self._held -= len(chunk)
        return chunk

    def _took(self) -> None:
        if self._paused and self._held <= BYTES_AHEAD // 2 and self._consuming is not None and not self._over:
            self._paused = False
            self._consuming.resumeProducing()

    def _released(self) -> None:
        self._end(None)

    # What the consumer tells

    def _created(self, info: dict[str, Any]) -> None:
        self._consumer = str(info.get("name") or "")
        self._number = 0
        if not self._over:
            self._look_later()

    def _came(self, message: JsMessage) -> None:
        delivery = delivery_of(message.message.reply_bytes or b"")
        if delivery is None or self._over:
            return
        self._number = delivery.number
        chunk = message.payload
        if self._check is not None:
            damage = self._check.take(chunk, delivery.pending)
            if damage is not None:
                self._end(damage)
                return
        elif not delivery.pending and self._left > len(chunk) - self._skip:
            self._missing()
            return
        self._give(self._cut(chunk))

    def _cut(self, chunk: bytes) -> bytes:
        """What of a chunk is wanted."""
        if self._skip >= len(chunk):
            self._skip -= len(chunk)
            return b""
        if self._skip or len(chunk) > self._left:
            chunk = chunk[self._skip : self._skip + self._left]
            self._skip = 0
        return chunk

    def _give(self, chunk: bytes) -> None:
        if not chunk:
            return
        self._left -= len(chunk)
        self._held += len(chunk)
        self._items.append(chunk)
        self._feed()
        if self._progress is not None:
            self._progress(self.length - self._left, self.length)
        if self._left <= 0:
            self._end(None)
        elif self._held >= BYTES_AHEAD and not self._paused and self._consuming is not None and not self._over:
            self._paused = True
            self._consuming.pauseProducing()

    # Are chunks missing?

    def _look_later(self) -> None:
        cancel(self._timer)
        self._timer = self._clock.callLater(ASK_AFTER, self._look, self._number)

    def _look(self, number: int) -> None:
        self._timer = None
        if self._number != number or self._paused or self._asking is not None:
            self._look_later()
            return
        suffix = f"CONSUMER.INFO.{stream_of(self.info.store)}.{self._consumer}"
        asking = self._js.api.call(suffix, None, ConsumerInfo, timeout=ASK_TIMEOUT)
        self._asking = asking
        asking.addCallbacks(self._answered, self._no_answer)

    def _answered(self, info: ConsumerInfo) -> None:
        self._asking = None
        if self._over:
            return
        all_here = info.name == self._consumer and info.delivered.consumer_seq == self._number
        if all_here and not info.num_pending and not self._paused:
            self._missing()
        else:
            self._look_later()

    def _no_answer(self, _: Failure) -> None:
        self._asking = None
        if not self._over:
            self._look_later()

    def _missing(self) -> None:
        info = self.info
        found = self._check.chunks if self._check is not None else 0
        self._end(ChunksMissing(info.store, info.name, expected=info.chunks, actual=found))

    # The end

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        self._end(StoreNotFound(self.info.store) if isinstance(error, StreamNotFound) else error)

    def _end(self, error: BaseException | None) -> None:
        if self._over:
            return
        self._over = True
        cancel(self._timer)
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()
        if self._consuming is not None:
            self._consuming.stop()
        self._finish(error)

    def __repr__(self) -> str:
        return f"<ObjectReader of {self.info.name!r}, {self._left:,} of {self.length:,} bytes to come>"


def part_of(info: ObjectInfo, start: int, length: int | None) -> tuple[int, int]:
    """Which part of an object is wanted: its first byte, and how many.

    Raises:
        InvalidOption: There is no such part.
    """
    if isinstance(start, bool) or not isinstance(start, int) or not 0 <= start <= info.size:
        raise InvalidOption(f"start is {start!r:.40}", why=f"the object has {info.size:,} bytes")
    if length is not None and (isinstance(length, bool) or not isinstance(length, int) or length < 0):
        raise InvalidOption(f"length is {length!r:.40}", why="it is a whole number of at least 0")
    left = info.size - start
    return start, left if length is None else min(length, left)
