"""Bytes that wait to leave, in order, and the fate of every publish among them.

Publishes are gathered in one list of pieces and sealed into a batch, joined once, when the writer comes for them or
enough have gathered for one. SUB, UNSUB and PING are batches of their own kind: they mean something to one connection
only and are forgotten with it, while publishes that were not written yet stay and go to the next one.

A publish is numbered by its place among all that were accepted. ``mark`` is the last number; a PONG for a PING that was
queued at a mark says that the server has *read* all publishes up to it (not that a stream has stored them).

After a move two connections have publishes to confirm: the one that was left those up to the mark of the move, the one
in use those behind. Each speaks for its own. Here is known at any moment how many nobody vouches for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..errors import NatsError, OutboxFull
from ..wire.encode import CRLF

SEAL_AT = 60 * 1024
LARGE = 8 * 1024
"""Bytes of a publish, on average in a batch, above which the pieces are not joined here."""
PIECES = 4
"""A publish is always so many pieces: head, length line, payload, CRLF."""
_NO_ROOM = _NEVER_CALM = -1


class Batch:
    """Bytes that are written together.

    Attributes:
        data: All of them, joined, or in their pieces where these are large: then joining is the transport's.
        size: How many bytes they are.
        publishes: How many publishes they hold; 0 for a batch of commands that belong to one connection.
    """

    __slots__ = ("data", "publishes", "size")

    def __init__(self, data: bytes | list[bytes], size: int, publishes: int) -> None:
        self.data = data
        self.size = size
        self.publishes = publishes


class Outbox:
    """What a client has accepted and not yet written.

    Args:
        limit: Bytes that may wait while connected.
        limit_down: Bytes that may wait while not.
        replay_limit: Bytes of written and unconfirmed publishes that are kept to be sent again; 0 keeps none.
        wake: Called when something begins to wait.

    Attributes:
        size: Bytes that wait.
        written: Publishes handed to a connection so far.
        again: How many of the marks belong to publishes that were queued a second time.
        forsaken: Publishes so far that nobody can vouch for any more, and that are not sent again.
    """

    __slots__ = (
        "_batches",
        "_calm_up_to",
        "_closed",
        "_commands",
        "_commands_in_all",
        "_commands_limit",
        "_commands_size",
        "_confirmed",
        "_down",
        "_held",
        "_kept",
        "_kept_size",
        "_left",
        "_limit",
        "_limits",
        "_pieces",
        "_replay_limit",
        "_sealed_mark",
        "_sealed_payload",
        "_sealed_size",
        "_wake",
        "_woken",
        "again",
        "forsaken",
        "size",
        "written",
    )

    def __init__(self, *, limit: int, limit_down: int, replay_limit: int, wake: Callable[[], None]) -> None:
        # What is written and unconfirmed counts too where it is kept, so that the smaller of the two bounds holds.
        self._limits = (min(limit, replay_limit) if replay_limit else limit, limit_down)
        self._limit = limit_down
        self._down = True
        self._replay_limit = replay_limit
        self._wake = wake
        self._woken = False
        self._closed: NatsError | None = None
        # At most one of these two gathers at a time: the other has been sealed.
        self._pieces: list[bytes] = []
        self._commands: list[bytes] = []
        self._commands_in_all = 0
        self._commands_size = 0
        self._commands_limit = limit
        self._batches: deque[Batch] = deque()
        self._sealed_size = 0
        self._sealed_mark = 0
        self._sealed_payload = 0
        self._kept: deque[tuple[int, Batch]] = deque()
        self._kept_size = 0
        self._confirmed = 0
        # The mark of the move, until the connection that was left has confirmed it or is lost; and how far the one in
        # use has confirmed meanwhile.
        self._left = self._held = 0
        # Up to this size a publish needs nothing but its place in the list: no limit, sealing or waking is due.
        self._calm_up_to = _NEVER_CALM
        self.size = 0
        self.written = 0
        self.again = 0
        self.forsaken = 0

    def __len__(self) -> int:
        """Publishes that wait."""
        return self.mark - self.written

    @property
    def mark(self) -> int:
        """Publishes accepted so far."""
        return self._sealed_mark + len(self._pieces) // PIECES

    @property
    def payload_bytes(self) -> int:
        """Bytes of headers and payloads of the publishes accepted so far."""
        return self._sealed_payload + sum(map(len, self._pieces[2::PIECES]))

    @property
    def position(self) -> int:
        """Publishes and commands taken so far."""
        return self.mark + self._commands_in_all

    @property
    def held(self) -> int:
        """Bytes that wait or are kept to be sent again."""
        return self.size + self._kept_size

    @property
    def unconfirmed(self) -> int:
        """Publishes written of which no PONG says that the server has read them."""
        unconfirmed = self.written - self._confirmed
        return unconfirmed - max(0, self._held - self._left) if self._left else unconfirmed

    @property
    def is_split(self) -> bool:
        """Whether a connection that was left has still to confirm what it was handed."""
        return self._left > 0

    @property
    def replays(self) -> bool:
        """Whether what nobody can vouch for is sent again."""
        return self._replay_limit > 0

    def is_below(self, size: int) -> bool:
        """Whether no more than so many bytes wait or are kept, and no more than half of what may."""
        return self.held <= min(size, self._limit // 2) and self._limit > 0

    def add(self, head: bytes, length_line: bytes, payload: bytes) -> None:
        """Take one publish whole.

        Raises:
            OutboxFull: There is no room; nothing was taken.
            NatsError: It is closed, for this reason.
        """
        size = self.size + len(head) + len(length_line) + len(payload) + 2
        if size > self._calm_up_to:
            self._check_room(size)
            if self._commands:
                self._seal()
            self.size = size
            self._pieces += (head, length_line, payload, CRLF)
            self._taken()
        else:
            self.size = size
            self._pieces += (head, length_line, payload, CRLF)

    def add_with_block(self, head: bytes, length_line: bytes, block: bytes, payload: bytes) -> None:
        """As ``add``, with a header block in front of the payload: a large payload is not copied for its sake."""
        self.add(head, length_line + block, payload)
        self._sealed_payload += len(block)

    def add_command(self, command: bytes) -> None:
        """Take a command that is meant for the connection in use, behind all publishes so far."""
        if self._closed is not None:
            return
        if self._pieces:
            self._seal()
        self._commands.append(command)
        self._commands_in_all += 1
        self._commands_size += len(command)
        self.size += len(command)
        self._taken()

    def check_commands(self) -> None:
        """Refuse what would lead to more commands while too many bytes of them wait: as many as may wait of publishes.

        They have a limit of their own, so that one who publishes too much can still subscribe.

        Raises:
            OutboxFull: There is no room for commands.
        """
        if self._commands_size > self._commands_limit:
            raise OutboxFull(
                waiting=self._commands_size,
                limit=self._commands_limit,
                what="the server takes commands more slowly than they are given",
                hint="await client.flush() now and then while subscribing",
            )

    def take(self) -> Batch | None:
        """The next bytes to write, or None. Whoever takes them writes them."""
        if not self._batches:
            self._seal()
        if not self._batches:
            self._woken = False
            self._calm_up_to = _NEVER_CALM
            return None
        batch = self._batches.popleft()
        self.size -= batch.size
        self._sealed_size -= batch.size
        self.written += batch.publishes
        if not batch.publishes:
            self._commands_size -= batch.size
        if self._replay_limit and batch.publishes:
            self._kept.append((self.written, batch))
            self._kept_size += batch.size
        self._find_calm()
        return batch

    def confirm(self, mark: int) -> None:
        """The server in use has read all that it was handed up to this mark."""
        mark = min(mark, self.written)
        if self._left:
            self._held = max(self._held, mark)
        else:
            self._confirm(mark)

    def split(self) -> None:
        """What is taken from now on goes to another connection; the one before may still confirm what it has."""
        if self.unconfirmed:
            self._left = self.written

    def confirm_left(self, mark: int) -> None:
        """The server that was left has read all that it was handed up to this mark."""
        if self._left:
            self._confirm(min(mark, self._left))
            if self._confirmed >= self._left:
                self._join()

    def up(self) -> None:
        """A connection stands: more may wait."""
        self._down = False
        self._limit = self._limits[0]
        self._find_calm()

    def lost(self, *, again: bool = True) -> int:
        """The connection is gone with what was written: how many publishes nobody can vouch for.

        Commands that were meant for it are forgotten. Kept publishes stand again at the head of the queue, unless they
        are not to be sent again. What another connection had that was left before is no longer waited for.
        """
        self._seal()
        self._down = True
        self._woken = False
        self._limit = self._limits[1]
        unconfirmed = self.unconfirmed
        # A batch goes again whole, also when its first publishes were confirmed.
        kept = [batch for mark, batch in self._kept if again and not self._left < mark <= self._held]
        if not kept:
            self.forsaken += unconfirmed
        self.written -= sum(batch.publishes for batch in kept)
        self._confirmed = self.written
        self._left = self._held = 0
        self._commands_size = 0
        self._kept.clear()
        self._kept_size = 0
        self._batches = deque([*kept, *(batch for batch in self._batches if batch.publishes)])
        self.size = self._sealed_size = sum(batch.size for batch in self._batches)
        self._find_calm()
        return unconfirmed

    def lost_left(self) -> int:
        """The connection that was left is gone, while the one in use goes on.

        Gives how many publishes nobody can vouch for. Kept ones are queued again, behind what waits.
        """
        if not self._left:
            return 0
        unconfirmed = self._left - self._confirmed
        self._seal()
        while self._kept and self._kept[0][0] <= self._left:
            _, batch = self._kept.popleft()
            self._kept_size -= batch.size
            self._batches.append(batch)
            self._sealed_mark += batch.publishes
            self.again += batch.publishes
            self.size += batch.size
        self._sealed_size = self.size
        if not self.replays:
            self.forsaken += unconfirmed
        self._confirm(self._left)
        self._join()
        if self._batches and not self._woken:
            self._woken = True
            self._wake()
        return unconfirmed

    def close(self, reason: NatsError) -> int:
        """Throw all away and take nothing more, for this reason; gives how many publishes were never written.

        What is unconfirmed now stays so.
        """
        if self._closed is not None:
            return 0
        self._seal()
        dropped, unconfirmed = len(self), self.unconfirmed
        self.forsaken += unconfirmed
        self._closed = reason
        self._limit = _NO_ROOM
        self._batches.clear()
        self._kept.clear()
        self._kept_size = self._sealed_size = self._commands_size = self.size = 0
        self.written += dropped
        self._confirmed = self.written - unconfirmed
        self._left = self._held = 0
        self._find_calm()
        return dropped

    def _confirm(self, mark: int) -> None:
        self._confirmed = max(self._confirmed, mark)
        while self._kept and self._kept[0][0] <= self._confirmed:
            self._kept_size -= self._kept.popleft()[1].size
        self._find_calm()

    def _join(self) -> None:
        """There is only the connection in use to confirm anything."""
        held = self._held
        self._left = self._held = 0
        self._confirm(held)

    def _check_room(self, size: int) -> None:
        if size + self._kept_size > self._limit:
            # Without the frames of earlier times: once closed, it is the same error each time.
            raise self._full().with_traceback(None)

    def _taken(self) -> None:
        """Something was added: seal what has gathered, wake the writer if it sleeps."""
        if self.size - self._sealed_size >= SEAL_AT:
            self._seal()
        asleep, self._woken = not self._woken, True
        self._find_calm()
        if asleep:
            self._wake()

    def _find_calm(self) -> None:
        if not self._woken or self._commands:
            self._calm_up_to = _NEVER_CALM
        else:
            self._calm_up_to = min(self._limit - self._kept_size, self._sealed_size + SEAL_AT - 1)

    def _seal(self) -> None:
        size = self.size - self._sealed_size
        if self._pieces:
            pieces = self._pieces
            publishes = len(pieces) // PIECES
            self._sealed_payload += sum(map(len, pieces[2::PIECES]))
            self._batches.append(Batch(pieces if size > LARGE * publishes else b"".join(pieces), size, publishes))
            self._sealed_mark += publishes
            self._pieces = []
        elif self._commands:
            self._batches.append(Batch(b"".join(self._commands), size, 0))
            self._commands.clear()
        self._sealed_size = self.size

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
