"""A WebSocket without I/O: the server's bytes in, NATS's bytes out, and the other way round.

The frames, the check of the handshake and the compression are the ``websockets`` package's. Here is what it leaves
open: how much is held, what an answer that opens no WebSocket means, and errors with a name.
Source: RFC 6455 and RFC 7692; what a nats-server says was looked at there.
"""

from __future__ import annotations

import logging
import re
from collections import deque
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHeader, NegotiationError, PayloadTooBig
from websockets.exceptions import ProtocolError as BrokenFrames
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import CLOSE_CODE_EXPLANATIONS, CloseCode, Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import WebSocketURI

from ..errors import (
    AuthenticationRefused,
    NatsError,
    RemoteProtocolError,
    WebSocketClosed,
    WebSocketRefused,
)
from ..secret import Secret, SecretBytes

MOST_HEAD = 64 * 1024
"""Bytes that the answer to the request may have."""
PIECE = 64 * 1024
"""Bytes that are unpacked or handed out at a time."""
COMPRESSED_PIECE = 16 * 1024
"""The same where each byte may become a thousand."""
COMPRESSED_MESSAGE = 32 * 1024
"""Bytes of our messages before compression."""
NOT_COMPRESSED = 64
"""Bytes below which nothing is won."""

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r\n")
_LOCATION = re.compile(rb"(?im)^location:[ \t]*((?:https?|wss?)://[0-9a-z.\-]{1,100}(?::[0-9]{1,5})?)")
_LOGIN_STATUS = frozenset({401, 403, 407})
# The package would log the request's headers and all that is sent, and secrets are among it.
_SILENT = logging.Logger("txnats.websocket", logging.CRITICAL + 1)  # noqa: LOG001  # no configuration may find it


class Ended(msgspec.Struct, frozen=True):
    """Nothing more comes: close, and say why."""

    error: NatsError


