"""A move from one connection to another: the new one is made fit before the old one is left.

Two servers cannot be switched at one instant. So the new server first learns all subscriptions and confirms that it
knows them; from then on both are told of each change. Then publishes go to the new one, and the old one is asked to
send no more and to confirm what it was handed; what it still had for us arrives before that confirmation. Replies and
work for a queue group may come from two servers without harm: for these the old one is left a moment later, until the
rest of the cluster has heard of the new one.

A confirmation by the new server says nothing about publishes that the old one was handed: the outbox knows whose is
which.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from ..errors import ConnectionLost
from ..state.pings import awaited
from ..state.subscriptions import Entry, Subscriptions
from ..wire import encode
from .connection import Connection
from .writer import Writer

LINGER = 0.25
"""Seconds that the rest of a cluster gets to hear where we are now."""
LEAVE_WITHIN = 5
"""Seconds that a server that is being left gets to hand over what it still has for us; those in which we read."""


class Handover:
    """The connection that will take over, and those that are being left; most of the time there is neither.

    Args:
        subscriptions: What a new server has to be told.
        writer: Moved from the one to the other.
        reads: Whether we read from connections at this moment.
    """

    def __init__(self, subscriptions: Subscriptions, writer: Writer, reads: Callable[[], bool]) -> None:
        self._subscriptions = subscriptions
        self._writer = writer
        self._reads = reads
        self._successor: Connection | None = None
        # What had come for each subscription when the successor was told of it.
        self._counts: dict[int, int] = {}
        # The one before that in use, whose publishes the outbox knows as those of the one that was left.
        self._left: Connection | None = None
        # All that have not yet handed over what they had for us.
        self._leaving: dict[Connection, None] = {}

    @property
    def left(self) -> Connection | None:
        """The connection that was left and has not confirmed all that it was handed."""
        return self._left if self._writer.outbox.is_split else None

    def is_leaving(self, connection: Connection) -> bool:
        """Whether it is being left and may still have something for us, or of us."""
        return connection in self._leaving

    def prepare(self, connection: Connection) -> Deferred[None]:
        """Tell a connection of all subscriptions; fires when its server knows them."""
        known, told = awaited(connection.pings.forget)
        self._successor = connection
        connection.ended.addCallback(lambda _: self._forget(connection))
        connection.pings.sent(0, -1, told)
        self._counts = self._subscriptions.counts()
        connection.write(b"".join([*self._subscriptions.replay(), encode.PING]))
        return known

    def command(self, command: bytes) -> None:
        """The one that will take over hears of each change to the subscriptions too."""
        if self._successor is not None:
            self._successor.write(command)

    def limit(self, entry: Entry) -> None:
        """It hears of a new limit too, in its own numbers: it has not counted what came before it was told."""
        self.command(encode.unsubscribe(entry.sid, entry.maximum - self._counts.get(entry.sid, 0)))

    def switch(self, old: Connection, new: Connection) -> None:
        """Publish on the new one from now on, and leave the old one when it has handed over all that it had."""
        self._forget(new)
        self._subscriptions.adopt(self._counts)
        # What waits goes to the old one, PINGs included, whose PONGs it will bring.
        self._writer.finish()
        outbox = self._writer.outbox
        outbox.split()
        self._left = old
        self._leaving[old] = None
        self._writer.attach(new, [])
        # What may come from two servers without harm, replies and work for a group, is wanted of the old one for a
        # while longer: other servers may not have heard yet that the new one has us.
        entries = list(self._subscriptions)
        gone = [encode.unsubscribe(entry.sid) for entry in entries if not entry.tolerant]
        old.pings.sent(outbox.written, -1, None)
        old.write(b"".join([*gone, encode.PING]))
        old.timers.later(LINGER, self._leave, old, [entry.sid for entry in entries if entry.tolerant])
        old.timers.later(1, self._waited, old, LEAVE_WITHIN)

    def _leave(self, old: Connection, sids: list[int]) -> None:
        old.pings.sent(0, -1, lambda error: self._dismiss(old) if error is None else None)
        old.write(b"".join([*map(encode.unsubscribe, sids), encode.PING]))

    def _waited(self, old: Connection, left: int) -> None:
        """A second has gone by. One in which nothing is read, because we are behind, is not held against the server."""
        left -= self._reads()
        if left > 0:
            old.timers.later(1, self._waited, old, left)
        else:
            old.fail(ConnectionLost(old.server, "it did not let us go in time"))

    def let_go(self, entry: Entry) -> None:
        """Those that are being left are to send no more of it either."""
        for connection in self._leaving:
            connection.write(encode.unsubscribe(entry.sid))

    def heard(self) -> list[Deferred[None]]:
        """For each connection beside the one in use: fires when all has come that its server has sent so far."""
        others = [*self._leaving] if self._successor is None else [*self._leaving, self._successor]
        return [self._heard(connection) for connection in others]

    def _heard(self, connection: Connection) -> Deferred[None]:
        done, told = awaited(connection.pings.forget)
        connection.pings.sent(0, -1, told)
        connection.write(encode.PING)
        return done

    def confirmed(self, connection: Connection, mark: int) -> None:
        """A server has read all that it was handed up to this mark."""
        if connection is self._left:
            self._writer.outbox.confirm_left(mark)
        elif connection is self._writer.connection:
            self._writer.outbox.confirm(mark)

    def down(self) -> None:
        """The connection in use is lost; what the one before has still to confirm counts as lost with it."""
        self._left = None

    def lost(self, connection: Connection) -> int | None:
        """A connection has ended: if it was being left, how many publishes it had not confirmed; else None."""
        if connection not in self._leaving:
            return None
        was_left = connection is self._left
        self._gone(connection)
        return self._writer.outbox.lost_left() if was_left else 0

    def _dismiss(self, old: Connection) -> None:
        self._gone(old)
        old.close()

    def _gone(self, connection: Connection) -> None:
        self._leaving.pop(connection, None)
        if connection is self._left:
            self._left = None

    def _forget(self, connection: Connection) -> None:
        if self._successor is connection:
            self._successor = None
