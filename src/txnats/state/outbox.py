"""Bytes that wait to leave, in order, and the fate of every publish among them.

Publishes are gathered in one list of pieces and sealed into a batch, joined once, when the writer comes for them or
enough have gathered. SUB, UNSUB and PING are batches of their own kind: they mean something to one connection only and
are forgotten with it, while publishes that were not written yet stay and go to the next one.

A publish is numbered by its place among all that were accepted. ``mark`` is the last number; a PONG for a PING that was
queued at a mark says that the server has *read* all publishes up to it (not that a stream has stored them).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..errors import NatsError, OutboxFull

SEAL_AT = 128 * 1024


class Batch:
    """Bytes that are written together.

    Attributes:
        data: All of them.
        publishes: How many publishes they hold; 0 for a batch of commands that belong to one connection.
    """

    __slots__ = ("data", "publishes")

    def __init__(self, data: bytes, publishes: int) -> None:
        self.data = data
        self.publishes = publishes


class Outbox:
    """What a client has accepted and not yet written.

    Args:
        limit: Bytes that may wait while connected.
        limit_down: Bytes that may wait while not.
        replay_limit: Bytes of written and unconfirmed publishes that are kept to be sent again; 0 keeps none.
        wake: Called when something begins to wait, and when ``SEAL_AT`` bytes have gathered.

    Attributes:
        size: Bytes that wait.
        mark: Publishes accepted so far.
        written: Publishes handed to a connection so far.
    """

    __slots__ = (
        "_batches",
        "_closed",
        "_commands",
        "_commands_in_all",
        "_confirmed",
        "_down",
        "_gathered",
        "_kept",
        "_kept_size",
        "_limit",
        "_limits",
        "_pieces",
        "_replay_limit",
        "_sealed_mark",
        "_wake",
        "_woken",
        "mark",
        "size",
        "written",
    )

    def __init__(self, *, limit: int, limit_down: int, replay_limit: int, wake: Callable[[], None]) -> None:
        self._limits = (limit, limit_down)
        self._limit = limit_down
        self._down = True
        self._replay_limit = replay_limit
        self._wake = wake
        self._closed: NatsError | None = None
        self._woken = False
        # At most one of these two gathers at a time: the other has been sealed.
        self._pieces: list[bytes] = []
        self._commands: list[bytes] = []
        self._gathered = 0
        self._commands_in_all = 0
        self._batches: deque[Batch] = deque()
        self._kept: deque[tuple[int, bytes]] = deque()
        self._kept_size = 0
        self._confirmed = 0
        self._sealed_mark = 0
        self.size = 0
        self.mark = 0
        self.written = 0

    def __len__(self) -> int:
        """Publishes that wait."""
        return self.mark - self.written

    @property
    def position(self) -> int:
        """Publishes and commands taken so far."""
        return self.mark + self._commands_in_all

    @property
    def unconfirmed(self) -> int:
        """Publishes written of which no PONG says that the server has read them."""
        return self.written - self._confirmed

    def add(self, pieces: tuple[bytes, ...], size: int) -> None:
        """Take one publish whole.

        Raises:
            OutboxFull: There is no room; nothing was taken.
        NatsError: It is closed, for this reason.
        """
        total = self.size + size
        if total + self._kept_size > self._limit:
            raise self._full()
        if self._commands:
            self._seal()
        self.size = total
        self.mark += 1
        self._pieces += pieces
        self._gathered += size
        if self._gathered >= SEAL_AT:
            self._seal()
            self._wake()
        elif not self._woken:
            self._woken = True
            self._wake()

    def add_command(self, command: bytes) -> None:
        """Take a command that is meant for the connection in use, behind all publishes so far."""
        if self._closed is not None:
            return
        if self._pieces:
            self._seal()
        self._commands.append(command)
        self._commands_in_all += 1
        self.size += len(command)
        self._gathered += len(command)
        if self._gathered >= SEAL_AT:
            self._seal()
            self._wake()
        elif not self._woken:
            self._woken = True
            self._wake()

    def take(self) -> Batch | None:
        """The next bytes to write, or None. Whoever takes them writes them."""
        if not self._batches:
            self._seal()
            if not self._batches:
                self._woken = False
                return None
        batch = self._batches.popleft()
        self.size -= len(batch.data)
        self.written += batch.publishes
        if self._replay_limit and batch.publishes:
            self._kept.append((self.written, batch.data))
            self._kept_size += len(batch.data)
        return batch

    def confirm(self, mark: int) -> None:
        """The server has read all publishes up to this mark."""
        self._confirmed = max(self._confirmed, min(mark, self.written))
        while self._kept and self._kept[0][0] <= self._confirmed:
            self._kept_size -= len(self._kept.popleft()[1])

    def up(self) -> None:
        """A connection stands: more may wait."""
        self._down = False
        self._limit = self._limits[0] if not self._replay_limit else max(self._limits[0], self._replay_limit)

    def lost(self) -> int:
        """The connection is gone with what was written: how many publishes nobody can vouch for.

        Commands that were meant for it are forgotten. Kept publishes stand again at the head of the queue.
        """
        self._seal()
        self._down = True
        self._limit = self._limits[1]
        unconfirmed = self.unconfirmed
        waiting = [batch for batch in self._batches if batch.publishes]
        again: list[Batch] = []
        before = self._confirmed
        for mark, data in self._kept:
            again.append(Batch(data, mark - before))
            before = mark
        if self._replay_limit:
            self.written = self._confirmed
        else:
            self._confirmed = self.written
        self._kept.clear()
        self._kept_size = 0
        self._batches = deque(again + waiting)
        self.size = sum(len(batch.data) for batch in self._batches)
        self._woken = False
        return unconfirmed

    def close(self, reason: NatsError) -> int:
        """Throw all away and take nothing more, for this reason; gives how many publishes were never written."""
        dropped = len(self)
        self._closed = reason
        self._limit = -1
        self._batches.clear()
        self._pieces.clear()
        self._commands.clear()
        self._kept.clear()
        self._gathered = self._kept_size = self.size = 0
        self.written = self._confirmed = self._sealed_mark = self.mark
        return dropped

    def _seal(self) -> None:
        if self._pieces:
            self._batches.append(Batch(b"".join(self._pieces), self.mark - self._sealed_mark))
            self._pieces.clear()
            self._sealed_mark = self.mark
        elif self._commands:
            self._batches.append(Batch(b"".join(self._commands), 0))
            self._commands.clear()
        self._gathered = 0

    def _full(self) -> NatsError:
        if self._closed is not None:
            return self._closed
        if self._down:
            return OutboxFull(
                waiting=self.size,
                limit=self._limit,
                what="no room to keep publishes while disconnected",
                hint="wait for Reconnected, or raise ReconnectOptions.buffer",
            )
        return OutboxFull(
            waiting=self.size + self._kept_size,
            limit=self._limit,
            what="the server takes bytes more slowly than they are published",
            hint="await client.ready_to_write() between publishes",
        )
