"""Who waits for the server to have read what was sent: for the PONG of a PING behind it.

While there is no connection they wait for the next one. After a move a PONG of the connection in use says nothing about
publishes that went to the one before: who asks about publishes waits until that one has confirmed them too.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ..errors import NatsError, OutboxFull
from ..state.pings import MOST_WAITERS, Waiter, awaited
from .connection import Connection
from .writer import Writer


class Barriers:
    """Those who wait, and where they have to wait first.

    Args:
        writer: Sends the PINGs.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._for_a_connection: dict[Waiter, None] = {}
        self._for_the_left_one: dict[Waiter, None] = {}
        self._closed: NatsError | None = None

    def wait(self, *, share: bool = True, publishes: bool = False) -> Deferred[None]:
        """Fires when the server has read all that was sent; while there is no connection, when the next one has.

        Args:
            share: Whether a PING that is under way already may serve.
            publishes: Whether the publishes matter that a server which is being left was handed.
        """
        done, waiter = awaited(self._forget)
        connection = self._writer.connection
        if connection is not None and connection.pings.most >= MOST_WAITERS:
            waiter(_too_many("the server", connection.pings.most))
        else:
            self._ask(waiter, share=share, publishes=publishes)
        return done

    def of(self, connection: Connection) -> Deferred[None]:
        """As ``wait``, of this connection: however many wait, for those who are few by nature."""
        done, waiter = awaited(connection.pings.forget)
        self._writer.ping(connection, waiter)
        return done

    def up(self, connection: Connection) -> None:
        """A connection stands."""
        for waiter in _taken(self._for_a_connection):
            self._writer.ping(connection, waiter)

    def joined(self, lost: NatsError | None = None) -> None:
        """The connection that was left has confirmed all that it was handed, or never will, for this reason."""
        for waiter in _taken(self._for_the_left_one):
            if lost is None:
                self._ask(waiter)
            else:
                waiter(lost)

    def down(self, reason: NatsError) -> None:
        """The connection in use is gone; those who have asked it hear that from it."""
        for waiter in _taken(self._for_the_left_one):
            waiter(reason)

    def end(self, error: NatsError) -> None:
        """There will be no connection any more."""
        self._closed = error
        for waiter in [*_taken(self._for_a_connection), *_taken(self._for_the_left_one)]:
            waiter(error)

    def _ask(self, waiter: Waiter, *, share: bool = True, publishes: bool = False) -> None:
        connection = self._writer.connection
        if self._closed is not None:
            waiter(self._closed)
        elif connection is None:
            self._hold(self._for_a_connection, waiter, "a connection")
        elif publishes and self._writer.outbox.is_split:
            self._hold(self._for_the_left_one, waiter, "the server that was left")
        else:
            self._writer.ping(connection, waiter, share=share)

    def _hold(self, waiting: dict[Waiter, None], waiter: Waiter, what: str) -> None:
        if len(waiting) < MOST_WAITERS:
            waiting[waiter] = None
        else:
            waiter(_too_many(what, len(waiting)))

    def _forget(self, waiter: Waiter) -> None:
        """Somebody waits no longer."""
        self._for_a_connection.pop(waiter, None)
        self._for_the_left_one.pop(waiter, None)
        if self._writer.connection is not None:
            self._writer.connection.pings.forget(waiter)


def _taken(waiting: dict[Waiter, None]) -> list[Waiter]:
    """All of them, who wait here no longer."""
    waiters = list(waiting)
    waiting.clear()
    return waiters


def _too_many(what: str, count: int) -> OutboxFull:
    return OutboxFull(
        waiting=count,
        limit=MOST_WAITERS,
        what=f"too many calls wait for {what}",
        hint="await one before the next",
        unit="calls",
    )
