"""The supervisor: the machine of ``machine.py``, told of connections, and the few facts that others ask of it."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ..errors import ConnectionLost, NatsError
from ..options import ReconnectOptions
from ..state.servers import Server, Servers
from .connection import Connection
from .links import Core, Link, Owner


class Supervisor:
    """Keeps one connection in use.

    Args:
        clock: Waits and deadlines.
        servers: The pool.
        options: Whether and how long to go on.
        dial: Gives a live connection to a server, or a NatsError.
        owner: Told of each change.
    """

    def __init__(
        self,
        clock: IReactorTime,
        servers: Servers,
        options: ReconnectOptions,
        dial: Callable[[Server], Deferred[Connection]],
        owner: Owner,
    ) -> None:
        # Automat and the building of the machine are a fifth of the time that importing txnats would take.
        from .machine import make_machine  # noqa: PLC0415

        self._core = Core(clock, servers, options, dial, owner)
        self._machine = make_machine(self._core)

    @property
    def link(self) -> Link | None:
        """The link in use."""
        return self._core.link

    def start(self) -> None:
        """Get a first connection."""
        self._machine.start(ConnectionLost("", "there has been no connection yet"))

    def lost(self, connection: Connection, reason: NatsError) -> None:
        """A connection has ended; it matters only if it is the one in use."""
        link = self._core.link
        if link is not None and link.connection is connection:
            self._core.ending(link, reason, by_us=False)
            self._machine.lost(reason)

    def reconnect(self, reason: NatsError) -> None:
        """Leave the connection in use and get another; without a wait if none is in use."""
        if self._core.link is not None:
            self._core.ending(self._core.link, reason, by_us=True)
        self._machine.reconnect(reason)

    def lame_duck(self, connection: Connection) -> None:
        """The server in use will shut down: move to another one before it does."""
        link = self._core.link
        if link is not None and link.connection is connection:
            self._machine.lame_duck(link)

    def drain(self) -> None:
        """From now on the loss of the connection is the end."""
        self._machine.drain()

    def close(self, reason: NatsError | None) -> None:
        """End, for this reason or because it was asked for."""
        self._machine.close(reason)
