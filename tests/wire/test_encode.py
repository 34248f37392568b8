"""What we say: exactly the bytes that are meant, exactly one command each, and nothing that a server would cut."""

from __future__ import annotations

import array
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.wire.reference import read_client
from txnats.errors import InvalidArgument, InvalidSubject, NatsError
from txnats.headers import Headers
from txnats.options import Limits
from txnats.subjects import check_queue, check_subscribe
from txnats.wire import encode, header_block
from txnats.wire.encode import PublishHeads

LIMIT = Limits().control_line_out


def publish(
    subject: str | bytes,
    payload: bytes | str = b"",
    reply: str | bytes | None = None,
    pairs: list[tuple[str, str]] | None = None,
    heads: PublishHeads | None = None,
) -> bytes:
    """A publish, put together from the pieces that are made here."""
    heads = heads or PublishHeads(LIMIT)
    head = heads.head(subject)
    if reply is not None:
        head += heads.reply(head, reply)
    body = encode.payload_bytes(payload)
    if pairs is None:
        return head + b"%d\r\n" % len(body) + body + encode.CRLF
    block = header_block.encode(Headers(pairs))
    return b"".join(encode.with_headers(head, block, body)) + encode.CRLF


# ---------------------------------------------------------------------- the bytes


def test_the_bytes_of_each_command() -> None:
    assert publish("a.b", b"hi") == b"PUB a.b 2\r\nhi\r\n"
    assert publish(b"a.b", "h\u00e9", "r.1") == b"PUB a.b r.1 3\r\nh\xc3\xa9\r\n"
    assert publish("a", b"hi", None, [("K", "v")]) == b"HPUB a 18 20\r\nNATS/1.0\r\nK: v\r\n\r\nhi\r\n"
    assert encode.subscribe(b"a.>", None, 1) == b"SUB a.> 1\r\n"
    assert encode.subscribe(b"a.*", b"workers", 22) == b"SUB a.* workers 22\r\n"
    assert encode.unsubscribe(3) == b"UNSUB 3\r\n"
    assert encode.unsubscribe(3, 5) == b"UNSUB 3 5\r\n"
    assert encode.connect(b"{}") == b"CONNECT {}\r\n"
    assert (encode.PING, encode.PONG) == (b"PING\r\n", b"PONG\r\n")


def test_the_line_of_each_short_length() -> None:
    assert len(encode.LENGTH_LINES) == encode.SHORT
    assert all(line == str(size).encode() + b"\r\n" for size, line in enumerate(encode.LENGTH_LINES))


@pytest.mark.parametrize("size", [12, 18, encode.SHORT - 1, encode.SHORT, 10**7])
def test_the_end_of_a_line_with_headers(size: int) -> None:
    block, payload = bytes(12), bytes(size - 12)
    assert encode.with_headers(b"PUB a ", block, payload) == (b"HPUB a ", b"12 %d\r\n" % size, block + payload)
    assert encode.with_headers(b"PUB a ", bytes(size), b"")[1] == b"%d %d\r\n" % (size, size)


# ---------------------------------------------------------------------- nothing but what is meant

EVIL = st.sampled_from(
    [
        "",
        "a b",
        "a\tb",
        "a\nb",
        "a\rb",
        "a\0b",
        "a.",
        ".a",
        "a..b",
        "*",
        ">",
        "a.*",
        "a b 5",
        "a 0\r\n\r\nPUB b",
        "a\r\nPING",
        "a\nPING\n",
        " a",
        "a\x7f",
        "a\x85b",
        "a\u2028b",
        "\u00e9",
        "$JS.ACK",
        "a" * 4090,
    ]
)
WORDS = st.one_of(st.text(max_size=8), EVIL, st.binary(max_size=8), EVIL.map(str.encode))
TEXTS = st.one_of(
    st.text(max_size=8), EVIL, st.sampled_from(["a: b", "x\r\n\r\nPUB b 0\r\n\r\n", "v\r\nK: w", "\udcff"])
)
PAYLOADS = st.one_of(st.binary(max_size=20), TEXTS, st.just(b"\r\nPUB b 0\r\n\r\n"))


