"""Whatever a client sends, in memory it gets the answer that nats-server gives."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from random import Random

import pytest
from twisted.internet.endpoints import connectProtocol

from tests.contract.raw import RawClient
from txnats.server import NatsServer, ServerUser, SubjectRules
from txnats.testing import FakeServer, MemoryNetwork

PUBLISH = SubjectRules(allow=["a.*", "b", "c.>", "*.x"], deny=["a.no", "c.*.z"])
SUBSCRIBE = SubjectRules(allow=["a.>", "b", "c.*", "q q1", "q.* q2.*", "in.>"], deny=["a.no", "c.no", "a.q q3", "a.y"])
USERS = [
    ServerUser(name="bound", password="p", publish=PUBLISH, subscribe=SUBSCRIBE),
    ServerUser(name="denied", password="p", subscribe=SubjectRules(deny=["a.no", "*.y", "a.q q4"])),
    ServerUser(name="responder", password="p", allow_responses=True),
    ServerUser(name="free", password="p"),
]
MAX_PAYLOAD = 50
BLOCK = b"NATS/1.0\r\nA: b\r\n\r\n"
RARE = (
    *(b"FOO\r\n", b"PUB a\r\n", b"PUB a b c d\r\n", b"SUB a b c d\r\n", b"\r\n", b"UNSUB\r\n"),
    *(b"PING x\r\n", b"PONG\r\n", b"+OK\r\n", b"INFO {}\r\n"),
    *(b"INFO x\r\n", b"-ERR\r\n", b"-ERR x\r\n", b"HPUB a 3 2\r\n", b"UNSUB \r\n", b"SUB  \r\n", b"CONNECT\r\n"),
    *(b'CONNECT {"verbose":true}\r\n', b'CONNECT {"echo":false}\r\n', b'CONNECT {"headers":false}\r\n'),
    *(b'CONNECT {"no_responders":false}\r\n', b'CONNECT {"user":"free"}\r\n', b'CONNECT {"pass":"wrong"}\r\n'),
)
_MESSAGE = re.compile(rb"(?:MSG|HMSG) [^\r]*?(\d+)\r\n")
_NO_RESPONDERS = re.compile(rb"^(HMSG \S+) \S+( \d+ \d+\r\nNATS/1.0 503\r\n)")


class Sender:
    """Makes streams. What the server does at random, it avoids: no two members of a queue group."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def stream(self) -> bytes:
        return self._connect() + b"".join(self._commands()) + b"PING\r\n"

    def slices(self) -> int | None:
        return self._random.choice([None, 1, 7])

    def _connect(self) -> bytes:
        likely, unlikely = self._random.random() < 0.8, self._random.random() < 0.3
        fields = {"user": self._random.choice(USERS).name, "pass": "p", "verbose": unlikely, "pedantic": False}
        fields |= {"headers": likely or unlikely, "no_responders": likely, "echo": likely or not unlikely}
        return b"CONNECT " + json.dumps(fields).encode() + b"\r\n"

    def _commands(self) -> Iterator[bytes]:
        kinds = [self._subscribe, self._unsubscribe, self._publish, self._ping, self._rare]
        for make in self._random.choices(kinds, [30, 10, 45, 12, 3], k=self._random.randint(1, 25)):
            yield make()

    def _subscribe(self) -> bytes:
        sid = self._random.randint(1, 6)
        queue = self._random.choice(["", "", "", f"q{sid} ", f"q{sid}.1 "])
        return f"SUB {self._subject()} {queue}{sid}\r\n".encode()

    def _unsubscribe(self) -> bytes:
        return f"UNSUB {self._random.randint(1, 6)}{self._random.choice(['', ' 0', ' 1', ' 2', ' 3'])}\r\n".encode()

    def _publish(self) -> bytes:
        reply = self._random.choice(["", "", "in.1 ", "a.x ", "rr ", "_R_.x ", "b "])
        body = b"x" * self._random.choice([0, 1, 1, 5, 5, 5, 5, 5, MAX_PAYLOAD, MAX_PAYLOAD + 1])
        if self._random.random() < 0.7:
            return f"PUB {self._subject()} {reply}{len(body)}\r\n".encode() + body + b"\r\n"
        sizes = f"{len(BLOCK)} {len(BLOCK) + len(body)}"
        return f"HPUB {self._subject()} {reply}{sizes}\r\n".encode() + BLOCK + body + b"\r\n"

    def _ping(self) -> bytes:
        return b"PING\r\n"

    def _rare(self) -> bytes:
        return self._random.choice(RARE)

    def _subject(self) -> str:
        tokens = ["a", "b", "c", "x", "y", "z", "no", "q", "*", ">", "in"]
        if self._random.random() < 0.05:
            tokens.append("")
        return ".".join(self._random.choices(tokens, k=self._random.choice([1, 2, 2, 2, 3]))) or "a"


@pytest.mark.parametrize("seed", range(6))
def test_any_stream_gets_the_same_answer(seed: int, server: NatsServer) -> None:
    sender = Sender(seed)
    for _ in range(50):
        stream = sender.stream()
        answer, closed = in_memory(stream, sender.slices())
        real, really_closed = over_tcp(stream, server.port, None if closed else answer.count(b"PONG\r\n"))
        if really_closed and len(real) < len(answer):
            # Closing with bytes unread is a reset, and that may swallow what was said last: ask again.
            real, really_closed = over_tcp(stream, server.port, None)
        assert (in_order(answer), closed) == (in_order(real), really_closed), stream


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    with NatsServer(users=USERS, max_payload=MAX_PAYLOAD) as started:
        yield started


def in_memory(stream: bytes, slices: int | None) -> tuple[bytes, bool]:
    """The answer, and whether the server closed."""
    network = MemoryNetwork(slices=slices)
    client = RawClient()
    connectProtocol(network.endpoint(FakeServer(network.clock, users=USERS, max_payload=MAX_PAYLOAD)), client)
    network.pump()
    client.write(stream)
    network.pump()
    return client.told.partition(b"\r\n")[2], client.lost


def over_tcp(stream: bytes, port: int, pongs: int | None) -> tuple[bytes, bool]:
    """The answer up to so many PONGs, or to the end, and whether that came."""
    told = b""
    ended = False
    with socket.create_connection(("127.0.0.1", port), timeout=5.0) as client:
        while b"\r\n" not in told:
            told += client.recv(65_536)
        client.sendall(stream)
        while not ended and (pongs is None or told.count(b"PONG\r\n") < pongs or not told.endswith(b"PONG\r\n")):
            try:
                data = client.recv(65_536)
            except ConnectionError:
                data = b""
            told += data
            ended = not data
    return told.partition(b"\r\n")[2], ended


def in_order(told: bytes) -> list[bytes]:
    """Lines and messages, less what is nobody's promise.

    That is which subscriber has a message first, and which of several at a reply subject hears of no responders.
    """
    frames: list[bytes] = []
    run: list[bytes] = []
    at = 0
    while at < len(told):
        message = _MESSAGE.match(told, at)
        end = told.index(b"\r\n", at) + 2 if message is None else message.end() + int(message[1]) + 2
        if message is None:
            frames += [*sorted(run), told[at:end]]
            run = []
        else:
            run.append(_NO_RESPONDERS.sub(rb"\1 *\2", told[at:end]))
        at = end
    return [*frames, *sorted(run)]
