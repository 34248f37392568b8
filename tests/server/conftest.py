"""A client of a few lines: enough of the protocol to see what a server does."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from txnats.server import NatsServer

_TIMEOUT = 5.0


class RawClient:
    def __init__(self, server: NatsServer) -> None:
        self._socket = socket.create_connection((server.host, server.port), timeout=_TIMEOUT)
        self._file = self._socket.makefile("rwb")
        self.info = self.read_info()

    def read_info(self) -> dict[str, Any]:
        """The next INFO; what comes before it is dropped."""
        while not (line := self.read_line()).startswith(b"INFO "):
            assert line, "the server has closed the connection"
        info: dict[str, Any] = json.loads(line[5:])
        return info

    def read_line(self) -> bytes:
        return self._file.readline()

    def connect(self, **fields: object) -> bytes:
        """Log in, and return the first line that is not an INFO: a PONG or an -ERR."""
        self.send(b"CONNECT " + json.dumps({"verbose": False, **fields}).encode() + b"\r\nPING\r\n")
        while (line := self.read_line()).startswith(b"INFO "):
            pass
        return line.strip()

    def send(self, data: bytes) -> None:
        self._file.write(data)
        self._file.flush()

    def hears_nothing(self, seconds: float) -> bool:
        self._socket.settimeout(seconds)
        try:
            return not self._socket.recv(1)
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(_TIMEOUT)

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@pytest.fixture
def dial() -> Iterator[Callable[[NatsServer], RawClient]]:
    with ExitStack() as stack:

        def connect(server: NatsServer) -> RawClient:
            client = RawClient(server)
            stack.callback(client.close)
            return client

        yield connect
