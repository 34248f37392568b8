"""One attempt at one server: connect and shake hands within one deadline, or say why not and leave nothing open."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import cast

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError, UserError
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
        waited_for = "connection" if connection is None or connection.transport is None else connection.awaits
        return Failure(DialFailed(server, f"no {waited_for} within {timeout:g} s"))

    def failed(failure: Failure) -> Failure:
        error = failure.value if isinstance(failure.value, NatsError) else _explain(server, failure)
        factory.give_up(error)
        return Failure(error)

    # zope.interface cannot say that the endpoint gives back the protocol that the factory built.
    try:
        connecting = cast("Deferred[Connection]", endpoint.connect(factory))
    except Exception as error:
        factory.over = True
        return fail(DialFailed(server, f"the endpoint raised {type(error).__name__}: {error}", cause=error))
    connecting.addCallback(lambda connection: _unwrapped(factory, connection).ready)
    connecting.addTimeout(timeout, clock, onTimeoutCancel=late)
    connecting.addErrback(failed)
    return connecting


def _unwrapped(factory: _OneConnection, connected: object) -> Connection:
    """An endpoint that wraps protocols gives its wrapper: the connection is the one that we built."""
    assert factory.connection is not None, f"the endpoint connected {connected!r} without our protocol"
    return factory.connection


def _explain(server: str, failure: Failure) -> NatsError:
    error = failure.value
    if isinstance(error, (CancelledError, ConnectingCancelledError, DeferredTimeoutError)):
        return DialFailed(server, "the attempt was given up", cause=error)
    if isinstance(error, DNSLookupError):
        return DialFailed(server, "the host name is not known", cause=error, hint="check its spelling")
    if isinstance(error, UserError):
        return DialFailed(server, "the endpoint refused the attempt", cause=error)
    if isinstance(error, ConnectError):
        return DialFailed(server, _plain(error), cause=error)
    return DialFailed(server, f"{type(error).__name__}: {error}", cause=error)


def _plain(error: ConnectError) -> str:
    """The operating system's words where there are any: Twisted's text repeats them behind its own."""
    number = error.osError
    return os.strerror(number).lower() if isinstance(number, int) else str(error).rstrip(".")