def sent(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


@settings(max_examples=400, deadline=None)
@given(
    subject=WORDS | st.just("a"),
    payload=PAYLOADS,
    reply=st.none() | WORDS,
    pairs=st.none() | st.lists(st.tuples(TEXTS, TEXTS) | st.tuples(st.just("K"), TEXTS), max_size=3),
)
@example(subject="a", payload=b"", reply="r", pairs=[("K", "v\n"), ("L", "w")])
def test_a_publish_is_one_command_or_refused(
    subject: str | bytes, payload: str | bytes, reply: str | bytes | None, pairs: list[tuple[str, str]] | None
) -> None:
    try:
        written = publish(subject, payload, reply, pairs)
    except NatsError:
        return
    verb = b"PUB" if pairs is None else b"HPUB"
    headers = None if pairs is None else [(sent(name), sent(value)) for name, value in pairs]
    answer = None if reply is None else sent(reply)
    assert read_client(written) == [(verb, sent(subject), answer, headers, sent(payload))]
    assert len(written.partition(b"\r\n")[0]) < LIMIT


@settings(max_examples=300, deadline=None)
@given(subject=WORDS | st.sampled_from(["a.*", "a.>", ">"]), queue=st.none() | WORDS, sid=st.integers(1, 2**63))
def test_a_subscribe_is_one_command_or_refused(subject: str | bytes, queue: str | bytes | None, sid: int) -> None:
    try:
        pattern = check_subscribe(subject)
        group = None if queue is None else check_queue(queue)
        encode.check_subscribe_line(pattern, group, LIMIT)
    except NatsError:
        return
    written = encode.subscribe(pattern, group, sid)
    assert read_client(written) == [(b"SUB", sent(subject), None if queue is None else sent(queue), sid)]
    assert len(written) <= LIMIT


def test_a_known_subject_is_no_way_around_the_check() -> None:
    heads = PublishHeads(LIMIT)
    assert heads.head("a") == heads.plain["a"] == b"PUB a "
    for wrong in ("a ", "a\r\n", b"a\r\n", "*"):
        with pytest.raises(InvalidSubject):
            heads.head(wrong)
        assert wrong not in heads.plain


def test_a_reply_is_checked_each_time() -> None:
    heads = PublishHeads(LIMIT)
    head = heads.head("a")
    assert heads.reply(head, "r") == heads.reply(head, b"r") == b"r "
    for wrong in ("", "r s", "r.*", b"r\n", "r."):
        with pytest.raises(InvalidSubject):
            heads.reply(head, wrong)


# ---------------------------------------------------------------------- bounds


def test_the_kept_heads_stay_few_and_short() -> None:
    heads = PublishHeads(LIMIT)
    most = 0
    for number in range(20_000):
        heads.head(f"s.{number}")
        most = max(most, len(heads.plain))
    assert most == 4096
    heads.plain.clear()
    heads.head("s" * 507)
    heads.head("s" * 508)
    assert list(heads.plain) == ["s" * 507]


def longest(verb: bytes, *words: bytes) -> int:
    """The longest line that these may make: 64 MiB and more take eight digits."""
    return len(b" ".join([verb, *words, b"99999999", b"99999999"]) + b"\r\n")


@pytest.mark.parametrize("limit", [64, 100, LIMIT])
def test_a_line_is_refused_before_a_server_would_cut_it(limit: int) -> None:
    heads = PublishHeads(limit)
    subject = "s" * (limit - 24 - 5)
    assert longest(b"HPUB", heads.head(subject)[4:-1]) <= limit
    with pytest.raises(InvalidSubject, match="too long"):
        heads.head(subject + "s")
    head = heads.head("a")
    reply = "r" * (limit - 24 - len(head))
    assert longest(b"HPUB", b"a", heads.reply(head, reply)[:-1]) <= limit
    with pytest.raises(InvalidSubject, match="too long"):
        heads.reply(head, reply + "r")


@pytest.mark.parametrize("limit", [64, LIMIT])
def test_a_subscribe_line_is_refused_before_a_server_would_cut_it(limit: int) -> None:
    for queue in (None, b"q" * 10):
        most = limit - 32 - len(queue or b"")
        encode.check_subscribe_line(b"s" * most, queue, limit)
        assert len(encode.subscribe(b"s" * most, queue, 2**63)) <= limit
        with pytest.raises(InvalidSubject, match="too long") as caught:
            encode.check_subscribe_line(b"s" * (most + 1), queue, limit)
        assert f"{limit:,} bytes" in caught.value.why


# ---------------------------------------------------------------------- payloads


def test_a_payload_that_can_change_is_copied() -> None:
    buffer = bytearray(b"abc")
    taken, viewed = encode.payload_bytes(buffer), encode.payload_bytes(memoryview(buffer)[::2])
    buffer[:] = b"xyz"
    assert (taken, viewed) == (b"abc", b"ac")


def test_text_is_sent_as_utf8_and_bytes_that_came_as_text_go_out_the_same() -> None:
    assert encode.payload_bytes("h\u00e9") == b"h\xc3\xa9"
    assert encode.payload_bytes(b"\xff\xfe".decode("utf-8", "surrogateescape")) == b"\xff\xfe"


@pytest.mark.parametrize("payload", [None, 5, 1.5, ["a"], {"a": 1}, array.array("b", [1]), object()])
def test_anything_else_is_refused(payload: Any) -> None:
    with pytest.raises(InvalidArgument, match=f"not {type(payload).__name__}"):
        encode.payload_bytes(payload)


UNFIT = ["\ud800", "a\udc00b"]


@pytest.mark.parametrize("text", UNFIT)
def test_a_payload_that_cannot_be_encoded_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        encode.payload_bytes(text)


@pytest.mark.parametrize("text", UNFIT)
def test_a_subject_that_cannot_be_encoded_is_refused(text: str) -> None:
    for subject, reply in ((text, None), ("a", text)):
        with pytest.raises(InvalidSubject, match="lone surrogates"):
            publish(subject, b"", reply)
