"""A move from one connection to another: the new one is made fit before the old one is left.

Two servers cannot be switched at one instant. So the new server first learns all subscriptions and confirms that it
knows them; from then on both are told of each change. Then publishes go to the new one, and the old one is asked to
send no more and to confirm what it was handed; what it still had for us arrives before that confirmation. Replies and
work for a queue group may come from two servers without harm: for these the old one is left a moment later, until the
rest of the cluster has heard of the new one.

A confirmation by the new server says nothing about publishes that the old one was handed: it is held back until the old
one's own has come.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ..errors import ConnectionLost
from ..state.pings import awaited
from ..state.subscriptions import Entry, Subscriptions
from ..wire import encode
from .connection import Connection
from .writer import Writer

LINGER = 0.25
"""Seconds that the rest of a cluster gets to hear where we are now."""
LEAVE_WITHIN = 5.0
"""Seconds that a server that is being left gets to hand over what it still has for us."""


class Handover:
    """The connection that will take over, and the one that is being left; most of the time there is neither.

    Args:
        subscriptions: What a new server has to be told.
        writer: Moved from the one to the other.
    """

    def __init__(self, subscriptions: Subscriptions, writer: Writer) -> None:
        self._subscriptions = subscriptions
        self._writer = writer
        self._successor: Connection | None = None
        # What had come for each subscription when the successor was told of it.
        self._counts: dict[int, int] = {}
        self._left: Connection | None = None
        self._left_mark = 0
        self._held_mark = 0

    @property
    def left(self) -> Connection | None:
        """The connection that was left and has not confirmed all that it was handed."""
        return self._left

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
        self._left, self._left_mark = old, self._writer.outbox.mark
        self._writer.attach(new, [])
        # What may come from two servers without harm, replies and work for a group, is wanted of the old one for a
        # while longer: other servers may not have heard yet that the new one has us.
        entries = list(self._subscriptions)
        gone = [encode.unsubscribe(entry.sid) for entry in entries if not entry.tolerant]
        old.pings.sent(self._left_mark, -1, None)
        old.write(b"".join([*gone, encode.PING]))
        old.later(LINGER, self._leave, old, [entry.sid for entry in entries if entry.tolerant])
        old.later(LEAVE_WITHIN, old.fail, ConnectionLost(old.server, "it did not let us go in time"))

    def _leave(self, old: Connection, sids: list[int]) -> None:
        old.pings.sent(self._left_mark, -1, lambda error: self._dismiss(old) if error is None else None)
        old.write(b"".join([*map(encode.unsubscribe, sids), encode.PING]))

    def confirmed(self, connection: Connection, mark: int) -> None:
        """A server has read all that it was handed up to this mark."""
        if connection is self._left:
            self._writer.outbox.confirm(mark)
            if mark >= self._left_mark:
                self._settle()
        elif connection is self._writer.connection:
            if self._left is None:
                self._writer.outbox.confirm(mark)
            else:
                self._held_mark = max(self._held_mark, mark)

    def lost(self, connection: Connection) -> int:
        """A connection has ended: how many publishes are in doubt because it was left and had not confirmed them."""
        if connection is not self._left:
            return 0
        unconfirmed = self._writer.outbox.give_up(self._left_mark)
        self._settle()
        return unconfirmed

    def _settle(self) -> None:
        """The one that was left has said all."""
        self._left = None
        held, self._held_mark = self._held_mark, 0
        self._writer.outbox.confirm(held)

    def _dismiss(self, old: Connection) -> None:
        old.close()

    def _forget(self, connection: Connection) -> None:
        if self._successor is connection:
            self._successor = None
