"""Entries: values, deletes, purges and the server's markers, from each of the ways that they come."""

from __future__ import annotations

import pytest

from txnats.errors import RemoteProtocolError
from txnats.headers import Headers
from txnats.jetstream import StoredMessage, Timestamp
from txnats.jetstream.delivery import Delivery, delivery_of
from txnats.kv.entry import Operation, from_delivered, from_direct, from_stored, operation_of, plain_value
from txnats.message import Message
from txnats.wire.header_block import HeaderBlock

TIME = "2024-05-06T07:08:09.123456789Z"


def message(payload: bytes, headers: dict[str, str] | None = None) -> Message:
    if headers is None:
        return Message(b"x", 1, None, payload)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return Message(b"x", 1, None, payload, HeaderBlock(f"NATS/1.0\r\n{lines}\r\n".encode()))


@pytest.mark.parametrize(
    ("headers", "operation", "reason"),
    [
        ({}, Operation.PUT, ""),
        ({"KV-Operation": "PUT"}, Operation.PUT, ""),
        ({"KV-Operation": "DEL"}, Operation.DELETE, ""),
        ({"KV-Operation": "PURGE"}, Operation.PURGE, ""),
        ({"KV-Operation": "NEWER"}, Operation.DELETE, ""),
        ({"Nats-Marker-Reason": "MaxAge"}, Operation.PURGE, "MaxAge"),
        ({"Nats-Marker-Reason": "Purge"}, Operation.PURGE, "Purge"),
        ({"Nats-Marker-Reason": "Remove"}, Operation.DELETE, "Remove"),
        ({"Nats-Marker-Reason": "Newer"}, Operation.DELETE, "Newer"),
        ({"kv-operation": "DEL"}, Operation.PUT, ""),
    ],
)
def test_operations(headers: dict[str, str], operation: Operation, reason: str) -> None:
    assert operation_of(headers) == (operation, reason)


def test_a_direct_answer() -> None:
    entry = from_direct("b", "k", message(b"v", {"Nats-Sequence": "7", "Nats-Time-Stamp": TIME}))
    assert (entry.bucket, entry.key, entry.value, entry.revision, entry.size) == ("b", "k", b"v", 7, 1)
    assert entry.created == Timestamp.parse(TIME)
    assert not entry.is_deleted


OWN = {"Nats-Stream": "KV_b", "Nats-Subject": "$KV.b.k", "Nats-Sequence": "7", "Nats-Time-Stamp": TIME}


def test_a_plain_value_is_what_a_closer_look_finds() -> None:
    came = message(b"v", OWN)
    assert plain_value("b", "k", came) == from_direct("b", "k", came)


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"KV-Operation": "DEL", **OWN},
        {**OWN, "Nats-Marker-Reason": "MaxAge"},
        {**OWN, "Nats-Sequence": "x"},
        {**OWN, "Nats-Stream": ""},
        {"Nats-Sequence": "7", "Nats-Time-Stamp": TIME},
    ],
)
def test_what_needs_a_closer_look(headers: dict[str, str] | None) -> None:
    assert plain_value("b", "k", message(b"v", headers)) is None


def test_an_answer_with_a_status_is_no_plain_value() -> None:
    came = message(b"", OWN)
    block = HeaderBlock(came.header_bytes.replace(b"NATS/1.0", b"NATS/1.0 404 Message Not Found"))
    assert plain_value("b", "k", Message(b"x", 1, None, b"", block)) is None


@pytest.mark.parametrize("headers", [{}, {"Nats-Sequence": "7"}, {"Nats-Sequence": "x", "Nats-Time-Stamp": TIME}])
def test_an_answer_that_does_not_say_what_it_is(headers: dict[str, str]) -> None:
    with pytest.raises(RemoteProtocolError):
        from_direct("b", "k", message(b"v", headers))


def test_a_stored_message() -> None:
    time = Timestamp.parse(TIME)
    assert time is not None
    entry = from_stored("b", "k", StoredMessage("s", 3, b"", Headers({"KV-Operation": "DEL"}), time))
    assert entry.is_deleted
    assert entry.operation is Operation.DELETE
    assert entry.created == time


NINE = b"$JS.ACK.KV_b.c.1.70.8.1700000000000000001.4"


def test_what_a_consumer_delivers() -> None:
    assert delivery_of(NINE) == Delivery(70, 8, b"1700000000000000001", 4)
    assert delivery_of(b"$JS.ACK._.hash.KV_b.c.1.70.8.1700000000000000001.4.more") == delivery_of(NINE)
    entry = from_delivered("b", "k", message(b"v"), Delivery(70, 8, b"1700000000000000001", 4))
    assert (entry.revision, entry.delta, entry.value) == (70, 4, b"v")
    assert entry.created.to_ns() == 1700000000000000001


@pytest.mark.parametrize("reply", [b"", b"_INBOX.x", b"$JS.ACK.a.b.1.x.8.9.10", b"a.b.c.d.e.f.g.h.i.j"])
def test_what_none_delivers(reply: bytes) -> None:
    assert delivery_of(reply) is None


def test_metadata_alone_tells_the_size() -> None:
    entry = from_delivered("b", "k", message(b"", {"Nats-Msg-Size": "1000"}), Delivery(1, 1, b"1", 0))
    assert (entry.value, entry.size) == (b"", 1000)
    deleted = from_delivered("b", "k", message(b"", {"KV-Operation": "PURGE"}), Delivery(1, 1, b"1", 0))
    assert (deleted.operation, deleted.size) == (Operation.PURGE, 0)
