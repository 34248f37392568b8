"""Headers: ordered, several values a name, case kept, and nothing in them that the wire cannot carry unchanged."""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from txnats.errors import InvalidHeader
from txnats.headers import Headers

PAIRS = [("A", "1"), ("b", "2"), ("A", "3"), ("a", "4")]


def test_order_and_case_are_kept_and_a_name_may_come_again() -> None:
    headers = Headers(PAIRS)
    assert headers.items() == tuple(PAIRS)
    assert (headers["A"], headers.get("A"), headers.get_all("A")) == ("1", "1", ["1", "3"])
    assert (headers.get("a"), headers.find("a")) == ("4", ["1", "3", "4"])
    assert (list(headers), len(headers)) == (["A", "b", "a"], 4)
    assert ("A" in headers, "B" in headers, 5 in headers) == (True, False, False)


def test_what_is_not_there() -> None:
    headers = Headers()
    assert (headers.get("A"), headers.get("A", "x"), headers.get_all("A"), headers.find("A")) == (None, "x", [], [])
    with pytest.raises(KeyError, match="A"):
        headers["A"]
    headers.remove("A")
    assert not headers


@pytest.mark.parametrize(
    "source",
    [
        PAIRS,
        tuple(PAIRS),
        iter(PAIRS),
        [["A", "1"], ["b", "2"], ["A", "3"], ["a", "4"]],
        Headers(PAIRS),
        [("A", ["1"]), ("b", "2"), ("A", ("3",)), ("a", iter(["4"]))],
    ],
)
def test_what_headers_may_be_made_of(source: Any) -> None:
    assert Headers(source).items() == tuple(PAIRS)


def test_a_mapping_may_hold_lists() -> None:
    assert Headers({"A": ["1", "3"], "b": "2", "c": []}).items() == (("A", "1"), ("A", "3"), ("b", "2"))
    assert Headers({}).items() == Headers(None).items() == ()


@pytest.mark.parametrize("source", [5, "A", b"A", "ab", [("A",)], [("A", "1", "2")], ["A"], [5], [None], True])
def test_what_headers_cannot_be_made_of(source: Any) -> None:
    with pytest.raises(InvalidHeader, match="headers come as a mapping or as \\(name, value\\) pairs"):
        Headers(source)


def test_a_pair_is_no_text_of_two_letters() -> None:
    source: Any = ["ab", "cd"]
    with pytest.raises(InvalidHeader):
        Headers(source)


def test_a_copy_is_a_copy() -> None:
    one = Headers({"A": "1"})
    two = Headers(one)
    two.add("B", "2")
    assert (len(one), len(two)) == (1, 2)


def test_set_puts_one_where_the_first_stood() -> None:
    headers = Headers(PAIRS)
    headers.set("A", "x")
    assert headers.items() == (("A", "x"), ("b", "2"), ("a", "4"))
    headers["new"] = "y"
    headers["b"] = "z"
    assert headers.items() == (("A", "x"), ("b", "z"), ("a", "4"), ("new", "y"))


def test_remove_takes_every_value_of_a_name() -> None:
    headers = Headers(PAIRS)
    headers.remove("A")
    assert headers.items() == (("b", "2"), ("a", "4"))


def test_equal_are_those_with_the_same_pairs_in_the_same_order() -> None:
    assert Headers(PAIRS) == Headers(PAIRS)
    assert Headers(PAIRS) != Headers(PAIRS[::-1])
    assert Headers(PAIRS) != PAIRS
    with pytest.raises(TypeError):
        hash(Headers())
    assert repr(Headers({"A": "1"})) == "Headers([('A', '1')])"


def each_way(name: Any, value: Any) -> list[Any]:
    """Every way in which a header can get in."""
    headers = Headers({"A": "1"})
    return [
        lambda: headers.add(name, value),
        lambda: headers.set(name, value),
        lambda: headers.__setitem__(name, value),
        lambda: Headers({name: value}),
        lambda: Headers([(name, value)]),
        lambda: Headers({name: [value]}),
    ]


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a:", ":", "a\r", "a\n", "a\0", "a\t", "caf\u00e9", "\x7f", "\ud800", "a\x80"]
)
def test_a_name_is_printable_ascii_without_blank_and_colon(name: str) -> None:
    for put in each_way(name, "v"):
        with pytest.raises(InvalidHeader):
            put()


