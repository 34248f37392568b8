"""Answers to reply subjects off the wire: what could harm is looked at, and said as ``publish`` says it."""

from __future__ import annotations

import pytest

from tests.client.harness import Net
from txnats import InvalidSubject, Message, PayloadTooLarge
from txnats.message import Origin


def message(net: Net, reply: bytes) -> Message:
    """One that a client has received, with any reply subject."""
    client = net.client()
    got: list[Message] = []
    client.subscribe("a", got.append)
    net.settle()
    net.pipe.msg("a", b"x", reply="r")
    net.settle()
    origin = got[0]._origin
    assert isinstance(origin, Origin)
    return Message(b"a", 1, reply, b"x", None, origin)


def test_an_answer_is_what_publish_would_send() -> None:
    net = Net()
    message(net, b"$JS.ACK.a.1").respond(b"+ACK")
    net.settle()
    assert net.pipe.published == [(b"$JS.ACK.a.1", None, b"+ACK")]


@pytest.mark.parametrize("reply", [b"a\r\nPING", b"a\nb", b"a\0b", b"a.*", b">", b"a" * 5000])
def test_a_reply_subject_that_could_harm_is_refused(reply: bytes) -> None:
    net = Net()
    harmful = message(net, reply)
    with pytest.raises(InvalidSubject):
        harmful.respond(b"x")
    net.settle()
    assert net.pipe.published == []


def test_a_payload_that_is_too_large_is_refused() -> None:
    net = Net()
    answered = message(net, b"r")
    with pytest.raises(PayloadTooLarge):
        answered.respond(b"x" * (1024 * 1024 + 1))
