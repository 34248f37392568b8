"""Servers in memory behind TLS or a WebSocket: above that they are those of the harness."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from OpenSSL import SSL

from tests.client.harness import FakeServer, Net, Pipe
from tests.wire.websocket_server import WebSocketServer
from txnats.net.websocket import WebSocketTransport


class WebSocketPipe(Pipe):
    """What is sent is put into frames, and what comes is taken out of them."""

    def __init__(self, net: Net, server: FakeServer, protocol: Any) -> None:
        super().__init__(net, server, protocol)
        self._websocket = WebSocketServer()

    def write(self, data: bytes) -> None:
        assert isinstance(data, bytes)
        assert not self.gone
        answer = self._websocket.feed(data)
        received, self._websocket.received = bytes(self._websocket.received), bytearray()
        if answer and not self._websocket.controls:
            super().send(answer)
        if received:
            super().write(received)

    def send(self, *chunks: bytes) -> None:
        super().send(*map(self._websocket.pack, chunks))


class TlsPipe(Pipe):
    """INFO goes in clear and asks for TLS; all else is within it."""

    def __init__(self, net: Net, server: FakeServer, protocol: Any, context: SSL.Context) -> None:
        super().__init__(net, server, protocol)
        self._tls = SSL.Connection(context)
        self._tls.set_accept_state()
        self._secure = False

    def write(self, data: bytes) -> None:
        if self.gone:
            return
        self._tls.bio_write(data)
        # Until there is no more for now, or the client will have none of it.
        with suppress(SSL.Error):
            if not self._secure:
                self._tls.do_handshake()
                self._secure = True
            while True:
                super().write(self._tls.recv(1 << 16))
        self._flush()

    def send(self, *chunks: bytes) -> None:
        if not self._secure:
            super().send(*chunks)
            return
        for chunk in chunks:
            self._tls.sendall(chunk)
            self._flush()

    def _flush(self) -> None:
        with suppress(SSL.WantReadError):
            super().send(self._tls.bio_read(1 << 20))


def connection_of(pipe: Pipe) -> Any:
    """The client's connection, whatever it is wrapped in."""
    protocol = pipe.protocol
    return protocol.wrappedProtocol if isinstance(protocol, WebSocketTransport) else protocol