@pytest.mark.parametrize("value", ["a\r", "\nb", "a\r\nB: c", "\0", "a\0b", "\r\n\r\nPUB x 0\r\n\r\n"])
def test_a_value_holds_no_line_end(value: str) -> None:
    for put in each_way("A", value):
        with pytest.raises(InvalidHeader, match="it holds CR, LF or NUL"):
            put()


@pytest.mark.parametrize("value", [" a", "a ", "\ta", "a\t", " ", "\t \t"])
def test_a_value_that_receivers_would_trim_is_refused_and_not_trimmed(value: str) -> None:
    for put in each_way("A", value):
        with pytest.raises(InvalidHeader, match="strip it before"):
            put()


@pytest.mark.parametrize("value", ["\ud800", "a\udc00"])
def test_a_value_that_cannot_be_encoded_is_refused(value: str) -> None:
    for put in each_way("A", value):
        with pytest.raises(InvalidHeader):
            put()


@pytest.mark.parametrize("wrong", [None, 5, True, b"x", b"", memoryview(b"")])
def test_names_and_values_are_text(wrong: Any) -> None:
    for put in [*each_way("A", wrong), *each_way(wrong, "v")]:
        with pytest.raises(InvalidHeader):
            put()


def test_bytes_of_any_kind_are_no_list_of_values() -> None:
    for empty in (b"", bytearray(), memoryview(b"")):
        source: Any = {"A": empty}
        with pytest.raises(InvalidHeader):
            Headers(source)


@pytest.mark.parametrize(
    "value", ["", "a", "a b", "a\tb", "x: y", "caf\u00e9", "\u2028", "\x0b", "\udcff", "\u00a0a\u00a0", "\x85"]
)
def test_any_other_text_is_a_value(value: str) -> None:
    for put in each_way("A", value):
        put()
    assert Headers({"A": value})["A"] == value


def test_a_name_that_was_good_once_is_no_way_for_a_bad_one() -> None:
    Headers({"Good": "1"})
    for name in ("Good ", "Good\r\n", "Good:"):
        with pytest.raises(InvalidHeader):
            Headers({name: "1"})


def test_many_names_are_all_checked() -> None:
    for number in range(3000):
        Headers({f"N{number}": "1"})
        with pytest.raises(InvalidHeader):
            Headers({f"N{number} ": "1"})


class Word(StrEnum):
    NAME = "Nats-Expected-Stream"


class Mixed(str, Enum):  # noqa: UP042  # unlike a StrEnum it prints as Mixed.NAME
    NAME = "Nats-Expected-Stream"


def test_a_text_that_prints_as_another_is_sent_as_itself() -> None:
    from txnats.wire.header_block import encode

    words: list[Any] = [Word.NAME, Mixed.NAME]
    for word in words:
        for headers in (Headers({word: word}), Headers([(word, word)])):
            assert encode(headers) == b"NATS/1.0\r\nNats-Expected-Stream: Nats-Expected-Stream\r\n\r\n"
        assert encode({word: word}) == b"NATS/1.0\r\nNats-Expected-Stream: Nats-Expected-Stream\r\n\r\n"


def test_those_from_the_wire_are_marked_until_they_are_copied_by_hand() -> None:
    trusted = Headers.trusted([("A", "a\nb")])
    assert (trusted.is_checked, Headers(trusted).is_checked, Headers({"A": "b"}).is_checked) == (False, False, True)
    with pytest.raises(InvalidHeader):
        Headers(trusted.items())


NAMES = st.sampled_from(["A", "B", "a"])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "set", "remove"]), NAMES, st.sampled_from(["1", "2", "x y"])), max_size=15
    )
)
def test_against_a_list(steps: list[tuple[str, str, str]]) -> None:
    headers, pairs = Headers(), list[tuple[str, str]]()
    for step, name, value in steps:
        if step == "add":
            headers.add(name, value)
            pairs.append((name, value))
        elif step == "remove":
            headers.remove(name)
            pairs = [pair for pair in pairs if pair[0] != name]
        else:
            headers.set(name, value)
            first = [pair[0] for pair in pairs].index(name) if name in dict(pairs) else len(pairs)
            pairs[first : first + 1] = [(name, value)]
            pairs = [pair for at, pair in enumerate(pairs) if at == first or pair[0] != name]
        assert headers.items() == tuple(pairs)
        assert len(headers) == len(pairs)
