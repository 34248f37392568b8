"""A server that says and reads what a test wants, as fast as the socket takes it: no buffer of its own, no limits."""

from __future__ import annotations

import json
from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IAddress, IListeningPort, IPushProducer
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.python.failure import Failure
from zope.interface import implementer

_INFO = {"server_id": "PEER", "version": "2.15.1", "headers": True, "max_payload": 1_048_576, "proto": 1}
_BLOCK = b"NATS/1.0\r\nNumber: one\r\n\r\n"
AT_ONCE = 64


class Peer(ServerFactory):
    """Takes connections.

    Args:
        flood: Messages for the first subscription of each connection.
        size: Bytes of headers and payload of each of them.

    Attributes:
        sent: Messages of the flood written so far.
        publishes: Whole publishes read so far.
        payload_bytes: Bytes of their payloads.
        last_number: The last publish's first token of payload, when payloads begin with numbers.
        disorder: Publishes whose number is not the last one's plus one.
        stalled: While True nothing is read after the handshake.
    """

    noisy = False

    def __init__(self, reactor: Any, *, flood: int = 0, size: int = 1000, stalled: bool = False) -> None:
        self.flood = flood
        self.size = size
        self.sent = 0
        self.publishes = 0
        self.payload_bytes = 0
        self.last_number = -1
        self.disorder = 0
        self.stalled = stalled
        self.links: list[Link] = []
        self.accepted = 0
        self._listening: IListeningPort = reactor.listenTCP(0, self, interface="127.0.0.1")
        self.port = cast(IPv4Address, self._listening.getHost()).port

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def buildProtocol(self, addr: IAddress | None) -> Link:
        self.accepted += 1
        return Link(self)

    def go_on(self) -> None:
        """Read again."""
        self.stalled = False
        for link in self.links:
            link.socket.resumeProducing()

    async def close(self) -> None:
        """Take no more and cut what there is."""
        for link in list(self.links):
            link.socket.abortConnection()
        await maybeDeferred(self._listening.stopListening)


@implementer(IPushProducer)
class Link(Protocol):
    """One connection."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._data = bytearray()
        self._left = 0
        self._chunk = b""
        self._paused = False
        self._pongs = 0

    @property
    def socket(self) -> Any:
        return self.transport

    def connectionMade(self) -> None:
        self._peer.links.append(self)
        self.socket.setTcpNoDelay(True)
        self.socket.write(b"INFO " + json.dumps(_INFO).encode() + b"\r\n")

    def connectionLost(self, reason: Failure | None = None) -> None:
        self._paused = True
        if self in self._peer.links:
            self._peer.links.remove(self)

    def dataReceived(self, data: bytes) -> None:
        self._data += data
        read = self._data
        at = 0
        while (end := read.find(b"\r\n", at)) >= 0:
            line = bytes(read[at:end])
            if line.startswith((b"PUB ", b"HPUB ")):
                size = int(line[line.rindex(b" ") :])
                if end + size + 4 > len(read):
                    break
                self._published(bytes(read[end + 2 : end + 2 + size]))
                assert read[end + size + 2 : end + size + 4] == b"\r\n", "a publish ends elsewhere"
                at = end + size + 4
            else:
                self._obey(line)
                at = end + 2
        del read[:at]

    def _published(self, payload: bytes) -> None:
        peer = self._peer
        peer.publishes += 1
        peer.payload_bytes += len(payload)
        number = payload.split(b" ", 1)[0]
        if number.isdigit():
            peer.disorder += int(number) != peer.last_number + 1
            peer.last_number = int(number)

    def _obey(self, line: bytes) -> None:
        verb, *words = line.split(b" ")
        if verb == b"PING":
            if self._left:
                self._pongs += 1  # a PONG comes behind all that was sent before
            else:
                self.socket.write(b"PONG\r\n")
            if self._peer.stalled:
                self.socket.pauseProducing()
        elif verb == b"SUB" and self._peer.flood and not self._chunk:
            self._pour(*words)
        else:
            assert verb in (b"CONNECT", b"SUB", b"UNSUB", b"PONG"), line

    # The flood

    def _pour(self, subject: bytes, sid: bytes) -> None:
        """Every other message has headers."""
        size = self._peer.size
        plain = b"MSG %b %b %d\r\n%b\r\n" % (subject, sid, size, b"x" * size)
        block = b"HMSG %b %b %d %d\r\n%b%b\r\n" % (subject, sid, len(_BLOCK), size, _BLOCK, b"x" * (size - len(_BLOCK)))
        self._chunk = (plain + block) * (AT_ONCE // 2)
        self._left = self._peer.flood // AT_ONCE
        assert self._peer.flood % AT_ONCE == 0, "the flood is not a multiple of what is written at once"
        self.socket.registerProducer(self, True)
        self.resumeProducing()

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        while self._left and not self._paused:
            self._left -= 1
            self._peer.sent += AT_ONCE
            self.socket.write(self._chunk)
        if not self._left:
            self.socket.unregisterProducer()
            self.socket.write(b"PONG\r\n" * self._pongs)

    def stopProducing(self) -> None:
        self._left = 0
