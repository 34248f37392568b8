"""Subjects of a stream, watched: the last message that is there of each, then every further one.

Buckets and object stores are watched by this.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Generic, TypeVar, cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from ...errors import EndOfStream, InvalidArgument, NatsError
from ...message import Message
from ...net.timer import cancel
from ...state.waiters import Waiters
from ...streams import Stream
from ..assets.consumer_info import ConsumerInfo
from ..assets.stream_info import StreamInfo
from ..base import JetStreamBase
from ..consume.ordered import Ordered
from ..delivery import Delivery, delivery_of
from ..errors import StreamNotFound
from .errors import WatcherFull
from .initial import NOT_HERE, End, InitialValues
from .wish import END_OF_INITIAL, Read, waiting_for

Item = TypeVar("Item")
ASK_AFTER = 1.0
"""Seconds of silence before the end of the initial values after which the server is asked."""
ASK_TIMEOUT = 5.0
STUCK_AFTER = 2.0
"""Seconds without a taken entry after which whoever waits for ``ready`` is told that the rest does not fit."""
HEARTBEAT = 2.0
AHEAD = 512
"""Messages that are asked for ahead."""


MOST_PENDING = 8192
MOST_BYTES = 64 * 1024 * 1024
"""Bytes of messages that may wait here, however few these are."""


_in_hand: ContextVar[object] = ContextVar("txnats.watcher_in_hand")
"""The watcher whose handler the running code belongs to."""


class Watcher(Stream[Item], Generic[Item]):
    """What changes, as it changes. Made by ``watch`` of a bucket or an object store and their kin; it starts at once.

    It goes on over reconnects and elections, behind the last message that came, and ends by ``stop`` (or ``close``, or
    by leaving its loop), when what is watched is deleted, or with its client.

    Args:
        js: Where the stream is.
        wish: What it is to tell of, and how.
        handler: Called with each item instead of giving it out.
        most: Items that may wait here.
    """

    __slots__ = (
        "_asking",
        "_consumer",
        "_done",
        "_done_with",
        "_failure",
        "_handed",
        "_handler",
        "_held",
        "_initial",
        "_is_busy",
        "_is_excused",
        "_is_paused",
        "_is_watched",
        "_items",
        "_js",
        "_known",
        "_loop",
        "_most",
        "_number",
        "_over",
        "_ready",
        "_sizes",
        "_stuck",
        "_timer",
        "_waiting",
        "_wish",
    )

    log = Logger()

    def __init__(
        self,
        js: JetStreamBase,
        wish: Read[Item],
        *,
        handler: Callable[[Item], object] | None = None,
        most: int = MOST_PENDING,
    ) -> None:
        super().__init__(js.client.clock)
        if handler is not None and not callable(handler):
            raise InvalidArgument(f"a handler is callable, {type(handler).__name__} is not")
        self._js = js
        self._wish = wish
        self._handler = handler
        self._most = most
        self._items: deque[Item] = deque()
        self._sizes: deque[int] = deque()
        self._held = 0
        self._waiting: deque[Message] = deque()
        self._is_busy = self._is_excused = self._is_watched = False
        self._done_with = 0
        self._initial = InitialValues()
        self._known: set[bytes] | None = set() if wish.keys_only else None
        self._consumer = ""
        self._number = 0
        self._over = False
        self._failure: BaseException | None = None
        self._is_paused = False
        self._ready: Waiters[None] = Waiters()
        self._done: Waiters[None] = Waiters()
        self._asking: Deferred[Any] | None = None
        self._timer: IDelayedCall | None = None
        self._stuck: IDelayedCall | None = None
        if not (wish.keys_only or wish.updates_only):
            # Not for keys: one that is written meanwhile moves behind the end that the stream has now.
            info = js.api.call(f"STREAM.INFO.{wish.stream}", None, StreamInfo, timeout=ASK_TIMEOUT)
            info.addCallbacks(self._stream_ends, _unknown)
        ordered = Ordered(js, wish.stream, wish.config)
        self._loop = ordered.deliver_to(
            self, max_messages=min(AHEAD, most), heartbeat=HEARTBEAT, on_created=self._created
        )
        self._handed = self._loop.handed
        self._loop.start()

    # For the user

    @property
    def ready(self) -> Deferred[None]:
        """Fires when the initial values are here: handled, or ready to be taken. Each look gives a Deferred of its own.

        It fails with WatcherFull when they do not fit and nobody takes them, with EndOfStream when the watcher was
        stopped before, or with the error that ended it.
        """
        if self._initial.is_over:
            return succeed(None)
        if self._over:
            return fail(self._failure or EndOfStream("the watcher was stopped"))
        waiting = self._ready.wait()
        self._look_for_room()
        return waiting

    @property
    def pending(self) -> int:
        """Entries that wait here."""
        return len(self._items)

    def stop(self) -> None:
        """End it at once; what waits is dropped."""
        self.close()

    def when_done(self) -> Deferred[None]:
        """Fires when it has ended; fails with the error that ended it, if there was one."""
        if not self._over:
            return self._done.wait()
        return succeed(None) if self._failure is None else fail(self._failure)

    # Stream

    def next(self, timeout: float | None = None) -> Deferred[Item]:
        if self._handler is not None:
            return fail(InvalidArgument("next() is for a watcher without a handler", where=self._wish.stream))
        return super().next(timeout)

    def _take(self) -> Item | None:
        if not self._items:
            return None
        self._held -= self._sizes.popleft()
        return self._items.popleft()

    def _took(self) -> None:
        if self._is_paused and len(self._items) <= self._most // 2 and self._held <= MOST_BYTES // 2:
            self._is_paused = False
            self._go_on()

    def _released(self) -> None:
        if not self._over:
            self._end(None)
            self._loop.stop()

    # What the consumer tells

    def _created(self, info: dict[str, Any]) -> None:
        """A consumer stands, the first or another."""
        self._consumer = str(info.get("name") or "")
        self._number = 0
        if self._initial.is_over:
            return
        if self._wish.updates_only or self._initial.created(int(info.get("num_pending") or 0)):
            self._initial.is_over = True
            self._tell_ready()
        else:
            self._look_later()

    def _stream_ends(self, info: StreamInfo) -> None:
        if not self._over and not self._initial.is_over and self._initial.stream_ends_at(info.state.last_seq):
            self._tell_ready()

    # As the sink of its loop

    @property
    def running(self) -> int:
        """Messages that wait or are in work."""
        return len(self._waiting) + (self._is_busy and not self._is_excused)

    @property
    def handled(self) -> int:
        """Messages that it is done with."""
        return self._done_with

    def watch(self) -> None:
        """The client drains: from now on it is told when nothing is in work."""
        self._is_watched = True

    def excuse_caller(self) -> None:
        """A handler that drains its client is not waited for."""
        self._is_excused = _in_hand.get(None) is self

    def deliver(self, message: Message) -> bool:
        """A message of the stream has come. Whether it is handed over at once."""
        if self._is_busy or self._is_paused or self._waiting:
            self._waiting.append(message)  # the loop asks for no more than may wait
            return False
        self._handle(message, self._loop.delivery)
        return True

    def ended(self, error: NatsError | None) -> None:
        """No more will come."""
        self._end(self._wish.gone() if isinstance(error, StreamNotFound) else error)

    def _handle(self, message: Message, delivery: Delivery | None) -> None:
        if self._over or delivery is None:
            return
        self._number = delivery.number
        try:
            told = self._tell if self._initial.is_over else self._came_early
            result = told(message, delivery)
        except BaseException:  # noqa: BLE001  # the caller's: told, and nothing else ends
            self.log.failure("a handler of {watcher!r} raised", watcher=self)
            result = None
        self._done_with += 1
        if result is not None:
            self._wait_for(result)

    def _wait_for(self, result: object) -> None:
        """Handle nothing more before a handler has ended."""
        token = _in_hand.set(self)
        waiting = waiting_for(result)
        _in_hand.reset(token)
        if waiting is not None:
            self._is_busy = True
            waiting.addErrback(
                lambda failure: self.log.failure("a handler of {watcher!r} raised", failure, watcher=self)
            )
            waiting.addCallback(self._handler_ended)

    def _handler_ended(self, _: object) -> None:
        self._is_busy = self._is_excused = False
        self._go_on()
        if self._is_watched and not self.running and not self._over:
            self._loop.settled()

    def _go_on(self) -> None:
        """Handle what has waited."""
        while self._waiting and not (self._is_busy or self._is_paused or self._over):
            message = self._waiting.popleft()
            self._handed(message)
            self._handle(message, delivery_of(message.reply_bytes or b""))

    def _came_early(self, message: Message, delivery: Delivery) -> object:
        """A message before the end of the initial values."""
        counts = True
        if self._known is not None:
            counts = message.subject_bytes not in self._known
            self._known.add(message.subject_bytes)
        end = self._initial.seen(delivery.revision, delivery.pending, counts=counts)
        if end is not NOT_HERE:
            if end is End.AFTER:
                return self._tell_last(message, delivery, counts)
            if end is End.BEFORE:
                self._tell_ready()
                return None if self._over else self._tell(message, delivery)
            self._ask()
        return self._tell(message, delivery) if counts else None

    def _tell(self, message: Message, delivery: Delivery) -> object:
        item = self._wish.item(message, delivery)
        if item is None:
            return None
        if self._handler is not None:
            return self._handler(item)
        self._append(item, message.size)
        return None

    def _tell_last(self, message: Message, delivery: Delivery, counts: bool) -> object:
        """The last of the initial values: it is handled first."""
        try:
            result = self._tell(message, delivery) if counts else None
        except BaseException:
            self._tell_ready()
            raise
        waiting = waiting_for(result)
        if waiting is not None:
            return waiting.addBoth(self._handled)
        self._tell_ready()
        return None

    def _handled(self, result: object) -> object:
        self._tell_ready()
        return result

    def _append(self, item: Item, size: int) -> None:
        self._items.append(item)
        self._sizes.append(size)
        self._held += size
        if self._waiters:
            self._feed()
        if (len(self._items) >= self._most or self._held >= MOST_BYTES) and not self._is_paused:
            self._is_paused = True
            self._look_for_room()

    # The end of the initial values

    def _tell_ready(self) -> None:
        if self._over:
            return
        self._stop_looking()
        self._known = None
        if self._wish.marker:
            self._tell_marker(cast("Item", END_OF_INITIAL))
        self._ready.tell(None)
        if self._wish.ends:
            self._end(None)
            self._loop.stop()

    def _tell_marker(self, marker: Item) -> None:
        if self._handler is None:
            self._append(marker, 0)
            return
        try:
            result = self._handler(marker)
        except BaseException:  # noqa: BLE001  # the caller's: told, and nothing else ends
            self.log.failure("a handler of {watcher!r} raised", watcher=self)
            return
        if result is not None:
            self._wait_for(result)

    def _look_for_room(self) -> None:
        """Whoever waits for ready and does not read would wait for ever."""
        if self._is_paused and len(self._ready) and not self._waiters:
            cancel(self._stuck)
            self._stuck = self._clock.callLater(STUCK_AFTER, self._no_room, len(self._items))

    def _no_room(self, waiting: int) -> None:
        if self._is_paused and len(self._items) >= waiting:
            self._ready.fail(WatcherFull(self._wish.stream, len(self._items)))

    def _look_later(self) -> None:
        cancel(self._timer)
        self._timer = self._clock.callLater(ASK_AFTER, self._look, self._number)

    def _look(self, number: int) -> None:
        self._timer = None
        if self._number == number and not self._is_paused:
            self._ask()
        if self._timer is None and self._asking is None:
            self._look_later()

    def _ask(self) -> None:
        """Ask if the server has delivered all: some of what was counted may have gone."""
        if self._asking is not None or self._over or not self._consumer:
            return
        suffix = f"CONSUMER.INFO.{self._wish.stream}.{self._consumer}"
        asking = self._js.api.call(suffix, None, ConsumerInfo, timeout=ASK_TIMEOUT)
        self._asking = asking
        asking.addCallbacks(self._answered, self._no_answer)

    def _answered(self, info: ConsumerInfo) -> None:
        self._asking = None
        if self._over or self._initial.is_over:
            return
        all_here = info.name == self._consumer and info.delivered.consumer_seq == self._number
        if all_here and self._initial.asked(info.num_pending):
            self._tell_ready()
        else:
            self._look_later()

    def _no_answer(self, _: Failure) -> None:
        """The consumer is gone, or nobody leads it now: another one takes its place, or it is asked again."""
        self._asking = None
        if not (self._over or self._initial.is_over):
            self._look_later()

    def _stop_looking(self) -> None:
        cancel(self._timer, self._stuck)
        self._timer = self._stuck = None
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()

    # The end

    def _end(self, error: BaseException | None) -> None:
        if self._over:
            return
        self._over = True
        self._failure = error
        self._waiting.clear()
        self._stop_looking()
        if len(self._ready):
            self._ready.fail(error or EndOfStream("the watcher was stopped"))
        self._finish(error)
        self._tell_done()

    def _tell_done(self) -> None:
        if self._failure is None:
            self._done.tell(None)
        elif len(self._done):
            self._done.fail(self._failure)
        elif self._handler is not None:
            self.log.emit(LogLevel.warn, "{watcher!r}: {error}", watcher=self, error=self._failure)

    def __repr__(self) -> str:
        state = "ended" if self._over else "ready" if self._initial.is_over else "begins"
        return f"<Watcher of {self._wish.stream!r}, {state}, {len(self._items)} pending>"


def _unknown(_: Failure) -> None:
    """It is not allowed to know, or cannot be told now: then counting and asking have to do."""
