"""The message: bytes kept as they came, decoded when they are read, and an answer to who asked."""

from __future__ import annotations

from typing import Any

import pytest

from txnats.errors import InvalidArgument, RemoteProtocolError
from txnats.message import Message, Origin
from txnats.wire.header_block import header_block

BLOCK = header_block(b"NATS/1.0 100 Idle Heartbeat\r\nA: 1\r\nA: 2\r\n\r\n")


class Client:
    """What a message needs of one."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.bad: list[RemoteProtocolError] = []
        self.origin = Origin(self.publish, self.bad.append)

    def publish(self, subject: Any, payload: Any = b"", *, reply: Any = None, headers: Any = None) -> None:
        self.sent.append((subject, payload, reply, headers))


def test_what_it_tells() -> None:
    message = Message(b"a.b", 7, b"r.1", b"hello", BLOCK)
    assert (message.subject, message.sid, message.reply, message.payload) == ("a.b", 7, "r.1", b"hello")
    assert (message.status, message.description) == (100, "Idle Heartbeat")
    assert message.headers.get_all("A") == ["1", "2"]
    assert message.size == 5 + len(BLOCK.raw)


def test_one_without_headers() -> None:
    message = Message(b"a", 1, None, b"abc")
    assert (message.reply, message.status, message.description, message.size) == (None, None, "", 3)
    assert len(message.headers) == 0


def test_headers_are_those_of_this_message_alone() -> None:
    one, two = Message(b"a", 1, None, b""), Message(b"a", 1, None, b"")
    one.headers.add("A", "1")
    assert len(two.headers) == 0


def test_bytes_that_are_no_text_turn_back_into_themselves() -> None:
    message = Message(b"a.\xff", 1, b"r.\xfe", b"")
    assert message.reply is not None
    assert (message.subject, message.reply) == ("a.\udcff", "r.\udcfe")
    assert message.subject.encode("utf-8", "surrogateescape") == b"a.\xff"


def test_an_answer_goes_to_who_asked() -> None:
    client = Client()
    message = Message(b"a", 1, b"r.\xff", b"", None, client.origin)
    message.respond(b"yes", {"A": "1"})
    message.respond()
    assert client.sent == [(b"r.\xff", b"yes", None, {"A": "1"}), (b"r.\xff", b"", None, None)]


def test_what_was_not_asked_cannot_be_answered() -> None:
    client = Client()
    with pytest.raises(InvalidArgument) as caught:
        Message(b"a.b", 1, None, b"", None, client.origin).respond()
    assert str(caught.value) == (
        "cannot respond [a.b]: the message has no reply subject (it was published, not requested)"
    )
    with pytest.raises(InvalidArgument, match="the message was not received by a client"):
        Message(b"a", 1, b"r", b"").respond()
    assert client.sent == []


def test_headers_that_cannot_be_read_are_told_and_raised() -> None:
    client = Client()
    bad = header_block(b"NATS/1.0\r\nno colon\r\n\r\n")
    message = Message(b"a", 1, None, b"p", bad, client.origin)
    for count in (1, 2):
        with pytest.raises(RemoteProtocolError):
            _ = message.headers
        assert len(client.bad) == count
    # All else can be read, and one without a client raises the same.
    assert (message.payload, message.status) == (b"p", None)
    with pytest.raises(RemoteProtocolError):
        _ = Message(b"a", 1, None, b"", bad).headers


def test_how_it_prints() -> None:
    assert repr(Message(b"a", 1, None, b"hi")) == "<Message 'a', 2 bytes: b'hi'>"
    assert repr(Message(b"a", 1, b"r", b"x" * 33, BLOCK)) == (
        f"<Message 'a', reply='r', status=100, 33 bytes: {b'x' * 32!r}...>"
    )


def test_two_messages_are_never_the_same() -> None:
    one, two = Message(b"a", 1, None, b""), Message(b"a", 1, None, b"")
    assert one != two
    assert len({one, two}) == 2
