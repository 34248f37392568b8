"""Two transports that are each other's peer, without a socket between them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IProducer,
    IProtocol,
    IPullProducer,
    IPushProducer,
    ITransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(ITransport, IConsumer, IPushProducer)
class MemoryTransport:
    """One end of a connection in memory.

    What is written waits here until ``step`` takes it over to the other end, where it waits until that end reads it.
    Nothing is ever delivered within a call of ``write``.

    Args:
        protocol: Whose transport it is.
        host: This end's address.
        peer: The other end's.
        write_buffer: Bytes beyond which a producer is told to pause.
        window: Bytes that may wait for an end that does not read, before they stay with the one that wrote them.
    """

    disconnecting = False

    def __init__(self, protocol: IProtocol, host: IAddress, peer: IAddress, *, write_buffer: int, window: int) -> None:
        self.protocol = protocol
        self.over = False
        self._host = host
        self._peer = peer
        self._write_buffer = write_buffer
        self._window = window
        self._other: MemoryTransport
        self._out = bytearray()
        self._in = bytearray()
        self._reading = True
        self._ended: Exception | None = None
        self._producer: IProducer | None = None
        self._streaming = False
        self._producer_paused = False

    def join(self, other: MemoryTransport) -> None:
        """Be each other's peer."""
        self._other, other._other = other, self

    # What its protocol asks

    def write(self, data: bytes) -> None:
        if self.over:
            return
        self._out += data
        if self._producer is None or not self._streaming or self._producer_paused:
            return
        if len(self._out) > self._write_buffer:
            self._producer_paused = True
            cast(IPushProducer, self._producer).pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Close when all that was written is over there; nothing is read any more."""
        self.disconnecting = True

    def abortConnection(self) -> None:
        """Cut it: what waits at either end is lost."""
        if not self.over and self._ended is None:
            self._ended = ConnectionAborted()
            self._other._ended = self._other._ended or ConnectionLost()

    def getPeer(self) -> IAddress:
        return self._peer

    def getHost(self) -> IAddress:
        return self._host

    def pauseProducing(self) -> None:
        self._reading = False

    def resumeProducing(self) -> None:
        self._reading = True

    def stopProducing(self) -> None:
        self.loseConnection()

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        if self._producer is not None:
            raise RuntimeError(f"{producer!r} cannot be registered: {self._producer!r} is")
        if self.over:
            producer.stopProducing()
            return
        self._producer, self._streaming, self._producer_paused = producer, streaming, False
        if not streaming:
            cast(IPullProducer, producer).resumeProducing()

    def unregisterProducer(self) -> None:
        self._producer = None

    # What the network asks

    def step(self, most: int | None) -> bool:
        """Take what was written over to the other end, and let this end read, close or be cut.

        Args:
            most: Bytes that may be read at once; None for all.

        Returns:
            Whether anything happened.
        """
        if self.over:
            return False
        if self._ended is not None:
            self._lose(self._ended)
            return True
        return self._send() | self._receive(most)

    def _send(self) -> bool:
        room = self._window - len(self._other._in)
        sent = self._out[:room]
        if sent:
            del self._out[: len(sent)]
            self._other._in += sent
        if self._out:
            return bool(sent)
        if self.disconnecting:
            self._lose(ConnectionDone())
            return True
        return self._ask_producer() or bool(sent)

    def _ask_producer(self) -> bool:
        if self._producer is None or (self._streaming and not self._producer_paused):
            return False
        self._producer_paused = False
        cast(IPullProducer, self._producer).resumeProducing()
        return True

    def _receive(self, most: int | None) -> bool:
        if self.over or self.disconnecting or not self._reading:
            return False
        if self._in:
            data = bytes(self._in[:most])
            del self._in[:most]
            self.protocol.dataReceived(data)
            return True
        if self._other.over:
            self._lose(ConnectionDone())
            return True
        return False

    def _lose(self, reason: Exception) -> None:
        self.over = True
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        self.protocol.connectionLost(Failure(reason))
