"""What the supervisor's machine handles: links, attempts at one, and the move from one to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from ..errors import ConnectionLost, NatsError
from ..options import ReconnectOptions
from ..state.servers import Server, Servers
from .connection import Connection
from .timer import cancel

MOVE_WITHIN = 15.0
"""Seconds that a move to another server may take before it is given up."""
MOVE_AGAIN_AFTER = 0.25
"""Seconds between two attempts at a successor."""


SETTLED_AFTER = 1.0
"""Seconds after which a server that took us in has proved good."""


class Owner(Protocol):
    """What the supervisor tells of each change. None of these may raise."""

    def dialing(self, server: Server, *, again: bool) -> None:
        """An attempt starts; ``again`` once there has been a connection."""

    def failed(self, server: Server, error: NatsError) -> None:
        """It failed."""

    def up(self, connection: Connection, server: Server, *, again: bool) -> None:
        """This connection is the one in use."""

    def down(self, connection: Connection, server: Server, reason: NatsError) -> None:
        """It is gone."""

    def prepare(self, connection: Connection) -> Deferred[None]:
        """Make a second connection fit to take over: fires when its server knows all subscriptions."""

    def switch(self, old: Connection, new: Connection, server: Server) -> None:
        """Publish on the new one from now on, and leave the old one when nothing more is wanted of it."""

    def closed(self, reason: NatsError | None, connection: Connection | None) -> None:
        """All is over; the connection, if there is one still, is the owner's to close."""


class Inputs(Protocol):
    """What can happen."""

    def start(self, reason: NatsError) -> None: ...
    def retry(self, server: Server) -> None: ...
    def dialed(self, link: Link) -> None: ...
    def failed(self, reason: NatsError) -> None: ...
    def lost(self, reason: NatsError) -> None: ...
    def reconnect(self, reason: NatsError) -> None: ...
    def lame_duck(self, link: Link) -> None: ...
    def prepared(self, link: Link) -> None: ...
    def stay(self, link: Link) -> None: ...
    def drain(self) -> None: ...
    def close(self, reason: NatsError | None) -> None: ...


class Link:
    """A live connection and the server that it goes to."""

    __slots__ = ("connection", "server")

    def __init__(self, connection: Connection, server: Server) -> None:
        self.connection = connection
        self.server = server

    def drop(self, why: str) -> None:
        """Cut it; nobody hears of it any more."""
        self.connection.leave()
        self.connection.fail(ConnectionLost(self.server.name, why))


class Attempt:
    """A dial under way.

    Args:
        server: Who is dialled.
        spare: Whether there is a connection meanwhile, so that a failure is no strike against the server.
    """

    __slots__ = ("_dialing", "_over", "_spare", "server")

    def __init__(self, server: Server, *, spare: bool = False) -> None:
        self.server = server
        self._spare = spare
        self._dialing: Deferred[None] | None = None
        self._over = False

    def start(self, machine: Inputs, core: Core) -> Attempt:
        """Dial; the outcome comes back as an input, unless the attempt was cancelled."""
        core.owner.dialing(self.server, again=core.ever_live)
        if self._over:
            return self

        def dialed(connection: Connection) -> None:
            link = Link(connection, self.server)
            if self._over:
                link.drop("it came too late")
            else:
                machine.dialed(link)

        def failed(failure: Failure) -> None:
            if not self._over:
                error = _nats_error(self.server, failure)
                core.servers.failed(self.server, error, spare=self._spare)
                core.owner.failed(self.server, error)
                machine.failed(error)

        self._dialing = core.dial(self.server).addCallbacks(dialed, failed)
        return self

    def cancel(self) -> None:
        self._over = True
        if self._dialing is not None:
            self._dialing.cancel()


class Move:
    """The way from a link to its successor."""

    __slots__ = ("_attempt", "_deadline", "_pause", "_successor", "link")

    def __init__(self, machine: Inputs, core: Core, link: Link) -> None:
        self.link = link
        self._attempt: Attempt | None = None
        self._successor: Link | None = None
        self._pause: IDelayedCall | None = None
        self._deadline = core.clock.callLater(MOVE_WITHIN, machine.stay, link)
        if core.clock.seconds() - core.moved >= SETTLED_AFTER:
            self.attempt(machine, core)
        else:
            # Two servers that send us to each other must not do so at full speed.
            self.again(machine, core)

    def attempt(self, machine: Inputs, core: Core) -> None:
        """Dial another server, as soon as there is one."""
        server = core.servers.other(self.link.server)
        if server is None:
            self.again(machine, core)
        else:
            # Known before it starts: whoever hears of it may end the move.
            attempt = self._attempt = Attempt(server, spare=True)
            attempt.start(machine, core)

    def again(self, machine: Inputs, core: Core) -> None:
        """The attempt, or what came of it, failed: another one after a pause."""
        self._attempt = self._successor = None
        self._pause = core.clock.callLater(MOVE_AGAIN_AFTER, self.attempt, machine, core)

    def dialed(self, machine: Inputs, core: Core, successor: Link) -> None:
        """Prepare the successor."""
        self._attempt, self._successor = None, successor
        core.owner.prepare(successor.connection).addCallbacks(
            lambda _: machine.prepared(successor), lambda _: self.again(machine, core) if self._successor else None
        )

    def end(self) -> None:
        """The successor is in use."""
        self._successor = None
        self.abandon()

    def abandon(self) -> None:
        """Leave no timer, attempt or successor behind."""
        cancel(self._deadline, self._pause)
        if self._attempt is not None:
            self._attempt.cancel()
        successor, self._successor = self._successor, None
        if successor is not None:
            successor.drop("the move to this server was given up")


class Core:
    """What all states share."""

    def __init__(
        self,
        clock: IReactorTime,
        servers: Servers,
        options: ReconnectOptions,
        dial: Callable[[Server], Deferred[Connection]],
        owner: Owner,
    ) -> None:
        self.clock = clock
        self.servers = servers
        self.options = options
        self.dial = dial
        self.owner = owner
        self.link: Link | None = None
        self.since = 0.0
        self.moved = float("-inf")
        self.tried = False
        self.ever_live = False
        self.draining = False

    def enter(self, link: Link) -> Link:
        """This link is in use."""
        self.link = link
        self.since = self.clock.seconds()
        return link

    def ending(self, link: Link, reason: NatsError, *, by_us: bool) -> None:
        """It is about to be no longer: note that, for the choice of the next server.

        A server that dropped us soon after it took us in has failed us, as one that did not take us in.
        """
        if self.clock.seconds() - self.since >= SETTLED_AFTER:
            self.servers.settled(link.server)
        elif not by_us:
            self.servers.failed(link.server, reason)
        self.servers.lost(link.server, reason)

    def leave(self, link: Link, reason: NatsError) -> None:
        """It is no longer."""
        self.link = None
        self.owner.down(link.connection, link.server, reason)


def _nats_error(server: Server, failure: Failure) -> NatsError:
    error = failure.value
    return error if isinstance(error, NatsError) else ConnectionLost(server.name, f"{type(error).__name__}: {error}")
