"""Names, keys and filters."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txnats.kv import naming
from txnats.kv.errors import InvalidBucket, InvalidKey


@pytest.mark.parametrize("name", ["profiles", "A-b_9", "x"])
def test_good_buckets(name: str) -> None:
    assert naming.check_bucket(name) == name
    assert naming.bucket_of(naming.stream_of(name)) == name


@pytest.mark.parametrize("name", ["", "a.b", "a b", "a*", ">", "a/b", "ä", "x" * 300, "a\n", None, 3])
def test_bad_buckets(name: Any) -> None:
    with pytest.raises(InvalidBucket):
        naming.check_bucket(name)


@pytest.mark.parametrize("key", ["a", "a.b", "-/_=.x", "user=1/2.name", "_kv.x"])
def test_good_keys(key: str) -> None:
    assert naming.check_key(key) == key


BAD = ["", ".", ".a", "a.", "a..b", "a b", "a*", "a.>", "a\r\nb", "a\n", "ä", "a\x00", "x" * 2000, None, 3, b"a"]


@pytest.mark.parametrize("key", BAD)
def test_bad_keys(key: Any) -> None:
    with pytest.raises(InvalidKey):
        naming.check_key(key)


@pytest.mark.parametrize("pattern", ["a", "*", ">", "a.*", "*.b", "a.*.c", "a.>", "*.>"])
def test_good_filters(pattern: str) -> None:
    assert naming.check_filter(pattern) == pattern


@pytest.mark.parametrize("pattern", ["", "a*", ">.a", "a.>.b", "a.", ".a", "a..b", "a b", "**", None])
def test_bad_filters(pattern: Any) -> None:
    with pytest.raises(InvalidKey):
        naming.check_filter(pattern)


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ((), (">",)),
        (("a", "a"), ("a",)),
        (("a.>", "a.b", "c"), ("a.>", "c")),
        (("a.*", "a.b", "a.b.c"), ("a.*", "a.b.c")),
        (("*", "a"), ("*",)),
    ],
)
def test_a_server_takes_no_filters_that_overlap_like_this(asked: tuple[str, ...], kept: tuple[str, ...]) -> None:
    assert naming.check_filters(asked) == kept


@pytest.mark.parametrize(
    ("pattern", "other", "covered"),
    [(">", "a", True), ("a.>", "a", False), ("a.*", "a.>", False), ("*.*", "a.*", True), ("a", "*", False)],
)
def test_covers(pattern: str, other: str, covered: bool) -> None:
    assert naming.covers(pattern, other) is covered


@given(st.text())
def test_what_is_a_key_is_one_subject(text: str) -> None:
    try:
        key = naming.check_key(text)
    except InvalidKey:
        return
    assert key == text
    assert all(token for token in key.split("."))
    assert key.isascii()
    assert not set(key) & set(" \t\r\n*>")
