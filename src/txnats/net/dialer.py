"""How this client dials any server: the same CONNECT, credentials, bounds and deadline for each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime

from .. import events
from ..auth.authenticators import Authenticator
from ..errors import DialFailed, NatsError, TlsUnavailable
from ..message import Origin
from ..options import Limits, PingOptions, TlsOptions
from ..state.handshake import Credentials, Handshake
from ..state.servers import Server
from ..wire.info import ConnectInfo
from ..wire.ops import Op
from ..wire.parser import Parser
from .connection import Connection, Listener
from .dial import dial
from .endpoints import Endpoints
from .transports import Security


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
        tell: Gets events.
    """

    def __init__(
        self,
        clock: IReactorTime,
        endpoints: Endpoints,
        greeting: Greeting,
        *,
        deliver: Callable[[list[Op], int], int],
        origin: Origin,
        listener: Listener,
        opened: Callable[[Connection], None],
        tell: Callable[[events.Event], None],
    ) -> None:
        self._clock = clock
        self._endpoints = endpoints
        self._greeting = greeting
        self._deliver = deliver
        self._origin = origin
        self._listener = listener
        self._opened = opened
        self._tell = tell
        self._secure = False

    def __call__(self, server: Server) -> Deferred[Connection]:
        """A live connection to this server, or a NatsError that says why there is none."""
        try:
            if server.address is not None and server.address.scheme == "ws" and self._settles_for_no_less():
                raise TlsUnavailable(server.name, "ws:// is in clear", hint="use wss://; nothing was sent")
            # Before anything is dialled: what cannot be read is told at once.
            security = self._security(server) if self._upgrades(server) else None
            endpoint = self._endpoints(server)
        except NatsError:
            return fail()
        except BaseException as error:  # an attempt that failed, and no more
            # The caller's own endpoint_factory. Its text is not shown: a proxy's password may be in it.
            return fail(
                DialFailed(server.name, f"there is no endpoint: {type(error).__name__} was raised", cause=error)
            )
        make = partial(self._make, server, security)
        dialing = dial(self._clock, endpoint, make, server=server.name, timeout=self._greeting.timeout)
        return dialing.addCallback(self._dialed)

    def _dialed(self, connection: Connection) -> Connection:
        """Who has had TLS once settles for no less: a server that offers none any longer may not be the same one."""
        self._secure = self._secure or connection.handshake.secure
        return connection

    def _settles_for_no_less(self) -> bool:
        return self._secure or self._greeting.tls is not None

    def _wants_tls(self, server: Server) -> bool:
        return self._greeting.tls is not None or (server.address is not None and server.address.secure)

    def _upgrades(self, server: Server) -> bool:
        """Whether TLS is for the connection to start: that of a WebSocket lies below it."""
        return self._wants_tls(server) and (server.address is None or not server.address.websocket)

    def _security(self, server: Server) -> Security:
        # Loaded on first use: OpenSSL is large.
        from .tls import TlsSecurity  # noqa: PLC0415

        address = server.address
        hostname = "" if address is None else address.tls_name or address.host
        return TlsSecurity(self._clock, self._greeting.tls, hostname, server.name)

    def _make(self, server: Server, security: Security | None) -> Connection:
        greeting = self._greeting
        connection = Connection(
            clock=self._clock,
            server=server.name,
            handshake=Handshake(
                server.name,
                greeting.connect,
                self._credentials(server),
                tls=self._secure or self._wants_tls(server),
                tls_first=greeting.tls is not None and greeting.tls.handshake_first,
                # Of a WebSocket, its URL alone says whether it is within TLS.
                can_upgrade=server.address is None or not server.address.websocket,
                warn=self._tell,
            ),
            parser=Parser(greeting.limits, self._origin),
            ping=greeting.ping,
            deliver=self._deliver,
            listener=self._listener,
            security=lambda: security or self._security(server),
        )
        self._opened(connection)
        return connection

    def _credentials(self, server: Server) -> Credentials:
        auth = (server.address.auth if server.address is not None else None) or self._greeting.auth
        return auth.fields if auth is not None else _nobody


def _nobody(nonce: str) -> dict[str, str]:  # noqa: ARG001  # a server that wants no login takes whatever nonce it sent
    return {}
