"""From what the caller gave to endpoints: addresses, an endpoint string, or an endpoint of the caller's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeAlias, cast

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint, clientFromString
from twisted.internet.interfaces import IStreamClientEndpoint

from ..errors import InvalidOption
from ..options import TlsOptions, WebSocketOptions
from ..state.addresses import Address, is_url_list, parse_servers
from ..state.servers import Server

ServersArgument: TypeAlias = "str | Iterable[str] | IStreamClientEndpoint"
EndpointFactory: TypeAlias = Callable[[str, int], IStreamClientEndpoint]


class Endpoints:
    """Who is dialled how.

    Args:
        reactor: Connects.
        servers: One URL or several in a string or sequence, an endpoint string, or an endpoint.
        timeout: Seconds that one address of a name may take.
        factory: Makes the endpoint of a host and port, in place of a plain TCP connection.
        websocket: How a WebSocket is opened.
        tls: How TLS is done where it comes first.

    Attributes:
        servers: The configured servers. With an endpoint there is just one, and none is ever discovered.

    Raises:
        InvalidOption: ``servers`` cannot be read.
    """

    def __init__(
        self,
        reactor: Any,
        servers: ServersArgument,
        *,
        timeout: float,
        factory: EndpointFactory | None = None,
        websocket: WebSocketOptions = WebSocketOptions(),
        tls: TlsOptions | None = None,
    ) -> None:
        self._reactor = reactor
        self._timeout = timeout
        self._factory = factory
        self._websocket = websocket
        self._tls = tls
        self._fixed = self._endpoint(servers)
        if self._fixed is not None:
            self.servers = [Server(_name_of(servers), None)]
        else:
            self.servers = [
                Server(address.name, address) for address in parse_servers(cast("str | Iterable[str]", servers))
            ]

    def __call__(self, server: Server) -> IStreamClientEndpoint:
        """A fresh endpoint, so that names are resolved anew.

        Raises:
            TlsUnavailable: TLS cannot be done as it is asked for. Nothing is sent.
        """
        address = server.address
        if address is None:
            assert self._fixed is not None
            return self._fixed
        endpoint = self._stream(address)
        return self._websocket_over(endpoint, address) if address.websocket else endpoint

    def _stream(self, address: Address) -> IStreamClientEndpoint:
        """The way to it, with nothing on top."""
        if self._factory is not None:
            return self._factory(address.host, address.port)
        # An address needs no name service, nor the pause that HostnameEndpoint makes between two of a name's addresses.
        if isIPAddress(address.host):
            return TCP4ClientEndpoint(self._reactor, address.host, address.port, timeout=self._timeout)
        if isIPv6Address(address.host):
            return TCP6ClientEndpoint(self._reactor, address.host, address.port, timeout=self._timeout)
        return HostnameEndpoint(self._reactor, address.host, address.port, timeout=self._timeout)

    def _websocket_over(self, endpoint: IStreamClientEndpoint, address: Address) -> IStreamClientEndpoint:
        """TLS if its URL asks for it, and a WebSocket on top. Both are loaded when they are first needed."""
        from .websocket import websocket_endpoint  # noqa: PLC0415

        if not address.secure:
            return websocket_endpoint(self._reactor, endpoint, address, self._websocket)
        from twisted.internet.endpoints import wrapClientTLS  # noqa: PLC0415

        from .tls import client_options, explain  # noqa: PLC0415

        secured: IStreamClientEndpoint = wrapClientTLS(
            client_options(self._tls, address.tls_name or address.host), endpoint
        )
        return websocket_endpoint(self._reactor, secured, address, self._websocket, partial(explain, address.name))

    def _endpoint(self, servers: ServersArgument) -> IStreamClientEndpoint | None:
        if IStreamClientEndpoint.providedBy(servers):
            return servers
        if not isinstance(servers, str) or is_url_list(servers):
            return None
        try:
            endpoint: IStreamClientEndpoint = clientFromString(self._reactor, servers)
        except Exception as error:
            # Whatever the parser of that kind of endpoint, which may be anybody's, makes of it.
            raise InvalidOption(
                "the server is neither a URL, nor host:port, nor an endpoint string",
                why="" if "@" in servers else str(error),
                hint="for instance nats://127.0.0.1:4222 or unix:/run/nats.sock",
            ) from None
        return endpoint


def _name_of(servers: object) -> str:
    return f"endpoint {servers}" if isinstance(servers, str) else f"endpoint {type(servers).__name__}"
