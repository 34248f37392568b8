"""Stored messages, out of an answer of the API and as themselves."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from txnats import Message, RemoteProtocolError
from txnats.jetstream.assets.stored import GetRequest, from_answer, from_direct
from txnats.jetstream.error_codes import BadRequest, StreamTooManyRequests
from txnats.jetstream.errors import JetStreamError, MessageNotFound, NotSupported, TooManyResults
from txnats.jetstream.records import to_wire
from txnats.wire.header_block import HeaderBlock

TIME = "2026-01-01T00:00:00.123456789Z"
OWN = f"Nats-Stream: S\r\nNats-Subject: a.b\r\nNats-Sequence: 7\r\nNats-Time-Stamp: {TIME}\r\n"


def came(lines: str = "", status: str = "", payload: bytes = b"body") -> Message:
    return Message(b"_INBOX.x", 1, None, payload, HeaderBlock(f"NATS/1.0{status}\r\n{lines}\r\n".encode()))


def test_in_an_answer() -> None:
    headers = b64encode(b"NATS/1.0\r\nA: 1\r\nA: 2\r\n\r\n").decode()
    told = {"message": {"subject": "a.b", "seq": 7, "data": "Ym9keQ==", "hdrs": headers, "time": TIME}}
    message = from_answer(told, "S")
    assert (message.subject, message.sequence, message.payload, message.stream) == ("a.b", 7, b"body", "S")
    assert list(message.headers.items()) == [("A", "1"), ("A", "2")]
    assert message.timestamp.nanosecond == 789


def test_in_an_answer_without_headers_and_body() -> None:
    message = from_answer({"message": {"subject": "a", "seq": 1, "time": TIME}}, "S")
    assert (message.payload, list(message.headers)) == (b"", [])


@pytest.mark.parametrize("told", [{}, {"message": {}}, {"message": {"seq": 1}}, {"message": {"seq": 1, "data": 5}}])
def test_an_answer_that_is_not_all_there(told: dict[str, Any]) -> None:
    with pytest.raises(RemoteProtocolError):
        from_answer(told, "S")


def test_as_itself() -> None:
    message = from_direct(came("A: 1\r\n" + OWN + "Nats-Num-Pending: 3\r\nNats-Last-Sequence: 6\r\n"))
    assert (message.subject, message.sequence, message.payload, message.stream) == ("a.b", 7, b"body", "S")
    assert list(message.headers.items()) == [("A", "1")]
    assert message.timestamp.nanosecond == 789


def test_what_was_published_with_such_headers_keeps_them() -> None:
    message = from_direct(came("Nats-Sequence: 99\r\nNats-Subject: other\r\n" + OWN))
    assert (message.sequence, message.subject) == (7, "a.b")
    assert list(message.headers.items()) == [("Nats-Sequence", "99"), ("Nats-Subject", "other")]


def test_what_was_published_with_a_status_is_a_message() -> None:
    assert from_direct(came(OWN, " 503")).sequence == 7


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (" 404 Message Not Found", MessageNotFound),
        (" 408 Bad Request", BadRequest),
        (" 412 Required Api Level", NotSupported),
        (" 413 Too Many Results", TooManyResults),
        (" 429 Too Many Requests", StreamTooManyRequests),
        (" 500", JetStreamError),
    ],
)
def test_a_status_in_its_place(status: str, kind: type[JetStreamError]) -> None:
    with pytest.raises(JetStreamError) as caught:
        from_direct(came("", status, b""))
    assert type(caught.value) is kind
    assert caught.value.code == int(status[:4])


@pytest.mark.parametrize("lines", ["", "Nats-Sequence: x\r\n", OWN.replace("7", "seven"), OWN.replace(TIME, "noon")])
def test_what_does_not_tell_what_it_is(lines: str) -> None:
    with pytest.raises(RemoteProtocolError):
        from_direct(came(lines))


def test_a_request_says_what_is_wanted() -> None:
    assert to_wire(GetRequest(seq=3)) == {"seq": 3}
    assert to_wire(GetRequest(multi_last=["a"], batch=5)) == {"multi_last": ["a"], "batch": 5}
