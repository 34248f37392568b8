"""The headers of a publish."""

from __future__ import annotations

from typing import Any

import pytest

from txnats.errors import InvalidArgument, InvalidHeader, InvalidOption
from txnats.headers import Headers
from txnats.jetstream.publish.headers import Expect, gather, ttl_text


def pairs(source: Any) -> list[tuple[str, str]]:
    return list(Headers(source).items())


def test_nothing_asked_is_no_header() -> None:
    assert gather(None, None, None, None) == (None, False)


def test_all_of_them_behind_ones_own() -> None:
    expect = Expect(stream="S", last_sequence=0, last_subject_sequence=3, last_subject="a.*", last_message_id="before")
    headers, has_id = gather({"A": "1"}, "id", 90, expect)
    assert has_id
    assert pairs(headers) == [
        ("A", "1"),
        ("Nats-Msg-Id", "id"),
        ("Nats-TTL", "90"),
        ("Nats-Expected-Stream", "S"),
        ("Nats-Expected-Last-Sequence", "0"),
        ("Nats-Expected-Last-Subject-Sequence", "3"),
        ("Nats-Expected-Last-Subject-Sequence-Subject", "a.*"),
        ("Nats-Expected-Last-Msg-Id", "before"),
    ]


def test_a_message_id_of_ones_own_counts_as_one() -> None:
    headers, has_id = gather({"Nats-Msg-Id": "mine"}, None, None, None)
    assert has_id
    assert pairs(headers) == [("Nats-Msg-Id", "mine")]
    assert pairs(gather({"Nats-Msg-Id": "mine"}, "other", None, None)[0]) == [("Nats-Msg-Id", "other")]


def test_headers_are_a_copy_that_nobody_changes() -> None:
    own = Headers({"A": "1"})
    headers, _ = gather(own, "id", None, None)
    own.add("B", "2")
    assert pairs(headers) == [("A", "1"), ("Nats-Msg-Id", "id")]
    assert pairs(own) == [("A", "1"), ("B", "2")]


@pytest.mark.parametrize(
    ("ttl", "text"), [(1, "1"), (90, "90"), (1.5, "1.5s"), (2.0, "2s"), (1e6, "1000000s"), ("never", "never")]
)
def test_a_time_to_live(ttl: Any, text: str) -> None:
    assert ttl_text(ttl) == text


@pytest.mark.parametrize("ttl", [0, 0.5, -1, True, "1h", float("inf"), float("nan"), None, b"never"])
def test_no_time_to_live(ttl: Any) -> None:
    with pytest.raises(InvalidArgument):
        ttl_text(ttl)


@pytest.mark.parametrize(
    "wrong",
    [
        {"last_sequence": -1},
        {"last_sequence": True},
        {"last_sequence": "3"},
        {"last_subject_sequence": 2**64},
        {"last_subject_sequence": 1.0},
        {"last_subject": "a"},
    ],
    ids=repr,
)
def test_what_cannot_be_expected(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption):
        Expect(**wrong)


def test_a_message_id_is_not_empty_and_fits_a_header() -> None:
    with pytest.raises(InvalidArgument):
        gather(None, "", None, None)
    with pytest.raises(InvalidHeader):
        gather({"A": "1"}, "a\r\nb", None, None)
