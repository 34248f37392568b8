"""Servers that are dialled with TLS in mind: a real one of few words, one that has none, and those that fall silent."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from twisted.internet.address import IPv4Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.ssl import CertificateOptions
from twisted.python.failure import Failure

from tests.promises.papers import Pair
from tests.wire.websocket_server import WebSocketServer

_INFO = {
    "server_id": "PEER",
    "version": "2.15.1",
    "headers": True,
    "max_payload": 1_048_576,
    "proto": 1,
    "nonce": "n0nce",
}
_HELLO = 0x16


def server_options(pair: Pair, **options: Any) -> CertificateOptions:
    """What a server of Twisted's is made of."""
    return CertificateOptions(
        # Twisted's annotations still name pyOpenSSL's classes, which pyOpenSSL advises against.
        privateKey=cast(Any, load_pem_private_key(Path(pair.key).read_bytes(), None)),
        certificate=cast(Any, load_pem_x509_certificate(Path(pair.certificate).read_bytes())),
        **options,
    )


class TlsPeer(ServerFactory):
    """Answers CONNECT, behind TLS if it has it, and keeps all that came to it in clear.

    Args:
        reactor: Listens.
        tls: How it does TLS; None says nothing of it and never does.
        port: Where to listen; 0 for any.
        first: TLS before INFO.
        websocket: A WebSocket within TLS, and NATS within that; goes with ``first``.
        info: More fields of INFO.
        glued: Bytes right behind INFO.
        silent: Say INFO and then nothing.

    Attributes:
        raw: What came, as it came, over all connections.
        told: What came in clear or out of TLS.
        accepted: Connections so far.
    """

    noisy = False

    def __init__(
        self, reactor: Any, *, tls: CertificateOptions | None = None, port: int = 0, first: bool = False,
        websocket: bool = False, info: dict[str, Any] | None = None, glued: bytes = b"", silent: bool = False,
    ) -> None:  # fmt: skip
        self.tls = tls
        self.first = first
        self.websocket = websocket
        self.glued = glued
        self.silent = silent
        self.raw = bytearray()
        self.told = bytearray()
        self.accepted = 0
        self.links: list[_Link] = []
        offer = {"tls_required": True} if tls is not None or silent else {}
        self.info = b"INFO " + json.dumps(_INFO | offer | (info or {})).encode() + b"\r\n"
        self._listening = reactor.listenTCP(port, self, interface="127.0.0.1")
        self.port = cast(IPv4Address, self._listening.getHost()).port

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        self.accepted += 1
        return _Link(self)

    def connect_calls(self) -> int:
        """How often CONNECT was told."""
        return len(re.findall(rb"CONNECT", bytes(self.told)))

    @property
    def only_hello(self) -> bool:
        """Whether nothing but the start of TLS came, if anything did."""
        return not self.raw or self.raw[0] == _HELLO

    async def close(self) -> None:
        for link in list(self.links):
            cast(Any, link.transport).abortConnection()
        await maybeDeferred(self._listening.stopListening)


class _Link(Protocol):
    def __init__(self, peer: TlsPeer) -> None:
        self._peer = peer
        self._line = b""
        self._websocket = WebSocketServer() if peer.websocket else None

    def connectionMade(self) -> None:
        peer = self._peer
        peer.links.append(self)
        if peer.first and peer.tls is not None:
            cast(Any, self.transport).startTLS(peer.tls)
        if self._websocket is None and not (peer.first and peer.silent):
            cast(Any, self.transport).write(peer.info + peer.glued)
        if peer.tls is not None and not peer.first:
            cast(Any, self.transport).startTLS(peer.tls)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._peer.links.remove(self)

    def dataReceived(self, data: bytes) -> None:
        peer = self._peer
        if peer.tls is None:
            peer.raw += data
        if self._websocket is not None and peer.tls is not None:
            data = self._unwrapped(self._websocket, data)
        peer.told += data
        if peer.silent:
            return
        *lines, self._line = (self._line + data).split(b"\r\n")
        for _ in range(lines.count(b"PING")):
            self._say(b"PONG\r\n")

    def _unwrapped(self, websocket: WebSocketServer, data: bytes) -> bytes:
        """What the frames hold; the first are answered by INFO."""
        begun = websocket.request is not None
        cast(Any, self.transport).write(websocket.feed(data))
        if not begun and websocket.request is not None:
            self._say(self._peer.info)
        received, websocket.received = bytes(websocket.received), bytearray()
        return received

    def _say(self, data: bytes) -> None:
        cast(Any, self.transport).write(data if self._websocket is None else self._websocket.pack(data))
