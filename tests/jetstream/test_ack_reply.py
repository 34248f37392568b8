"""Reply subjects of delivered messages: nine tokens, eleven, more, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txnats.jetstream.ack_reply import Metadata, parse, sequences

NINE = b"$JS.ACK.ORDERS.worker.2.100.7.1795551869123456789.42"
TOKEN = st.text("abcXYZ09-_", min_size=1, max_size=8)
NUMBER = st.integers(0, 2**63 - 1)


def test_nine_tokens() -> None:
    metadata = parse(NINE)
    assert metadata == Metadata("ORDERS", "worker", 100, 7, 2, 42, 1_795_551_869_123_456_789)
    assert metadata.timestamp.nanosecond == 789
    assert sequences(NINE) == (100, 7)


@pytest.mark.parametrize("more", [b"", b".token", b".a.b.c"])
def test_eleven_and_more(more: bytes) -> None:
    reply = b"$JS.ACK.hub.acchash.ORDERS.worker.2.100.7.55.42" + more
    assert parse(reply) == Metadata("ORDERS", "worker", 100, 7, 2, 42, 55, "hub", "acchash")
    assert sequences(reply) == (100, 7)


def test_an_underscore_is_no_domain() -> None:
    metadata = parse(b"$JS.ACK._.acchash.ORDERS.worker.2.100.7.55.42")
    assert metadata is not None
    assert metadata.domain == ""


@pytest.mark.parametrize(
    "reply",
    [
        None,
        b"",
        b"_INBOX.x",
        b"$JS.ACK.A.b.1.2.3.4",
        b"$JS.ACK.h.A.b.1.2.3.4.5",
        b"$JS.ACK.A.b.x.2.3.4.5",
        b"$JS.FC.A.b.1.2.3.4.5",
        b"$JS.ACK.\xff.b.1.2.3.4.5",
    ],
)
def test_what_came_from_no_consumer(reply: bytes | None) -> None:
    assert parse(reply) is None


@pytest.mark.parametrize("reply", [None, b"_INBOX.x", b"$JS.ACK.h.A.b.1.2.3.4.5", b"$JS.ACK.A.b.1.x.3.4.5"])
def test_what_has_no_sequences(reply: bytes | None) -> None:
    assert sequences(reply) is None


@given(TOKEN, TOKEN, st.tuples(NUMBER, NUMBER, NUMBER, NUMBER, NUMBER))
def test_what_is_told_is_read(stream: str, consumer: str, numbers: tuple[int, ...]) -> None:
    delivered, at, mine, time, pending = numbers
    reply = f"$JS.ACK.{stream}.{consumer}.{delivered}.{at}.{mine}.{time}.{pending}".encode()
    assert parse(reply) == Metadata(stream, consumer, at, mine, delivered, pending, time)
    assert sequences(reply) == (at, mine)


@given(st.binary())
def test_any_bytes_are_read_or_not(data: bytes) -> None:
    for reply in (data, b"$JS.ACK." + data):
        parse(reply)
        sequences(reply)
