"""How this client dials any server: the same CONNECT, credentials, bounds and deadline for each."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime

from ..auth.authenticators import Authenticator
from ..errors import DialFailed, NatsError, TlsUnavailable
from ..message import Message, Origin
from ..options import Limits, PingOptions, TlsOptions
from ..state.handshake import Credentials, Handshake
from ..state.servers import Server
from ..wire.info import ConnectInfo
from ..wire.parser import Parser
from .connection import Connection, Listener
from .dial import dial
from .endpoints import Endpoints


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """What every server is told, and what it may take.

    Attributes:
        connect: CONNECT, credentials aside.
        auth: Who we are; credentials in a server's URL come first.
        tls: How TLS is done; None for no wish.
        timeout: Seconds for one attempt.
    """

    connect: ConnectInfo
    auth: Authenticator | None
    tls: TlsOptions | None
    ping: PingOptions
    limits: Limits
    timeout: float


class Dialer:
    """Dials servers.

    Args:
        clock: Deadlines.
        endpoints: How to get to each server.
        greeting: What to say there.
        deliver: Gets messages.
        origin: What each message gets of the client.
        listener: Gets everything else.
        opened: Told of each connection that is made.
    """

    def __init__(
        self,
        clock: IReactorTime,
        endpoints: Endpoints,
        greeting: Greeting,
        *,
        deliver: Callable[[Message], None],
        origin: Origin,
        listener: Listener,
        opened: Callable[[Connection], None],
    ) -> None:
        self._clock = clock
        self._endpoints = endpoints
        self._greeting = greeting
        self._deliver = deliver
        self._origin = origin
        self._listener = listener
        self._opened = opened

    def __call__(self, server: Server) -> Deferred[Connection]:
        """A live connection to this server, or a NatsError that says why there is none."""
        try:
            if self._greeting.tls is not None and not (server.address and server.address.scheme == "wss"):
                raise TlsUnavailable(server.name, "TLS is not supported yet", hint="nothing was sent")
            endpoint = self._endpoints(server)
        except NatsError:
            return fail()
        except Exception as error:
            # The caller's own endpoint_factory.
            return fail(DialFailed(server.name, f"there is no endpoint: {type(error).__name__}: {error}", cause=error))
        return dial(
            self._clock, endpoint, lambda: self._make(server), server=server.name, timeout=self._greeting.timeout
        )

    def _make(self, server: Server) -> Connection:
        greeting = self._greeting
        address = server.address
        wants_tls = address is not None and address.secure
        connection = Connection(
            clock=self._clock,
            server=server.name,
            handshake=Handshake(
                server.name,
                greeting.connect,
                self._credentials(server),
                tls=wants_tls,
                # Of a WebSocket, its URL alone says whether it is within TLS.
                secure=wants_tls and address is not None and address.websocket,
            ),
            parser=Parser(greeting.limits, self._origin),
            ping=greeting.ping,
            deliver=self._deliver,
            listener=self._listener,
        )
        self._opened(connection)
        return connection

    def _credentials(self, server: Server) -> Credentials:
        auth = (server.address.auth if server.address is not None else None) or self._greeting.auth
        return auth.fields if auth is not None else _nobody


def _nobody(nonce: str) -> dict[str, str]:  # noqa: ARG001  # a server that wants no login takes whatever nonce it sent
    return {}
