"""All that one test needs: a server in memory, clients, their time, and a record of what was said."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from ..client import Client
from ..connecting import connect
from ..errors import InvalidOption
from ..events import Event
from ..headers import Headers
from ..subjects import matches
from ..wire.header_block import HeaderBlock
from .commands import Command, Publish
from .fake_connection import FakeConnection
from .fake_server import FakeServer
from .faults import TROUBLES
from .memory import MemoryNetwork

if TYPE_CHECKING:
    from .jetstream import FakeJetStream

Result = TypeVar("Result")


class Published(msgspec.Struct, frozen=True):
    """What a client published: by ``publish``, as a request, or as an answer."""

    subject: str
    payload: bytes
    reply: str | None
    headers: Headers


class World:
    """NATS in memory, for one test.

    ::

        world = World()
        client = world.run(world.connect())
        world.server.answer("price", b"2.50")
        assert world.run(client.request("price")).payload == b"2.50"
        world.advance(60.0)
        world.close()

    Nothing happens by itself, and no test waits: ``run`` lets happen whatever it takes until there is a result, while
    time passes as it must.

    Args:
        jetstream: Whether there is a JetStream from the start, and not only once ``jetstream`` was asked for.
        options: What the server is told; see ``FakeServer``.

    Attributes:
        network: Moves the bytes.
        clock: Everybody's time; a program under test gets it as its reactor.
        server: The server: its ``faults``, ``kill()``, ``lame_duck()``, ``answer()`` ... make what a test is about.
        events: What happened to the clients, in order.
    """

    def __init__(self, *, jetstream: bool = False, **options: Any) -> None:
        self.network = MemoryNetwork()
        self.clock: Clock = self.network.clock
        self.server = FakeServer(self.clock, **options)
        self.server.intercept = self._record
        self.events: list[Event] = []
        self._jetstream: FakeJetStream | None = None
        self._said: list[Published] = []
        self._clients: list[Client] = []
        if jetstream:
            _ = self.jetstream

    @property
    def jetstream(self) -> FakeJetStream:
        """The server's JetStream: there is none before this is asked for."""
        if self._jetstream is None:
            # Most tests have no use for it.
            from .jetstream import FakeJetStream  # noqa: PLC0415

            self._jetstream = FakeJetStream(self.server)
        return self._jetstream

    def options(self, **options: Any) -> dict[str, Any]:
        """``reactor`` and ``servers`` for a program that makes a client of its own, beside what is given."""
        return {"reactor": self.clock, "servers": self.network.endpoint(self.server), **options}

    def connect(self, *, on_event: Callable[[Event], object] | None = None, **options: Any) -> Deferred[Client]:
        """A client, closed at the end.

        Args:
            on_event: Called with its events, which go into ``events`` as well.
            options: As for ``txnats.connect``.

        Returns:
            A Deferred of the connected client: to be awaited in a coroutine, else to be given to ``run``.
        """

        def tell(event: Event) -> None:
            self.events.append(event)
            if on_event is not None:
                on_event(event)

        return connect(**self.options(on_event=tell, **options)).addCallback(self._keep)

    def run(self, awaitable: Deferred[Result] | Coroutine[Any, Any, Result], *, limit: float = 3600.0) -> Result:
        """The result of a Deferred or coroutine; an error is raised.

        Raises:
            Stalled: It has none within so many seconds of the clock, or nothing is left that could bring one.
        """
        return self.network.run(awaitable, limit=limit)

    def advance(self, seconds: float) -> None:
        """Let time pass, with all that it leads to."""
        self.network.advance(seconds)

    def settle(self) -> None:
        """Let happen what is due at this moment."""
        self.network.pump()

    def suffer(self, *troubles: str) -> None:
        """Let these befall the clients, one after the other: names in ``txnats.testing.TROUBLES``.

        Raises:
            InvalidOption: There is no such trouble.
        """
        for name in troubles:
            if name not in TROUBLES:
                raise InvalidOption(f"there is no trouble {name!r}", hint=", ".join(TROUBLES))
            TROUBLES[name](self)

    def published(self, pattern: str = ">") -> list[Published]:
        """What clients have published to these subjects so far, in the order in which the server read it."""
        return [each for each in self._said if matches(pattern, each.subject)]

    def close(self) -> None:
        """Close the clients and the server.

        Raises:
            AssertionError: Timers were left behind.
        """
        for client in self._clients:
            self.run(client.close())
        self.server.kill()
        self.settle()
        left = self.clock.getDelayedCalls()
        assert not left, f"timers were left behind: {left}"

    def _keep(self, client: Client) -> Client:
        self._clients.append(client)
        return client

    def _record(self, _: FakeConnection, command: Command) -> None:
        if isinstance(command, Publish):
            headers = Headers() if not command.headers else HeaderBlock(command.headers).headers()
            reply = None if command.reply is None else command.reply.decode(errors="surrogateescape")
            subject = command.subject.decode(errors="surrogateescape")
            self._said.append(Published(subject, command.payload, reply, headers))
