"""One attempt at one server: connect and shake hands within one deadline, or say why not and leave nothing open."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import cast

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError, UserError
from twisted.internet.error import ConnectionRefusedError as NobodyListens
from twisted.internet.interfaces import IAddress, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from ..errors import DialFailed, NatsError
from .connection import Connection


class _OneConnection(Factory):
    """Builds one connection, and none once the attempt is over: an endpoint may come too late."""

    noisy = False

    def __init__(self, make: Callable[[], Connection]) -> None:
        self._make = make
        self.over = False
        self.connection: Connection | None = None

    def buildProtocol(self, addr: IAddress | None) -> Connection | None:
        if self.over:
            return None
        self.connection = self._make()
        return self.connection

    def give_up(self, reason: NatsError) -> None:
        self.over = True
        if self.connection is not None:
            self.connection.fail(reason)
            # Nobody else may be waiting for it: an endpoint need not have given the connection out yet.
            self.connection.ready.addErrback(lambda _: None)


def dial(
    clock: IReactorTime,
    endpoint: IStreamClientEndpoint,
    make: Callable[[], Connection],
    *,
    server: str,
    timeout: float,
) -> Deferred[Connection]:
    """A live connection.

    Args:
        clock: For the deadline.
        endpoint: How to get there.
        make: Makes the connection's protocol.
        server: The server's name for texts.
        timeout: Seconds for connecting, TLS, INFO, CONNECT and its answer together.

    Returns:
        A Deferred that fires with a live Connection or fails with a NatsError. Whatever was opened for an attempt that
        fails, or that is cancelled, is closed.
    """
    factory = _OneConnection(make)

    def late(_: object, __: float) -> object:
        connection = factory.connection
        reached = connection is not None and connection.transport is not None
        waited_for = connection.awaits if connection is not None and reached else "connection"
        hint = _NO_WORD if waited_for.startswith("INFO") else "" if reached else _NO_WAY
        return Failure(DialFailed(server, f"no {waited_for} within {timeout:g} s", hint=hint))

    def failed(failure: Failure) -> Failure:
        error = failure.value if isinstance(failure.value, NatsError) else _explain(server, failure)
        factory.give_up(error)
        return Failure(error)

    # It may be the caller's own: whatever it gives or raises is an attempt that failed, and no more.
    connected = cast("Deferred[object]", maybeDeferred(endpoint.connect, factory))
    connecting = connected.addCallback(lambda what: _unwrapped(factory, what).ready)
    connecting.addTimeout(timeout, clock, onTimeoutCancel=late)
    connecting.addErrback(failed)
    return connecting


def _unwrapped(factory: _OneConnection, connected: object) -> Connection:
    """An endpoint that wraps protocols gives its wrapper: the connection is the one that we built."""
    assert factory.connection is not None, f"the endpoint connected {connected!r} without our protocol"
    return factory.connection


_NO_WORD = "is that a NATS port? A server that begins with TLS wants TlsOptions(handshake_first=True)"
_NO_WAY = "is the address right, and does a firewall let it through?"
_NOBODY = "is a nats-server running there? Its usual port is 4222"


def _explain(server: str, failure: Failure) -> NatsError:
    error = failure.value
    if isinstance(error, (CancelledError, ConnectingCancelledError, DeferredTimeoutError)):
        return DialFailed(server, "the attempt was given up", cause=error)
    if isinstance(error, DNSLookupError):
        return DialFailed(server, "the host name is not known", cause=error, hint="check its spelling, and DNS")
    if isinstance(error, UserError):
        return DialFailed(server, "the endpoint refused the attempt", cause=error)
    if isinstance(error, ConnectError):
        hint = _NOBODY if isinstance(error, NobodyListens) else _NO_WAY
        return DialFailed(server, _plain(error), cause=error, hint=hint)
    return DialFailed(server, f"{type(error).__name__}: {error}", cause=error)


def _plain(error: ConnectError) -> str:
    """The operating system's words where there are any: Twisted's text repeats them behind its own."""
    number = error.osError
    return os.strerror(number).lower() if isinstance(number, int) else str(error).rstrip(".")