class WebSocket:
    """One connection's WebSocket, the client's side.

    Args:
        server: Its name for texts.
        host: For the ``Host`` header.
        port: Likewise.
        secure: Whether it runs within TLS.
        path: Path and query of the request.
        headers: More headers of the request.
        compression: Whether to offer it.
        max_size: Bytes of one message from the server.

    Attributes:
        is_open: Whether the handshake is done.
    """

    def __init__(
        self,
        server: str,
        *,
        host: str,
        port: int,
        secure: bool = False,
        path: str | Secret = "/",
        headers: Mapping[str, str | Secret] = {},
        compression: bool = True,
        max_size: int = 64 * 1024 * 1024,
    ) -> None:
        self.is_open = False
        self._server = server
        self._max_size = max_size
        # Nothing is compressed until the server has told how much it takes.
        self._compressed = 0
        self._head = bytearray()
        self._inbox: deque[bytes] = deque()
        self._ready: deque[bytes | memoryview] = deque()
        self._ended: Ended | None = None
        self._pong = b""
        offer = ClientPerMessageDeflateFactory(
            server_no_context_takeover=True, client_no_context_takeover=True, client_max_window_bits=None
        )
        self._protocol = ClientProtocol(
            WebSocketURI(secure, host, port, "/", ""),
            extensions=[offer] if compression else None,
            max_size=max_size,
            logger=_SILENT,
        )
        self._request = _request(self._protocol, Secret(path), headers)

    # Out

    def request(self) -> bytes:
        """What to send first; once. It shows no secret."""
        request, self._request = self._request, SecretBytes()
        return request

    def pack(self, data: bytes) -> bytes:
        """NATS's bytes as they are sent, once it is open."""
        most = self._compressed
        extensions = self._protocol.extensions if min(len(data), most) >= NOT_COMPRESSED else []
        if not extensions or len(data) <= most:
            return Frame(Opcode.BINARY, data).serialize(mask=True, extensions=extensions)
        return b"".join(
            Frame(Opcode.BINARY, data[start : start + most]).serialize(mask=True, extensions=extensions)
            for start in range(0, len(data), most)
        )

    def takes(self, max_payload: int) -> None:
        """The server's ``max_payload``, negative for any: it cuts those whose compressed message unpacks to more."""
        self._compressed = min(COMPRESSED_MESSAGE, max_payload) if max_payload >= 0 else COMPRESSED_MESSAGE

    def control(self) -> bytes:
        """What is due beside NATS's bytes: the answer to the newest ping, or our last frame; empty if there is none."""
        due, self._pong = self._pong, b""
        return due

    def close(self) -> bytes:
        """The frame with which we go; empty when it would come too early or too late."""
        if not self.is_open or self._protocol.state is not OPEN:
            return b""
        self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
        return b"".join(self._protocol.data_to_send())

    # In

    def feed(self, data: bytes) -> None:
        """Take the server's bytes; ``next`` gives what they mean."""
        if self._ended is None:
            size = COMPRESSED_PIECE if self._protocol.extensions else PIECE
            self._inbox.extend(data[start : start + size] for start in range(0, len(data), size))

    def next(self) -> bytes | Ended | None:
        """NATS's next bytes, the end, or None until there is more.

        Nothing is unpacked before it is asked for: who stops asking holds what has come in, and no more.
        """
        while not self._ready:
            if self._ended is not None or not self._inbox:
                return self._ended
            piece = self._inbox.popleft()
            if self.is_open:
                self._unpack(piece)
            else:
                self._shake(piece)
        return self._handed_out()

    # Inside

    def _handed_out(self) -> bytes:
        ready = self._ready
        first = ready.popleft()
        if len(first) > PIECE:
            ready.appendleft(memoryview(first)[PIECE:])
        return bytes(first[:PIECE])

    def _shake(self, piece: bytes) -> None:
        """Read the answer to the request; the whole of it is at hand before it is judged."""
        head = self._head
        head += piece
        line = _STATUS_LINE.match(head)
        end = head.find(b"\r\n\r\n") + 4
        if line is None:
            if b"\n" in head or len(head) > MOST_HEAD or not b"HTTP/1.".startswith(bytes(head[:7])):
                self._refuse(_no_http(bytes(head[:5])))
            return
        status = int(line[1])
        if end < 4 and (status == HTTPStatus.SWITCHING_PROTOCOLS or status // 100 == 3) and len(head) <= MOST_HEAD:
            return
        if status != HTTPStatus.SWITCHING_PROTOCOLS:
            self._ended = Ended(_refusal(self._server, status, bytes(head[:MOST_HEAD])))
        elif end < 4 or end > MOST_HEAD:
            self._refuse(f"the answer to the WebSocket request exceeds {MOST_HEAD:,} bytes")
        else:
            self._opened(bytes(head[:end]), bytes(head[end:]))
        self._head = bytearray()

    def _opened(self, answer: bytes, rest: bytes) -> None:
        protocol = self._protocol
        protocol.receive_data(answer)
        protocol.events_received()
        if protocol.handshake_exc is not None or protocol.state is not OPEN:
            self._refuse(_mistake(protocol.handshake_exc), status=HTTPStatus.SWITCHING_PROTOCOLS)
            return
        self.is_open = True
        later, self._inbox = self._inbox, deque()
        self.feed(rest)
        self._inbox += later

    def _refuse(self, why: str, *, status: int | None = None, hint: str = "") -> None:
        self._inbox.clear()
        self._ended = Ended(WebSocketRefused(self._server, why, status=status, hint=hint))

    def _unpack(self, piece: bytes) -> None:
        protocol = self._protocol
        protocol.receive_data(piece)
        text = False
        frames: list[bytes] = []
        for event in protocol.events_received():
            assert isinstance(event, Frame)
            text = text or event.opcode is Opcode.TEXT
            if event.opcode in _DATA:
                frames.append(event.data)  # type: ignore[arg-type]  # what comes in is no memoryview
        if sum(map(len, frames)) <= PIECE:
            frames = [b"".join(frames)]
        self._ready.extend(frame for frame in frames if frame)
        if text and protocol.state is OPEN:
            protocol.fail(CloseCode.UNSUPPORTED_DATA)
        writes = [each for each in protocol.data_to_send() if each]
        if writes:
            # The newest ping's answer answers all: a peer that only pings must not fill our memory.
            self._pong = writes[-1]
        if protocol.state is not OPEN:
            self._inbox.clear()
            self._ended = Ended(self._end(text=text))

    def _end(self, *, text: bool) -> NatsError:
        protocol = self._protocol
        fault = protocol.parser_exc
        closed = protocol.close_rcvd
        if text:
            return RemoteProtocolError("a WebSocket message is text: NATS is binary", where=self._server)
        if isinstance(fault, PayloadTooBig):
            return RemoteProtocolError(
                f"a WebSocket message exceeds {self._max_size:,} bytes",
                where=self._server,
                hint="raise WebSocketOptions.max_size, to the server's max_pending at least",
            )
        if fault is not None or closed is None:
            what = str(fault) if isinstance(fault, BrokenFrames) else type(fault).__name__
            return RemoteProtocolError(f"the WebSocket's frames are broken: {what}", where=self._server)
        meaning = CLOSE_CODE_EXPLANATIONS.get(closed.code, "a code of its own").removesuffix(" [internal]")
        return WebSocketClosed(self._server, code=int(closed.code), meaning=meaning, reason=closed.reason)


_DATA = frozenset({Opcode.BINARY, Opcode.CONT})


def _request(protocol: ClientProtocol, path: Secret, headers: Mapping[str, str | Secret]) -> SecretBytes:
    """The request, in nothing that stays."""
    request = protocol.connect()
    request.path = path.reveal()
    for name, value in headers.items():
        if name in request.headers:
            del request.headers[name]
        request.headers[name] = Secret(value).reveal()
    protocol.send_request(request)
    return SecretBytes(b"".join(protocol.data_to_send()))


def _refusal(server: str, status: int, head: bytes) -> NatsError:
    """What a status other than 101 means."""
    try:
        phrase = f" {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = ""
    why = f"HTTP {status}{phrase} is the answer to the WebSocket request"
    if status in _LOGIN_STATUS:
        return AuthenticationRefused(server, why, hint="check WebSocketOptions.headers, and the path")
    location = _LOCATION.search(head)
    if status // 100 == 3:
        where = f", to {location[1].decode()}" if location is not None else ""
        return WebSocketRefused(
            server, why + where, status=status, hint="it is not followed: connect there, if you trust it"
        )
    return WebSocketRefused(server, why, status=status, hint=_HINTS.get(status, ""))


_HINTS = {
    400: "does it want wss://, or is it no nats-server's WebSocket port?",
    404: "check the path",
}


def _no_http(start: bytes) -> str:
    """What speaks there when it is not HTTP."""
    if start in (b"INFO ", b"-ERR "):
        return "plain NATS is spoken there, and no WebSocket: connect with nats://, or to the WebSocket port"
    return "what answered the WebSocket request is not HTTP"


def _mistake(error: Exception | None) -> str:
    """What is wrong with a 101, without its words: they may be what we sent."""
    match error:
        case InvalidHeader(name=name):
            return f"the answer to the WebSocket request has no good {name} header"
        case NegotiationError():
            return "the answer to the WebSocket request names an extension or subprotocol that was not asked for"
        case _:
            return "the answer to the WebSocket request cannot be read"
