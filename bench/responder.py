"""Answer every request, for all peers alike: a bare socket and one regular expression."""

from __future__ import annotations

import re
import socket

from bench import raw
from bench.peers import measure

REQUEST = re.compile(rb"MSG \S+ 1 (\S+) \d+\r\n")
PING = b"PING\r\n"


def replies(data: bytes, payload: bytes) -> tuple[bytes, bytes]:
    """The answers to the whole requests in ``data``, and the bytes of an unfinished one."""
    end = data.rfind(b"\r\n") + 2 if b"\r\n" in data else 0
    # A request whose payload is still on its way is left for the next read: only the last control line can be one.
    last = data.rfind(b"MSG ", 0, end)
    if last >= 0 and not _is_whole(data, last):
        end = last
    whole = data[:end]
    tail = b" %d\r\n%b\r\n" % (len(payload), payload)
    answers = b"".join([b"PUB " + reply + tail for reply in REQUEST.findall(whole)])
    return answers + b"PONG\r\n" * whole.count(PING), data[end:]


def _is_whole(data: bytes, start: int) -> bool:
    """Whether the message that begins at ``start`` has fully come."""
    line_end = data.find(b"\r\n", start)
    size = int(data[start:line_end].split()[-1]) if line_end >= 0 else 0
    return line_end >= 0 and line_end + 2 + size + 2 <= len(data)


def respond(wire: socket.socket, payload: bytes) -> None:
    """Answer until the connection ends."""
    rest = b""
    while data := wire.recv(raw.READ_SIZE):
        answers, rest = replies(rest + data, payload)
        if answers:
            wire.sendall(answers)


if __name__ == "__main__":
    orders = measure.job()
    with raw.dial(orders.url, orders.ca) as connection:
        connection.sendall(f"SUB {orders.subject} 1\r\n".encode())
        raw.settle(connection)
        measure.ready()
        respond(connection, orders.payload)
