"""The other side of a WebSocket, as bytes: a good one, and frames of any kind."""

from __future__ import annotations

import logging
import struct
import zlib

from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

# A test that looks for secrets in logs means the client's.
_SILENT = logging.Logger("a server", logging.CRITICAL + 1)  # noqa: LOG001
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(data: bytes, opcode: int = BINARY, *, fin: bool = True, rsv: int = 0, size: int | None = None) -> bytes:
    """A frame as servers send them, right or wrong: ``size`` is what it declares."""
    declared = len(data) if size is None else size
    head = bytes([fin << 7 | rsv << 4 | opcode])
    if declared < 126:
        return head + bytes([declared]) + data
    if declared < 65_536:
        return head + b"\x7e" + struct.pack("!H", declared) + data
    return head + b"\x7f" + struct.pack("!Q", declared) + data


def closing(code: int, reason: bytes = b"") -> bytes:
    """A close frame."""
    return frame(struct.pack("!H", code) + reason, CLOSE)


def deflated(data: bytes) -> bytes:
    """As one message is compressed."""
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


class WebSocketServer:
    """A good server. Sizes of ours are not its concern.

    Attributes:
        request: What the client asked for.
        received: What it sent in data frames.
        frames: How many these were.
        controls: Its other frames.
    """

    def __init__(self, *, compression: bool = False) -> None:
        offers = [ServerPerMessageDeflateFactory(True, True)] if compression else None
        self._protocol = ServerProtocol(extensions=offers, max_size=None, logger=_SILENT)
        self.request: Request | None = None
        self.received = bytearray()
        self.frames: list[bytes] = []
        self.controls: list[Frame] = []

    @property
    def compresses(self) -> bool:
        """Whether both have agreed on it."""
        return bool(self._protocol.extensions)

    def feed(self, data: bytes) -> bytes:
        """Take the client's bytes; the answer, which is the 101 to begin with."""
        protocol = self._protocol
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Request):
                self.request = event
                protocol.send_response(protocol.accept(event))
            elif isinstance(event, Frame) and event.opcode in (Opcode.BINARY, Opcode.CONT):
                self.received += event.data
                self.frames.append(bytes(event.data))
            elif isinstance(event, Frame):
                self.controls.append(event)
        assert protocol.parser_exc is None, protocol.parser_exc
        assert protocol.handshake_exc is None, protocol.handshake_exc
        return b"".join(protocol.data_to_send())

    def pack(self, data: bytes, *, fin: bool = True, first: bool = True) -> bytes:
        """A data frame."""
        if first:
            self._protocol.send_binary(data, fin)
        else:
            self._protocol.send_continuation(data, fin)
        return b"".join(self._protocol.data_to_send())
