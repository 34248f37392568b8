"""Whatever pieces a client's bytes come in, the same commands come out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from txnats.testing import samples
from txnats.testing.commands import (
    TOO_LARGE,
    TOO_LONG,
    UNKNOWN,
    UNREADABLE,
    Command,
    CommandParser,
    Connect,
    Ignored,
    Ping,
    Pong,
    Publish,
    Subscribe,
    Unsubscribe,
    Violation,
)

BLOCK = b"NATS/1.0\r\nA: b\r\n\r\n"


def commands(data: bytes, **limits: Any) -> list[Command]:
    return list(CommandParser(**limits).feed(data))


def test_each_command() -> None:
    assert commands(b'CONNECT {"user":"joe"}\r\nPING\r\nPONG\r\n') == [Connect({"user": "joe"}), Ping(), Pong()]
    assert commands(b"SUB a 1\r\nSUB a q x\r\n") == [Subscribe(b"a", None, b"1"), Subscribe(b"a", b"q", b"x")]
    assert commands(b"UNSUB 1\r\nUNSUB 1 5\r\n") == [Unsubscribe(b"1", 0), Unsubscribe(b"1", 5)]
    assert commands(b"PUB a 2\r\nhi\r\nPUB a re 0\r\n\r\n") == [
        Publish(subject=b"a", payload=b"hi", sizes=b"2"),
        Publish(subject=b"a", reply=b"re", payload=b"", sizes=b"0"),
    ]
    assert commands(b"HPUB a 18 20\r\n" + BLOCK + b"hi\r\nHPUB a re 0 2\r\nhi\r\n") == [
        Publish(subject=b"a", headers=BLOCK, payload=b"hi", sizes=b"18 20"),
        Publish(subject=b"a", reply=b"re", headers=b"", payload=b"hi", sizes=b"2"),
    ]
    assert commands(b"+OK\r\nINFO {}\r\n") == [Ignored(), Ignored()]


@pytest.mark.parametrize(
    ("data", "violation"),
    [
        (b"FOO\r\n", UNKNOWN),
        (b"PUB a 1\r\nxy\r\n", UNKNOWN),
        (b"PUB a 1\r\nx\n", UNKNOWN),
        (b"PUB a 1\r\n" + b"x" + b"y", UNKNOWN),
        (b"PUB a\r\n", UNREADABLE),
        (b"PUB a " + "٣".encode() + b"\r\n", UNREADABLE),
        (b"HPUB a 3 2\r\n", UNREADABLE),
        (b"CONNECT []\r\n", UNREADABLE),
        (b"INFO x\r\n", UNREADABLE),
        (b"-ERR x\r\n", UNREADABLE),
        (b"-ERR\r\n", UNKNOWN),
        (b"CONNECT " + b"[" * 4_000 + b"\r\n", UNREADABLE),
        (b"PUB a 11\r\n", TOO_LARGE),
        (b"PUB " + b"a" * 4_100, TOO_LONG),
    ],
)
def test_violations_are_told_once_and_end_it(data: bytes, violation: Violation) -> None:
    parser = CommandParser(max_payload=10)
    assert list(parser.feed(b"PING\r\n" + data + b"PING\r\n")) == [Ping(), violation]
    assert list(parser.feed(b"PING\r\n")) == []


def test_headers_are_known_from_one_command_to_the_next() -> None:
    parser = CommandParser(headers=False)
    told = parser.feed(b"CONNECT {}\r\nHPUB a 0 0\r\n\r\nHPUB a 0 0\r\n\r\n")
    assert next(told) == Connect({})
    parser.headers = True
    assert isinstance(next(told), Publish)
    parser.headers = False
    assert next(told) == UNREADABLE


def test_limits_are_exact() -> None:
    assert commands(b"PUB a 10\r\n%b\r\n" % bytes(10), max_payload=10) != [TOO_LARGE]
    assert commands(b"SUB aa 1\r\n", control_line=4) == [Subscribe(b"aa", None, b"1")]
    assert commands(b"SUB aaa 1\r\n", control_line=4) == [TOO_LONG]


def test_a_large_body_comes_in_single_bytes() -> None:
    parser = CommandParser()
    data = b"PUB a 20000\r\n%b\r\n" % bytes(20_000)
    told = [command for byte in data for command in parser.feed(bytes([byte]))]
    assert told == [Publish(subject=b"a", payload=bytes(20_000), sizes=b"20000")]


def client_streams() -> st.SearchStrategy[bytes]:
    subject = samples.subjects(3).map(str.encode)
    publish = st.builds(lambda at, data: b"PUB %b %d\r\n%b\r\n" % (at, len(data), data), subject, samples.payloads(64))
    others = st.sampled_from([b"PING\r\n", b"pong\r\n", b"SUB a  q\t1\r\n", b"UNSUB 1 2\n", b"CONNECT {}\r\n", b"WHAT"])
    return st.lists(publish | others, max_size=8).map(b"".join)


@settings(deadline=None)
@given(client_streams(), st.data())
def test_any_split_gives_the_same_commands(stream: bytes, data: st.DataObject) -> None:
    parser = CommandParser()
    told = [command for piece in data.draw(samples.pieces(stream)) for command in parser.feed(piece)]
    assert told == commands(stream)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_command_or_wait(data: bytes) -> None:
    told = commands(data)
    assert not any(isinstance(command, Violation) for command in told[:-1])
