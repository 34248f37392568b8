"""A hostile server: plain sockets on loopback, one script for each connection, each in a thread of its own."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, Self, TypeAlias

PATIENCE = 12.0
"""Seconds that a script waits for the client at most."""


class Gone(Exception):
    """The client has ended the connection."""


def info(**fields: Any) -> bytes:
    """An INFO line of an ordinary server, with these fields on top."""
    plain = {
        "server_id": "NHOSTILE",
        "version": "2.15.1",
        "proto": 1,
        "headers": True,
        "max_payload": 1_048_576,
        "host": "127.0.0.1",
    }
    return b"INFO " + json.dumps({**plain, **fields}).encode() + b"\r\n"


INFO = info()
PONG = b"PONG\r\n"


class Talk:
    """One connection.

    Attributes:
        number: 0 for the server's first one.
        sent: Bytes that the client's side took.
        received: All that the client sent.
    """

    def __init__(self, peer: socket.socket, number: int) -> None:
        self.peer = peer
        self.number = number
        self.sent = 0
        self.received = bytearray()
        self._read = 0
        peer.settimeout(PATIENCE)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        """Send it all. Raises Gone once the client is."""
        view = memoryview(data)
        while view:
            try:
                count = self.peer.send(view[:65_536])
            except TimeoutError:
                raise
            except OSError:
                raise Gone from None
            self.sent += count
            view = view[count:]

    def line(self) -> bytes:
        """The client's next line."""
        while True:
            end = self.received.find(b"\r\n", self._read)
            if end >= 0:
                line = bytes(self.received[self._read : end])
                self._read = end + 2
                return line
            self.receive()

    def receive(self) -> None:
        """Whatever comes next. Raises Gone at the end."""
        try:
            data = self.peer.recv(65_536)
        except TimeoutError:
            raise
        except OSError:
            data = b""
        if not data:
            raise Gone
        self.received += data

    def until(self, start: bytes) -> bytes:
        """The next line that starts so; PINGs on the way are answered."""
        while not (line := self.line()).startswith(start):
            if line == b"PING":
                self.send(PONG)
        return line

    def hello(self, greeting: bytes = INFO) -> None:
        """INFO, and the client's CONNECT and PING."""
        self.send(greeting)
        self.until(b"CONNECT")
        assert self.line() == b"PING"

    def greet(self, greeting: bytes = INFO) -> None:
        """The whole handshake."""
        self.hello(greeting)
        self.send(PONG)

    def session(self, greeting: bytes = INFO) -> None:
        """The handshake, and the client has subscribed: its subscription is number 1."""
        self.greet(greeting)
        assert self.until(b"SUB") == b"SUB it 1"

    def serve(self) -> None:
        """Answer PINGs, for ever."""
        self.until(b"nothing that a client says")

    def stay(self) -> None:
        """Show that the connection still serves: the client hears of it, flushes, and says bye."""
        self.send(message(b"done"))
        self.until(b"PUB bye")

    def gone(self) -> None:
        """Wait until the client has gone."""
        try:
            while True:
                self.receive()
        except Gone:
            pass

    def is_gone(self, *, within: float) -> bool:
        """Whether the client goes within so many seconds."""
        self.peer.settimeout(within)
        try:
            self.gone()
        except TimeoutError:
            return False
        else:
            return True
        finally:
            self.peer.settimeout(PATIENCE)

    def until_closed(self) -> None:
        """Wait until the client has gone, and read nothing of what it sends."""
        waiting = select.poll()
        waiting.register(self.peer, select.POLLRDHUP)
        waiting.poll(PATIENCE * 1000)

    def reset(self) -> None:
        """End with RST in place of FIN."""
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def message(payload: bytes, sid: int = 1) -> bytes:
    """A MSG for the client's subscription."""
    return b"MSG it %d %d\r\n%b\r\n" % (sid, len(payload), payload)


Script: TypeAlias = Callable[[Talk], None]


class HostileServer:
    """Listens until ``close``; a context manager.

    Args:
        script: What each connection does.
        talk: How bytes travel there.

    Attributes:
        talks: Every connection so far.
    """

    def __init__(self, script: Script, talk: type[Talk] = Talk) -> None:
        self._talk = talk
        self.talks: list[Talk] = []
        self._script = script
        self._errors: list[BaseException] = []
        self._closing = False
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"nats://127.0.0.1:{self.port}"
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    @property
    def sent(self) -> int:
        """Bytes over all connections."""
        return sum(talk.sent for talk in self.talks)

    @property
    def received(self) -> bytes:
        """All that clients sent."""
        return b"".join(bytes(talk.received) for talk in self.talks)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all; raises what a script has raised."""
        self._closing = True
        socket.create_connection(("127.0.0.1", self.port)).close()
        self._accepting.join()
        self._listener.close()
        for talk in list(self.talks):
            with contextlib.suppress(OSError):
                talk.peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _accept(self) -> None:
        while True:
            peer, _ = self._listener.accept()
            if self._closing:
                peer.close()
                return
            talk = self._talk(peer, len(self.talks))
            self.talks.append(talk)
            thread = threading.Thread(target=self._serve, args=(talk,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, talk: Talk) -> None:
        try:
            self._script(talk)
        except Gone:
            pass
        except Exception as error:
            if not self._closing:
                self._errors.append(error)
        finally:
            talk.peer.close()
