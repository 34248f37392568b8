"""A hostile server within a WebSocket, and what it can do with the WebSocket itself."""

from __future__ import annotations

import socket

from tests.hostile.server import Gone, Talk
from tests.wire.websocket_server import WebSocketServer, frame


class WebSocketTalk(Talk):
    """One connection. What a script sends goes out in messages; ``raw`` sends bytes as they are."""

    def __init__(self, peer: socket.socket, number: int) -> None:
        super().__init__(peer, number)
        self.server = WebSocketServer(compression=True)

    def send(self, data: bytes) -> None:
        self.open()
        self.raw(frame(data))

    def raw(self, data: bytes) -> None:
        """Send bytes of any kind."""
        super().send(data)

    def asked(self) -> bytes:
        """Read the request; what a good server would answer."""
        request = b""
        while b"\r\n\r\n" not in request:
            request += self._next()
        return self.server.feed(request)

    def open(self) -> None:
        """Answer the request as a good server does."""
        if self.server.request is None:
            self.raw(self.asked())

    def receive(self) -> None:
        self.open()
        self.server.feed(self._next())
        self.received += self.server.received
        self.server.received.clear()

    def _next(self) -> bytes:
        try:
            data = self.peer.recv(65_536)
        except TimeoutError:
            raise
        except OSError:
            data = b""
        if not data:
            raise Gone
        return data
