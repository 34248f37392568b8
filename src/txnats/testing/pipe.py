"""One direction through the proxy: what befalls the bytes that go that way."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from zope.interface import implementer

from ..errors import InvalidOption
from ..options import check_count, check_seconds

MOST_WAITING = 256 * 1024
_BURSTS_A_SECOND = 50


class Socket(Protocol):
    """What a pipe uses of the transport at either end."""

    def write(self, data: bytes) -> None: ...
    def loseConnection(self) -> None: ...
    def abortConnection(self) -> None: ...
    def registerProducer(self, producer: object, streaming: bool) -> None: ...
    def unregisterProducer(self) -> None: ...
    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...


class Direction:
    """One direction, for all connections of a proxy. What is set holds for bytes that are read from then on.

    Setting what cannot be raises InvalidOption.

    Attributes:
        latency: Seconds that each byte takes. At most 256 KiB of a connection are under way.
        slices: Cut all into pieces of 1 to so many bytes, each of them sent by itself; None cuts nothing.
        rate: Bytes a second, for each connection; None for as many as come.
        black_hole: Read on and forward nothing. A connection that has lost bytes in it stays so: its stream has a gap.
        bytes: Forwarded so far, over all connections.
        swallowed: Bytes that went into the black hole.
        recorded: The first bytes that were forwarded, up to the proxy's limit.
    """

    def __init__(self, random: Random, record: int) -> None:
        self._latency = 0.0
        self._slices: int | None = None
        self._rate: float | None = None
        self.black_hole = False
        self.bytes = 0
        self.swallowed = 0
        self.recorded = bytearray()
        self.pipes: set[Pipe] = set()
        self._random = random
        self._record = record
        self._stalled = False
        self._cut_at: int | None = None

    @property
    def latency(self) -> float:
        return self._latency

    @latency.setter
    def latency(self, latency: float) -> None:
        self._latency = check_seconds("latency", latency)

    @property
    def slices(self) -> int | None:
        return self._slices

    @slices.setter
    def slices(self, slices: int | None) -> None:
        self._slices = None if slices is None else check_count("slices", slices)

    @property
    def rate(self) -> float | None:
        return self._rate

    @rate.setter
    def rate(self, rate: float | None) -> None:
        if rate is not None and not rate > 0:
            raise InvalidOption(f"rate is {rate!r:.40}", hint="None lets all through, stalled nothing")
        self._rate = rate

    @property
    def stalled(self) -> bool:
        """Whether nothing is read: whoever sends comes to a standstill when the buffers on the way are full."""
        return self._stalled

    @stalled.setter
    def stalled(self, stalled: bool) -> None:
        self._stalled = stalled
        for pipe in list(self.pipes):
            pipe.regulate()

    def cut_after(self, count: int) -> None:
        """Forward so many bytes more, over all connections, and end the connection of the last one. Once."""
        self._cut_at = self.bytes + count

    def piece(self) -> int | None:
        """Bytes that may go at once; None for any number."""
        sizes = []
        if self.slices is not None:
            sizes.append(self._random.randint(1, self.slices))
        if self.rate is not None:
            sizes.append(max(1, int(self.rate / _BURSTS_A_SECOND)))
        return min(sizes, default=None)

    def until_cut(self, data: bytes) -> tuple[bytes, bool]:
        """What of these bytes may be forwarded, and whether the connection ends behind it. They are counted."""
        cut = self._cut_at is not None and self.bytes + len(data) >= self._cut_at
        if self._cut_at is not None and cut:
            data, self._cut_at = data[: self._cut_at - self.bytes], None
        self.bytes += len(data)
        self.recorded += data[: max(0, self._record - len(self.recorded))]
        return data, cut


@implementer(IPushProducer)
class Pipe:
    """One direction of one connection, from the socket that is read to the one that is written.

    It holds a bounded number of bytes: when more wait it stops reading, and so it does when the other end stops.

    Args:
        clock: Times.
        direction: What befalls the bytes.
        source: Where they come from.
        sink: Where they go.

    Attributes:
        waiting: Bytes that it holds.
        is_closing: Whether the sink has had its last byte and is about to end.
    """

    def __init__(self, clock: IReactorTime, direction: Direction, source: Socket, sink: Socket) -> None:
        self._clock = clock
        self._direction = direction
        self._source = source
        self._sink = sink
        self._queue: deque[tuple[float, memoryview]] = deque()
        self.waiting = 0
        self.is_closing = False
        self._free_at = 0.0
        self._timer: IDelayedCall | None = None
        self._sink_full = False
        self._reading = True
        self._dead = False
        self._ending = False
        self._over = False
        direction.pipes.add(self)
        sink.registerProducer(self, True)
        self.regulate()

    @property
    def is_dead(self) -> bool:
        """Whether it leads into a black hole, or has lost bytes in one."""
        return self._dead or self._direction.black_hole

    def feed(self, data: bytes) -> None:
        """Bytes have been read."""
        direction = self._direction
        if self._over:
            return
        if self.is_dead:
            self._dead = True
            direction.swallowed += len(data)
            return
        self._queue.append((self._clock.seconds() + direction.latency, memoryview(data)))
        self.waiting += len(data)
        self._run()

    def finish(self) -> None:
        """The source has ended: close the sink when it has had all."""
        self._ending = True
        if self._timer is None:
            self._run()

    def stop(self) -> None:
        """Forward nothing more."""
        self._over = True
        self._direction.pipes.discard(self)
        self._queue.clear()
        self.waiting = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def regulate(self) -> None:
        """Read or do not read, as things are."""
        wanted = self.waiting < MOST_WAITING and not self._direction.stalled and not self._over
        if wanted != self._reading and not self._ending:
            self._reading = wanted
            (self._source.resumeProducing if wanted else self._source.pauseProducing)()

    # What the sink tells

    def pauseProducing(self) -> None:
        self._sink_full = True

    def resumeProducing(self) -> None:
        self._sink_full = False
        if self._timer is None:
            self._run()

    def stopProducing(self) -> None:
        self.stop()

    # Inside

    def _run(self) -> None:
        """Forward what is due, as far as the sink takes it."""
        while self._queue and not self._sink_full and self._timer is None:
            due, data = self._queue[0]
            wait = max(due, self._free_at) - self._clock.seconds()
            if wait > 0:
                self._again(wait)
                break
            size = self._direction.piece()
            self._queue.popleft()
            if size is not None and size < len(data):
                self._queue.appendleft((due, data[size:]))
                data = data[:size]
            self.waiting -= len(data)
            if not self._forward(bytes(data)):
                return
        self.regulate()
        if self._ending and not self._queue and not self._over:
            self._close()

    def _forward(self, piece: bytes) -> bool:
        direction = self._direction
        data, cut = direction.until_cut(piece)
        self._sink.write(data)
        if cut:
            self._close()
            self._source.abortConnection()
            return False
        if direction.rate is not None:
            self._free_at = self._clock.seconds() + len(data) / direction.rate
        if direction.slices is not None:
            # In a turn of its own: what is written in one turn is sent at once.
            self._again(0)
        return True

    def _close(self) -> None:
        """The sink gets what was written, and no more."""
        self.stop()
        self.is_closing = True
        self._sink.unregisterProducer()
        self._sink.loseConnection()

    def _again(self, seconds: float) -> None:
        self._timer = self._clock.callLater(seconds, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._run()
