"""The barest NATS client: a blocking socket that has said CONNECT. For the harness's own helpers only."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import urlsplit

READ_SIZE = 256 * 1024


def dial(url: str, ca: str = "") -> socket.socket:
    """A socket on which the server has answered the first PING."""
    parts = urlsplit(url)
    wire = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 4222))
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if parts.scheme == "tls":
        while not wire.recv(READ_SIZE).endswith(b"\r\n"):
            pass
        wire = ssl.create_default_context(cafile=ca).wrap_socket(wire, server_hostname=parts.hostname)
    wire.sendall(b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"echo":false}\r\n')
    settle(wire)
    return wire


def settle(wire: socket.socket) -> None:
    """Send a PING and wait for its PONG: the server has read all that went before."""
    wire.sendall(b"PING\r\n")
    seen = b""
    while b"PONG\r\n" not in seen:
        data = wire.recv(READ_SIZE)
        if not data:
            raise ConnectionError(f"the server closed the connection: {seen[-200:]!r}")
        seen = seen[-16:] + data


def publish_command(subject: str, payload: bytes, headers: dict[str, str] | None = None) -> bytes:
    """One PUB or HPUB, ready to be repeated."""
    if not headers:
        return f"PUB {subject} {len(payload)}\r\n".encode() + payload + b"\r\n"
    block = ("NATS/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n").encode()
    return f"HPUB {subject} {len(block)} {len(block) + len(payload)}\r\n".encode() + block + payload + b"\r\n"
