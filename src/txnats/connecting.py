"""``connect``: from what the caller wants to a client, its parts joined."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, fail

from . import events
from .auth.authenticators import Authenticator
from .client import Client
from .errors import InvalidArgument, InvalidOption
from .event_hub import EventHub
from .hooks import Hook
from .message import Origin
from .net.dialer import Dialer, Greeting
from .net.endpoints import EndpointFactory, Endpoints, ServersArgument
from .net.session import Session
from .net.supervisor import Supervisor
from .net.writer import Writer
from .options import Limits, PingOptions, ReconnectOptions, TlsOptions, WebSocketOptions, check_seconds
from .state.outbox import Outbox
from .state.requests import Requests
from .state.servers import Servers
from .state.subscriptions import Subscriptions
from .subjects import check_inbox_prefix
from .version import LANGUAGE, __version__
from .wire.encode import check_subscribe_line
from .wire.info import ConnectInfo


def connect(
    reactor: Any,
    servers: ServersArgument | None = None,
    *,
    context: str | os.PathLike[str] | None = None,
    name: str | None = None,
    auth: Authenticator | None = None,
    tls: TlsOptions | None = None,
    reconnect: ReconnectOptions = ReconnectOptions(),
    limits: Limits = Limits(),
    ping: PingOptions = PingOptions(),
    websocket: WebSocketOptions = WebSocketOptions(),
    inbox_prefix: str | None = None,
    echo: bool = True,
    verbose: bool = False,
    pedantic: bool = False,
    timeout: float = 2.0,
    request_timeout: float = 2.0,
    endpoint_factory: EndpointFactory | None = None,
    on_event: Callable[[events.Event], object] | None = None,
    hooks: Sequence[Hook] = (),
) -> Deferred[Client]:
    """Connect to NATS.

    Args:
        reactor: The reactor to run on.
        servers: A URL or a comma list of URLs (``nats://host:4222``, ``host``, ``host:port``, with ``user:password@``
            or ``token@``, and ``ws://`` or ``wss://`` for WebSocket), a sequence of them, an endpoint string, or an
            ``IStreamClientEndpoint``. With an endpoint no other server is ever dialled.
        context: A context of the ``nats`` command line, in place of servers: its name, the path of its file, or ``""``
            for the selected one. What is given here beside it wins over what it says.
        name: How the server's monitoring calls this client.
        auth: ``UserPassword``, ``Token``, ``NKey``, ``Jwt``, ``CredentialsFile`` ...; a login in servers comes first.
        tls: How TLS is done; giving it asks for TLS, as a ``tls://`` URL does, and a server without it is refused.
        reconnect: How a lost connection is won back.
        limits: Every bound.
        ping: How a dead connection is noticed.
        websocket: How a WebSocket is opened, for ``ws://`` and ``wss://``.
        inbox_prefix: First tokens of all reply subjects; ``_INBOX`` when neither this nor a context says.
        echo: Whether our own publishes come back to our own subscriptions.
        verbose: Ask the server to answer each command with +OK.
        pedantic: Ask the server to check subjects strictly.
        timeout: Seconds for one attempt at one server: connection, INFO and login together.
        request_timeout: Seconds that a request waits when it does not say otherwise.
        endpoint_factory: Makes the endpoint for a host and port, for a pool behind a proxy. TLS and WebSocket, where
            a URL asks for them, go on top of it.
        on_event: Called with every event.
        hooks: Told of each publish, request and handled message: see ``txnats.hooks``.

    Returns:
        A Deferred of a connected Client. It fails with InvalidArgument, with NoServersLeft, which lists each server and
        its cause, or, when all servers say the same, with that: AuthenticationRefused, TlsUnavailable ... Cancelling it
        leaves nothing open.
    """
    try:
        servers, said = where(servers, context, {"auth": auth, "tls": tls, "inbox_prefix": inbox_prefix})
        options = Options(
            name=name,
            **said,
            reconnect=reconnect,
            limits=limits,
            ping=ping,
            websocket=websocket,
            echo=echo,
            verbose=verbose,
            pedantic=pedantic,
            timeout=timeout,
            request_timeout=request_timeout,
            endpoint_factory=endpoint_factory,
            on_event=on_event,
            hooks=hooks,
        )
        client, session = build(reactor, servers, options)
    except InvalidArgument as error:
        # Its frames go: a traceback may tell their variables, and the login in a URL is one of them.
        return fail(error.with_traceback(None))
    return session.start().addCallback(lambda _: client)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The options of ``connect``, each looked at when this is made.

    Raises:
        InvalidArgument: One of them cannot be.
    """

    name: str | None = None
    auth: Authenticator | None = None
    tls: TlsOptions | None = None
    reconnect: ReconnectOptions = ReconnectOptions()
    limits: Limits = Limits()
    ping: PingOptions = PingOptions()
    websocket: WebSocketOptions = WebSocketOptions()
    inbox_prefix: str = "_INBOX"
    echo: bool = True
    verbose: bool = False
    pedantic: bool = False
    timeout: float = 2.0
    request_timeout: float = 2.0
    endpoint_factory: EndpointFactory | None = None
    on_event: Callable[[events.Event], object] | None = None
    hooks: Sequence[Hook] = ()

    def __post_init__(self) -> None:
        check_seconds("timeout", self.timeout)
        check_seconds("request_timeout", self.request_timeout)
        check_inbox_prefix(self.inbox_prefix)
        for option, kind in _KINDS.items():
            value = getattr(self, option)
            if not isinstance(value, kind):
                raise InvalidOption(f"{option} is a {type(value).__name__}", hint=f"see txnats.connect for {option}")
        for option in ("on_event", "endpoint_factory"):
            call = getattr(self, option)
            if call is not None and not callable(call):
                raise InvalidOption(f"{option} cannot be called")
        if not isinstance(self.hooks, (list, tuple)) or not all(map(callable, self.hooks)):
            raise InvalidOption("hooks is no sequence of hooks", hint="each is called with an operation")
        if self.auth is not None and not callable(getattr(self.auth, "fields", None)):
            raise InvalidOption("auth is no kind of credentials", hint="for instance txnats.UserPassword")
        check_subscribe_line(self.inbox_prefix.encode() + b"." * 64, None, self.limits.control_line_out)


_KINDS = {
    "name": str | None,
    "tls": TlsOptions | None,
    "reconnect": ReconnectOptions,
    "limits": Limits,
    "ping": PingOptions,
    "websocket": WebSocketOptions,
    "echo": bool,
    "verbose": bool,
    "pedantic": bool,
}


def build(reactor: Any, servers: ServersArgument, options: Options) -> tuple[Client, Session]:
    """A client that has not started, and its session, which starts it.

    Raises:
        InvalidOption: The servers cannot be read.
    """
    limits, reconnect = options.limits, options.reconnect
    endpoints = Endpoints(
        reactor,
        servers,
        timeout=options.timeout,
        factory=options.endpoint_factory,
        websocket=options.websocket,
        tls=options.tls,
    )
    pool = Servers(endpoints.servers, reconnect, limits.servers)
    hub = EventHub(reactor, limits.events, options.on_event, options.name)
    greeting = Greeting(
        connect=_connect_info(options),
        auth=options.auth,
        tls=options.tls,
        ping=options.ping,
        limits=limits,
        timeout=options.timeout,
    )

    def make_outbox(wake: Callable[[], None]) -> Outbox:
        return Outbox(
            limit=limits.outbox,
            limit_down=reconnect.buffer,
            replay_limit=reconnect.replay_limit if reconnect.replay_unconfirmed else 0,
            wake=wake,
        )

    def make_session(origin: Origin, subscriptions: Subscriptions, requests: Requests) -> Session:
        session = Session(
            subscriptions=subscriptions,
            requests=requests,
            writer=Writer(reactor, make_outbox, limits.ready_below),
            servers=pool,
            tell=hub.tell,
        )
        dialer = Dialer(
            reactor,
            endpoints,
            greeting,
            deliver=subscriptions.deliver,
            origin=origin,
            listener=session,
            opened=session.opened,
            tell=hub.tell,
        )
        session.supervisor = Supervisor(reactor, pool, reconnect, dialer, session)
        return session

    parts: dict[str, Any] = {
        "limits": limits,
        "inbox_prefix": options.inbox_prefix,
        "request_timeout": options.request_timeout,
        "hub": hub,
        "make_session": make_session,
    }
    if options.hooks:
        from .observed import ObservedClient  # noqa: PLC0415  # of no use to others

        client: Client = ObservedClient(reactor, options.hooks, **parts)
    else:
        client = Client(reactor, **parts)
    return client, client._session


def _connect_info(options: Options) -> ConnectInfo:
    info = ConnectInfo(
        verbose=options.verbose,
        pedantic=options.pedantic,
        tls_required=False,
        lang=LANGUAGE,
        version=__version__,
        protocol=1,
        echo=options.echo,
        headers=True,
        no_responders=True,
    )
    return info if options.name is None else msgspec.structs.replace(info, name=options.name)


def where(
    servers: ServersArgument | None, context: str | os.PathLike[str] | None, options: dict[str, Any]
) -> tuple[ServersArgument, dict[str, Any]]:
    """What to connect to, and the options, without those that are None: a context says what they are, if it does.

    Raises:
        InvalidOption: Neither or both are given, or the context cannot be used.
    """
    given = {option: value for option, value in options.items() if value is not None}
    if context is None:
        if servers is None:
            raise InvalidOption("neither servers nor context is given", hint='for instance "nats://127.0.0.1:4222"')
        return servers, given
    if servers is not None:
        raise InvalidOption("servers and context exclude each other")
    # Most programs have no use for it.
    from . import contexts  # noqa: PLC0415

    found = contexts.load(context)
    says = {"auth": found.auth, "tls": found.tls, "inbox_prefix": found.inbox_prefix}
    # A login in a URL comes before others, but not before what the caller gives here.
    servers = found.servers_for(given.get("auth"))
    return servers, {option: value for option, value in says.items() if value is not None} | given
