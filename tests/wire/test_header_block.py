"""Header blocks: what goes out comes in the same, statuses are read, and what is no block is refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.reference import read_block
from txnats.errors import InvalidHeader, NatsError, RemoteProtocolError
from txnats.headers import Headers
from txnats.wire.header_block import encode, header_block

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1, max_size=12)
VALUES = st.text(max_size=20) | st.binary(max_size=12).map(lambda data: data.decode("utf-8", "surrogateescape"))
FIT_VALUES = VALUES.map(lambda text: "".join(each for each in text if each not in "\r\n\0").strip(" \t"))
PAIRS = st.lists(st.tuples(NAMES, FIT_VALUES), max_size=6)


def sent(pairs: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in pairs]


def test_the_block_of_two_headers() -> None:
    headers = Headers([("Nats-Msg-Id", "7"), ("X", "caf\u00e9"), ("nats-msg-id", "")])
    assert encode(headers) == b"NATS/1.0\r\nNats-Msg-Id: 7\r\nX: caf\xc3\xa9\r\nnats-msg-id: \r\n\r\n"
    assert encode(Headers()) == b"NATS/1.0\r\n\r\n"


@settings(deadline=None)
@given(pairs=PAIRS)
def test_what_goes_out_comes_in_the_same(pairs: list[tuple[str, str]]) -> None:
    block = encode(Headers(pairs))
    assert read_block(block) == sent(pairs)
    read = header_block(block)
    assert (sent(read.headers().items()), read.status, read.description) == (sent(pairs), None, "")
    # And once more from what came off the wire.
    assert encode(read.headers()) == encode(Headers(read.headers())) == block


@settings(deadline=None)
@given(pairs=PAIRS)
def test_a_plain_dict_becomes_the_same_block(pairs: list[tuple[str, str]]) -> None:
    source = dict(pairs)
    expected = encode(Headers(source))
    assert read_block(expected) == sent(source.items())
    for _ in range(2):
        assert encode(source) == expected
    assert encode({name: [value] for name, value in pairs}) == expected


def test_every_kind_of_source_is_checked_on_its_way_out() -> None:
    encode(Headers({"Good": "1"}))
    wrong: list[Any] = [
        {"Good": "a\r\nB: c"},
        {"Good": " a"},
        {"Bad name": "1"},
        {"Good": 1},
        {"Good": b""},
        [("Good", "\n")],
    ]
    for source in (*wrong, 5, {1: "a"}):
        with pytest.raises(InvalidHeader):
            encode(source)
    mixed: dict[str, Any] = {"Good": "plain", "Also-Good": ["x y", "2"]}
    assert encode(mixed) == b"NATS/1.0\r\nGood: plain\r\nAlso-Good: x y\r\nAlso-Good: 2\r\n\r\n"


@pytest.mark.parametrize(
    ("line", "status", "description"),
    [
        (b"", None, ""),
        (b" 503", 503, ""),
        (b"\t503", 503, ""),
        (b"  503  ", 503, ""),
        (b" 100 Idle Heartbeat", 100, "Idle Heartbeat"),
        (b" 409  Consumer Deleted\t", 409, "Consumer Deleted"),
        (b" 404\tNo Messages", 404, "No Messages"),
        (b" 4041 x", 404, "1 x"),
        (b" 408 caf\xc3\xa9 \xff", 408, "caf\u00e9 \udcff"),
        (b" 50", None, ""),
        (b" 5 0 3", None, ""),
        (b" +50", None, ""),
        (b" \xd9\xa5\xd9\xa0\xd9\xa3", None, ""),  # digits of another script
        (b" hello", None, ""),
    ],
)
def test_the_status_line(line: bytes, status: int | None, description: str) -> None:
    block = header_block(b"NATS/1.0" + line + b"\r\nA: b\r\n\r\n")
    assert (block.status, block.description) == (status, description)
    assert block.headers().items() == (("A", "b"),)


def test_a_status_is_read_from_the_first_line_only() -> None:
    block = header_block(b"NATS/1.0 \r\n503: x\r\n\r\n")
    assert block.status is None
    assert block.headers()["503"] == "x"


@pytest.mark.parametrize(
    ("lines", "pairs"),
    [
        (b"A:b\r\n", [("A", "b")]),
        (b"A: \t b c \t\r\n", [("A", "b c")]),
        (b"A:\r\nA: \r\n", [("A", ""), ("A", "")]),
        (b"a:b:c\r\nA: d\r\n", [("a", "b:c"), ("A", "d")]),
        (b"A: \xff\xfe\r\n", [("A", "\udcff\udcfe")]),
        (b"A: b\nC: d\r\n", [("A", "b\nC: d")]),
        (b"A: \xe2\x80\xa8\xc2\xa0\r\n", [("A", "\u2028\u00a0")]),  # no line end, no blank to trim
    ],
)
def test_header_lines(lines: bytes, pairs: list[tuple[str, str]]) -> None:
    assert list(header_block(b"NATS/1.0\r\n" + lines + b"\r\n").headers().items()) == pairs


@pytest.mark.parametrize(
    "line", [b"no colon", b": no name", b"a b: c", b"A : b", b" A: b", b"\xc3\xa9: b", b"A\x00: b", b"\r"]
)
def test_a_line_that_is_no_header_is_told_when_it_is_read(line: bytes) -> None:
    block = header_block(b"NATS/1.0 503\r\nA: b\r\n" + line + b"\r\n\r\n")
    assert block.status == 503
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match="a header line cannot be read"):
            block.headers()


def test_a_blank_line_in_the_middle_is_told_too() -> None:
    with pytest.raises(RemoteProtocolError):
        header_block(b"NATS/1.0\r\nA: b\r\n\r\nC: d\r\n\r\n").headers()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"NATS/1.0",
        b"NATS/1.0\r\n",
        b"NATS/1.0\r\nA: b\r\n",
        b"NATS/1.0\n\n",
        b"NATS/1.1\r\n\r\n",
        b"NATS/1.0503\r\n\r\n",
        b"nats/1.0\r\n\r\n",
        b" NATS/1.0\r\n\r\n",
        b"NATS/1.0\r\n\r\n\n",
        b"NATS/1.0\r\nA: b\r\n\r\nx",
    ],
)
def test_what_has_no_frame_is_no_block(raw: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="wrong start or end"):
        header_block(raw)


@pytest.mark.parametrize("value", [b"a\rb", b"a\nb", b"a\x00b", b"\n", b"x\r"])
def test_what_came_and_must_not_be_sent_is_refused_on_its_way_out(value: bytes) -> None:
    headers = header_block(b"NATS/1.0\r\nA: " + value + b"\r\nB: c\r\n\r\n").headers()
    assert headers["B"] == "c"
    for each in (headers, Headers(headers)):
        with pytest.raises(InvalidHeader):
            encode(each)


@settings(deadline=None)
@given(raw=st.binary(max_size=40).map(lambda middle: b"NATS/1.0\r\n" + middle + b"\r\n\r\n"))
def test_noise_is_read_or_refused_and_never_sent_on_as_two(raw: bytes) -> None:
    try:
        headers = header_block(raw).headers()
        assert read_block(encode(headers)) == sent(headers.items())
    except NatsError:
        pass


def test_headers_are_read_once() -> None:
    block = header_block(b"NATS/1.0\r\nA: b\r\n\r\n")
    assert block.headers() is block.headers()


def test_a_value_that_is_no_text_is_refused() -> None:
    with pytest.raises(NatsError):
        encode(Headers({"A": "\ud800"}))
