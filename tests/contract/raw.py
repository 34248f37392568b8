"""A client that is nothing but bytes, for transcripts."""

from __future__ import annotations

from typing import Any, cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IPushProducer, ITransport
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure


class RawClient(Protocol):
    """Sends what it is told and keeps what comes."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._end: bytes | None = None
        self._waiter: Deferred[bytes] | None = None
        self.lost = False
        self._gone: list[Deferred[None]] = []

    @property
    def told(self) -> bytes:
        """What has come and was not asked for yet."""
        return bytes(self._data)

    def write(self, data: bytes) -> None:
        cast(ITransport, self.transport).write(data)

    def start_tls(self, options: object) -> None:
        """TLS from here on."""
        cast(Any, self.transport).startTLS(options)

    def pause(self) -> None:
        """Read nothing more."""
        cast(IPushProducer, self.transport).pauseProducing()

    def until(self, end: bytes | None) -> Deferred[bytes]:
        """All that comes up to and with these bytes; None for all until the server closes."""
        self._end = end
        self._waiter = Deferred()
        waiter = self._waiter
        self._look()
        return waiter

    def close(self) -> Deferred[None]:
        if self.lost:
            return succeed(None)
        gone: Deferred[None] = Deferred()
        self._gone.append(gone)
        cast(ITransport, self.transport).loseConnection()
        return gone

    def dataReceived(self, data: bytes) -> None:
        self._data += data
        self._look()

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.lost = True
        self._look()
        for gone in self._gone:
            gone.callback(None)

    def _look(self) -> None:
        if self._waiter is None:
            return
        at = -1 if self._end is None else self._data.find(self._end)
        if at >= 0 and self._end is not None:
            self._tell(at + len(self._end))
        elif self.lost:
            self._tell(len(self._data))

    def _tell(self, size: int) -> None:
        data = bytes(self._data[:size])
        del self._data[:size]
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.callback(data)
