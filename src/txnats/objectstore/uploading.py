"""Chunks on their way into a store: many at a time, and in order whatever happens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress

import msgspec
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from ..errors import ClientClosed, NatsError
from ..jetstream.assets.streams import Stream
from ..jetstream.context import JetStream
from ..jetstream.errors import SequenceNotFound, StreamNotFound
from ..jetstream.publish.ack import PubAck
from ..nuid import next_nuid
from .chunking import Cutter
from .hashing import Hashing, Run
from .sources import Source

BYTES_IN_FLIGHT = 4 * 1024 * 1024
MOST_IN_FLIGHT = 256
PURGE_TIMEOUT, TRY_TIMEOUT, PAUSE = 60.0, 5.0, 0.25
Progress = Callable[[int, int | None], object]
"""Called with the bytes that are done and how many there are in all, None when that is not known."""


class _Sent(msgspec.Struct, eq=False):
    """A chunk that is not known to be in its place yet."""

    data: bytes
    fate: Deferred[PubAck]


class Upload:
    """Stores the chunks of one object.

    A chunk whose answer is lost is sent again under the same message id. One that was refused for a moment may so get
    behind later ones: the sequences tell, and the later ones are then removed and stored again.

    Args:
        js: Where the store is.
        stream: Its stream.
        subject: Where the chunks go.
        chunk_size: Bytes of a chunk.
        progress: Told of each chunk that is in its place.
        timeout: Seconds for a chunk.
        run: Does something in a thread.

    Attributes:
        cutter: What has cut the chunks.
        digest: Theirs, at the end.
    """

    def __init__(
        self,
        js: JetStream,
        stream: Stream,
        subject: str,
        *,
        chunk_size: int,
        progress: Progress | None,
        timeout: float | None,
        run: Run | None = None,
    ) -> None:
        self._publish = js.publish
        self._stream = stream
        self._subject = subject
        self._chunk_size = chunk_size
        self._progress = progress
        self._timeout = timeout
        self._most = max(1, min(MOST_IN_FLIGHT, BYTES_IN_FLIGHT // chunk_size))
        self._in_flight: deque[_Sent] = deque()
        self._last_sequence = 0
        self._done = 0
        self._total: int | None = None
        self._hashing = Hashing(run)
        self.cutter = Cutter(chunk_size)
        self.digest = ""

    async def run(self, source: Source) -> None:
        """Store all of a source; what it raises is raised."""
        self._total = source.total
        while data := await source.read(self._chunk_size):
            for chunk in self.cutter.feed(data):
                await self._send(chunk)
        for chunk in self.cutter.end():
            await self._send(chunk)
        while self._in_flight:
            await self._settle()
        self.digest = await self._hashing.digest()

    def settled(self) -> Deferred[list[tuple[bool, PubAck]]]:
        """Fires when nothing is on its way any more; what has failed is forgotten."""
        waiting = DeferredList([each.fate for each in self._in_flight], consumeErrors=True)
        self._in_flight.clear()
        return waiting

    async def _send(self, chunk: bytes) -> None:
        if len(self._in_flight) >= self._most:
            await self._settle()
        self._in_flight.append(self._sent(chunk))
        self._hashing.add(chunk)
        if self._hashing.is_behind:
            await self._hashing.catch_up()

    def _sent(self, chunk: bytes) -> _Sent:
        return _Sent(chunk, self._publish(self._subject, chunk, message_id=next_nuid(), timeout=self._timeout))

    async def _settle(self) -> None:
        """Wait until the first chunk that is on its way is in its place."""
        sent = self._in_flight[0]
        ack = await shielded(sent.fate)
        while ack.sequence <= self._last_sequence:
            await self._remove(ack.sequence)
            sent.fate = self._sent(sent.data).fate
            ack = await shielded(sent.fate)
        self._last_sequence = ack.sequence
        self._in_flight.popleft()
        self._done += len(sent.data)
        if self._progress is not None:
            self._progress(self._done, self._total)

    async def _remove(self, sequence: int) -> None:
        with suppress(SequenceNotFound):  # an earlier try has done it
            await self._stream.delete_message(sequence, erase=False)


def shielded(fate: Deferred[PubAck]) -> Deferred[PubAck]:
    """The same fate; who waits no longer for this one does not end the tries."""
    waiting: Deferred[PubAck] = Deferred(lambda _: None)

    def tell(result: PubAck | Failure) -> PubAck | Failure | None:
        if waiting.called:
            return result
        if isinstance(result, Failure):
            waiting.errback(result)
            return None
        waiting.callback(result)
        return result

    fate.addBoth(tell)
    return waiting


async def purge(stream: Stream, subject: str, timeout: float = PURGE_TIMEOUT) -> NatsError | None:
    """Drop all chunks of a subject, with as many tries as there is time for; why it did not succeed, if it did not."""
    clock = stream.js.api.clock
    deadline = clock.seconds() + timeout
    while True:
        try:
            await stream.purge(subject, timeout=min(TRY_TIMEOUT, max(0.1, deadline - clock.seconds())))
            return None
        except (StreamNotFound, ClientClosed) as error:
            return error
        except NatsError as error:
            if clock.seconds() + PAUSE >= deadline:
                return error
        await deferLater(clock, PAUSE)
