"""What we use of a transport, and of TLS on top of one."""

from __future__ import annotations

from typing import Protocol

from twisted.python.failure import Failure

from ..errors import NatsError
from ..wire.info import ServerInfo


class StreamTransport(Protocol):
    """What we use of a transport, whoever made it."""

    def write(self, data: bytes) -> None: ...
    def writeSequence(self, data: list[bytes]) -> None: ...
    def loseConnection(self) -> None: ...
    def registerProducer(self, producer: object, streaming: bool) -> None: ...
    def unregisterProducer(self) -> None: ...
    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...


class Layer(StreamTransport, Protocol):
    """A transport on top of another one: whatever the lower one has to tell is to be told to it."""

    def gather(self, data: bytes | list[bytes]) -> None:
        """Write a batch, of which the last part may wait for what comes next, or for ``settle``."""

    def settle(self) -> bool:
        """Write what waits; whether there was anything."""

    def dataReceived(self, data: bytes) -> None: ...
    def connectionLost(self, reason: Failure) -> None: ...


class Top(Protocol):
    """What hears of a layer."""

    def read(self, data: bytes) -> None:
        """Bytes in clear."""

    def secured(self) -> None:
        """The handshake is done and the certificate good."""

    def gone(self, reason: Failure) -> None:
        """It has ended."""


class Security(Protocol):
    """How one attempt does TLS."""

    def start(self, transport: StreamTransport, top: Top) -> Layer:
        """Put TLS on a transport.

        Raises:
            TlsUnavailable: It cannot be.
        """

    def explain(self, error: BaseException | None, info: ServerInfo | None) -> NatsError | None:
        """Why TLS failed, if the error says that it has; None if it does not."""


def abort(transport: StreamTransport) -> None:
    """Cut it; those that cannot be are asked to close."""
    getattr(transport, "abortConnection", transport.loseConnection)()
