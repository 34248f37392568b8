"""A client as a Twisted service: it starts and stops with the application."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import msgspec
from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger

from . import events
from .client import Client
from .connecting import Options, build, where
from .errors import ClientClosed, InvalidArgument, NatsError
from .net.endpoints import ServersArgument
from .options import ReconnectOptions, check_seconds
from .state.waiters import Waiters


class NatsService(Service):
    """Keeps a client connected for as long as the service runs.

    ``client`` is there at once: subscriptions may be declared and messages published before the service starts; they
    are told to the server, and sent, when it is connected. It goes on trying when no server answers at the start.

    Args:
        reactor: The reactor to run on.
        servers: As for ``txnats.connect``.
        context: The same, in place of servers.
        drain_timeout: Seconds that stopping may take.
        reconnect: As for ``txnats.connect``, except that ``retry_on_first_connect`` is always on.
        on_event: Called with every event.
        options: Every other option of ``txnats.connect``.

    Raises:
        InvalidArgument: An option cannot be.

    Attributes:
        client: The client. When the service has stopped it is closed, and the service cannot start again. When it
            closes by itself, say because its login is refused, that is logged as critical and the service stays as it
            is until it is stopped; ``client.when_closed()`` tells the program.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        servers: ServersArgument | None = None,
        *,
        context: str | os.PathLike[str] | None = None,
        drain_timeout: float = 30.0,
        reconnect: ReconnectOptions = ReconnectOptions(),
        on_event: Callable[[events.Event], object] | None = None,
        **options: Any,
    ) -> None:
        self._drain_timeout = check_seconds("drain_timeout", drain_timeout)
        self._on_event = on_event
        self._waiting: Waiters[Client] = Waiters()
        self._stopping = False
        self.client: Client
        always = msgspec.structs.replace(reconnect, retry_on_first_connect=True)
        try:
            servers, options = where(servers, context, options)
            checked = Options(reconnect=always, on_event=self._told, **options)
            self.client, self._session = build(reactor, servers, checked)
        except InvalidArgument as error:
            # A traceback may tell the variables of its frames, and the login in a URL is one of them.
            del servers, options
            raise error.with_traceback(None) from None

    def startService(self) -> None:
        """Start to connect; does nothing when it has started already.

        Raises:
            ClientClosed: The service was stopped, or its client closed, before; make a new one.
        """
        if self._stopping or self._session.is_closed:
            raise ClientClosed(self._session.reason)
        Service.startService(self)
        if not self._session.was_started:
            # Why there is no first connection is told by the Closed event.
            self._session.start().addErrback(lambda _: None)

    def stopService(self) -> Deferred[None]:
        """Drain the client, from whatever state it is in; may be called again. Fires when its socket is gone.

        What was published and never had a connection to leave by is waited for up to ``drain_timeout``, unless the
        service was never started.
        """
        Service.stopService(self)
        self._stopping = True
        if not self._session.was_started:
            return self.client.close()
        return self.client.drain(self._drain_timeout).addCallback(lambda _: None)

    def whenConnected(self) -> Deferred[Client]:
        """The client, once it is connected, or connected again.

        Returns:
            A Deferred that fails once the client is closed: with the error that closed it, such as
            AuthenticationRefused, or with ClientClosed when it was asked to.
        """
        if self._session.is_closed:
            return fail(self._session.reason or ClientClosed())
        if self._session.is_connected:
            return succeed(self.client)
        return self._waiting.wait()

    def _told(self, event: events.Event) -> None:
        match event:
            case events.Connected() | events.Reconnected():
                self._waiting.tell(self.client)
            case events.Closed(reason):
                self._ended(reason)
        if self._on_event is not None:
            self._on_event(event)

    def _ended(self, reason: NatsError | None) -> None:
        if reason is not None and not self._stopping:
            self.log.critical("the NATS client of {service!r} has closed: {reason}", service=self, reason=reason)
        self._waiting.fail(reason or ClientClosed())

    def __repr__(self) -> str:
        return f"<NatsService{f' {self.name!r}' if self.name else ''} {self.client.status.value}>"
