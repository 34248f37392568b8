"""What a stream answers to a publish, as values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txnats.jetstream.errors import ApiError
from txnats.jetstream.publish.ack import PubAck, read


def test_an_acknowledgement_as_a_server_writes_it() -> None:
    ack = read(b'{"stream":"S","seq":7}')
    assert ack == PubAck(stream="S", sequence=7)
    assert read(b'{"stream":"S", "domain":"hub", "seq":7,"duplicate": true}') == PubAck(
        stream="S", sequence=7, duplicate=True, domain="hub"
    )
    assert read(b'{"stream":"S","seq":7,"batch":"b","count":3,"news":[1]}') == PubAck(
        stream="S", sequence=7, batch="b", count=3
    )


def test_a_counter_is_as_large_as_it_wants() -> None:
    value = -(10**40)
    ack = read(b'{"stream":"S","seq":1,"val":"%d"}' % value)
    assert isinstance(ack, PubAck)
    assert ack.value == value
    assert PubAck(stream="S", sequence=1).value is None


def test_an_error_comes_with_a_stream_and_a_sequence_too() -> None:
    error = b'{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 4"},"stream":"S","seq":0}'
    assert read(error) == ApiError(400, 10071, "wrong last sequence: 4")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"hello",
        b"{}",
        b"[]",
        b"null",
        b'{"stream":"S","seq":0}',
        b'{"stream":"S"}',
        b'{"seq":1}',
        b"[" * 5000,
        b"\xff",
    ],
)
def test_what_is_no_answer_of_a_stream(payload: bytes) -> None:
    assert read(payload) is None


@given(st.binary())
def test_whatever_comes_is_read_without_an_exception(payload: bytes) -> None:
    assert read(payload) is None or isinstance(read(payload), (PubAck, ApiError))
