"""A client as a Twisted service: it starts and stops with the application."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from .client import Client
from .connecting import build
from .errors import ClientClosed
from .net.endpoints import ServersArgument
from .options import ReconnectOptions
from .state.waiters import Waiters


class NatsService(Service):
    """Keeps a client connected for as long as the service runs.

    ``client`` is there at once: subscriptions may be declared and messages published before the service starts; they
    are told to the server, and sent, when it is connected. It goes on trying when no server answers at the start.

    Args:
        reactor: The reactor to run on.
        servers: As for ``txnats.connect``.
        drain_timeout: Seconds that stopping may take.
        reconnect: As for ``txnats.connect``; here ``retry_on_first_connect`` is on by default.
        options: Every other option of ``txnats.connect``.

    Raises:
        InvalidArgument: An option cannot be.

    Attributes:
        client: The client. When the service has stopped it is closed, and the service cannot start again.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        servers: ServersArgument,
        *,
        drain_timeout: float = 30.0,
        reconnect: ReconnectOptions = ReconnectOptions(retry_on_first_connect=True),
        **options: Any,
    ) -> None:
        self._drain_timeout = drain_timeout
        self._waiting: Waiters[Client] = Waiters()
        self.client: Client
        self.client, self._session = build(reactor, servers, reconnect=reconnect, **options)

    def startService(self) -> None:
        """Start to connect.

        Raises:
            ClientClosed: The service was stopped before; make a new one.
        """
        if self._session.is_closed:
            raise ClientClosed
        Service.startService(self)
        self._session.start().addCallbacks(self._connected, self._ended)

    def stopService(self) -> Deferred[None]:
        """Drain the client, from whatever state it is in. Fires when its socket is gone."""
        Service.stopService(self)
        if not self._session.was_started:
            return self.client.close()
        return self.client.drain(self._drain_timeout).addCallback(lambda _: None)

    def whenConnected(self) -> Deferred[Client]:
        """The client once it is connected; fails with the reason when it closes before, or has closed."""
        if self._session.is_closed:
            return fail(ClientClosed(self._session.reason))
        if self._session.is_connected:
            return succeed(self.client)
        return self._waiting.wait()

    def _connected(self, _: None) -> None:
        self._waiting.tell(self.client)

    def _ended(self, failure: Failure) -> None:
        """The client closed before it was ever connected: its Closed event has told why."""
        self._waiting.fail(failure.value or ClientClosed())
