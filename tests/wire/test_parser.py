"""The parser's story: whatever pieces the bytes come in, the ops are the same, and wrong bytes end in one Fault."""

from __future__ import annotations

import itertools
import random
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.wire import builds
from tests.wire.reference import FAULT, Fact, facts, read_server
from tests.wire.untraced import seconds, untraced
from txnats.errors import RemoteProtocolError
from txnats.message import Message, Origin
from txnats.options import KIB, MIB, Limits
from txnats.wire import parser as parsers
from txnats.wire.ops import OK, PING, PONG, Err, Fault, Info, Op
from txnats.wire.speedups import Scan

SMALL = Limits(control_line=200, info=300, header_block=64, payload=6000)

# ---------------------------------------------------------------------- what a server may say

PAYLOADS = st.one_of(
    st.binary(max_size=40),
    st.integers(1000, 6001).map(lambda size: b"0123456789" * (size // 10) + b"-" * (size % 10)),
    st.sampled_from(
        [
            b"",
            b"\r",
            b"\n",
            b"\r\n",
            b"\r\n\r\n",
            b"\r\nMSG a 1 3\r\nxyz\r\n",
            b"MSG a 1 0\r\n\r\n",
            b"x\r\nPING\r\n",
            b"MSG ",
        ]
    ),
)
GAPS = st.sampled_from([b" ", b" ", b" ", b"  ", b"\t", b" \t "])
SUBJECTS = st.sampled_from([b"a", b"orders.new.eu", b"\xc3\xa9.\xff", b"_INBOX.x.1", b"s" * 130, b"a\rb\nc"])
SIDS = st.integers(0, 10**19 - 1) | st.integers(0, 9)
REPLIES = st.sampled_from([None, None, b"_INBOX.abc.12", b""])
BLOCKS = st.sampled_from(
    [
        b"NATS/1.0\r\n\r\n",
        b"NATS/1.0 503\r\n\r\n",
        b"NATS/1.0\tx\r\n\r\n",
        b"NATS/1.0\r\nA: b\r\nA:c\r\n\r\n",
        b"NATS/1.0\r\nA: \xff\r\n\r\n",
        b"NATS/1.0\r\n\r\n\r\n",
    ]
)


@st.composite
def messages(draw: st.DrawFn, block: bytes | None = None) -> bytes:
    payload = draw(PAYLOADS)
    reply = draw(REPLIES)
    verb = draw(st.sampled_from([b"MSG", b"MSG", b"msg", b"mSg"] if block is None else [b"HMSG", b"hmsg"]))
    words = [verb, draw(SUBJECTS), b"%d" % draw(SIDS)]
    if reply is not None:
        # An empty reply leaves nothing but its two gaps.
        words.append(reply)
    if block is not None:
        words.append(b"%d" % len(block))
    words.append(b"%d" % (len(block or b"") + len(payload)))
    line = (
        b"".join(word + draw(GAPS) for word in words[:-1]) + words[-1] + draw(st.sampled_from([b"", b"", b" ", b"\t"]))
    )
    return line + b"\r\n" + (block or b"") + payload + b"\r\n"


WORDS = st.sampled_from(
    [
        b"PING\r\n",
        b"ping\r\n",
        b"PONG\r\n",
        b"PoNg \r\n",
        b"+OK\r\n",
        b"+ok\r\n",
        b"-ERR 'Stale Connection'\r\n",
        b"-err  'x'\r\n",
        b"-ERR\r\n",
        b'INFO {"server_id":"S","x":[1,{}]}\r\n',
        b'info\t{"server_id":"T"} \r\n',
        b'INFO {"server_id":"' + b"s" * 250 + b'"}\r\n',
    ]
)
WRONG = st.one_of(
    st.binary(min_size=1, max_size=20),
    st.sampled_from(
        [
            b"\r\n",
            b" PING\r\n",
            b"PINGS\r\n",
            b"MSG\r\n",
            b"MSG a 1\r\n",
            b"MSG a 1 b 2 3\r\nabc\r\n",
            b"MSG a 1 +3\r\nabc\r\n",
            b"MSG a -1 3\r\nabc\r\n",
            b"MSG a 1 2\r\nabc\r\n",
            b"MSG a 1 4\r\nabc\r\n",
            b"MSG a 1 6001\r\n",
            b"HMSG a 1 12 11\r\n",
            b"HMSG a 1 11 11\r\nNATS/1.0\r\n\r\r\n",
            b"HMSG a 1 65 70\r\n",
            b"HMSG a 1 12 12\r\nNATS/1.1\r\n\r\n\r\n",
            b"HMSG a 1 12\r\nNATS/1.0\r\n\r\n\r\n",
            b"INFO\r\n",
            b"INFO []\r\n",
            b"INFO {\r\n",
            b"MSG " + b"s" * 200 + b" 1 0\r\n\r\n",
            b"+OK" + b" " * 198 + b"\r\n",
            b"INFO {}" + b" " * 294 + b"\r\n",
        ]
    ),
)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Frames that repeat, now and then one that is wrong, and often an end in the middle of something."""
    frame = st.one_of(messages(), messages(), BLOCKS.flatmap(messages), WORDS)
    frames = draw(st.lists(frame, min_size=1, max_size=5))
    if draw(st.integers(0, 3)) == 0:
        frames.append(draw(WRONG))
    stream = b"".join(draw(st.lists(st.sampled_from(frames), max_size=30)))
    return stream[: len(stream) - draw(st.integers(0, 40))] if draw(st.booleans()) else stream


# ---------------------------------------------------------------------- both builds


@pytest.fixture(scope="module", autouse=True, params=builds.BUILDS)
def _each_build(request: pytest.FixtureRequest) -> Iterator[None]:
    """All of this is true of the pure parser and of the one whose hot loop is compiled."""
    global _scan
    _scan = builds.scan_of(request.param)
    yield
    _scan = None


_scan: Scan | None = None


def new_parser(limits: Limits | None = None, origin: Origin | None = None) -> parsers.Parser:
    return parsers.Parser(limits, origin, scan=_scan)


# ---------------------------------------------------------------------- helpers


def read(stream: bytes, limits: Limits | None = None) -> list[Fact]:
    return facts(new_parser(limits).feed(stream))


def pieces(stream: bytes, cuts: Iterable[int]) -> list[bytes]:
    at = [0, *sorted(cuts), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(at)]


def slices(stream: bytes, size: int) -> list[bytes]:
    return [stream[at : at + size] for at in range(0, len(stream), size)]


def feed(parts: Iterable[bytes], limits: Limits | None = None) -> list[Fact]:
    parser = new_parser(limits)
    return facts([op for part in parts for op in parser.feed(part)])


def faults(parts: Iterable[bytes], limits: Limits | None = None) -> list[RemoteProtocolError]:
    parser = new_parser(limits)
    return [op.error for part in parts for op in parser.feed(part) if isinstance(op, Fault)]


def message(subject: bytes, payload: bytes, *, sid: int = 1, reply: bytes | None = None) -> Fact:
    return ("message", subject, sid, reply, None, payload)


# ---------------------------------------------------------------------- stories


def test_all_that_a_server_says_in_one_chunk() -> None:
    parser = new_parser()
    ops = parser.feed(
        b'INFO {"server_id":"S1","max_payload":99}\r\n+OK\r\nPING\r\nPONG\r\n-ERR \'Stale Connection\'\r\n'
        b"MSG a.b 7 3\r\nabc\r\nMSG a.c 8 _INBOX.1 0\r\n\r\nHMSG a.d 9 22 24\r\nNATS/1.0\r\nKey: val\r\n\r\nhi\r\n"
    )
    info, *words, error, plain, asking, headed = ops
    assert isinstance(info, Info)
    assert (info.info.server_id, info.info.max_payload) == ("S1", 99)
    assert words == [OK, PING, PONG]
    assert error == Err("Stale Connection")
    assert isinstance(plain, Message)
    assert (plain.subject, plain.sid, plain.reply, plain.payload) == ("a.b", 7, None, b"abc")
    assert isinstance(asking, Message)
    assert (asking.subject, asking.sid, asking.reply, asking.payload) == ("a.c", 8, "_INBOX.1", b"")
    assert isinstance(headed, Message)
    assert (headed.headers.items(), headed.payload, headed.size) == ((("Key", "val"),), b"hi", 24)
    assert (parser.messages, parser.message_bytes) == (3, 27)


def test_each_message_gets_the_origin_that_it_can_answer_through() -> None:
    sent: list[tuple[object, ...]] = []
    origin = Origin(lambda *what, **more: sent.append((*what, more["headers"])), lambda error: None)
    parser = new_parser(origin=origin)
    bulk, headed = parser.feed(b"MSG a 1 r.1 0\r\n\r\nHMSG a 1 r.2 12 12\r\nNATS/1.0\r\n\r\n\r\n")
    (late,) = parser.feed(b"MSG a 1 r.3 1\r\n") + parser.feed(b"x\r\n")
    for each in (bulk, headed, late):
        assert isinstance(each, Message)
        each.respond(b"yes")
    assert sent == [(b"r.1", b"yes", None), (b"r.2", b"yes", None), (b"r.3", b"yes", None)]


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"MSG s 1 5", None),
        (b"msg s 1 5", None),
        (b"MSG\ts\t1\t5", None),
        (b"MSG  s \t 1\t\t5  ", None),
        (b"MSG s 1  5", None),  # an empty reply, as servers write it
        (b"MSG s 1 r 5", b"r"),
        (b"mSg\ts 1\tr \t5", b"r"),
        (b"MSG s 1 5 5", b"5"),
        (b"MSG s 1 00005", None),
    ],
)
def test_blanks_in_any_number_and_verbs_in_any_case(line: bytes, reply: bytes | None) -> None:
    stream = line + b"\r\nhello\r\n"
    assert read(stream) == [message(b"s", b"hello", reply=reply)]
    assert feed(slices(stream, 1)) == read(stream)
    assert read(stream * 3) == read(stream) * 3


def test_a_payload_that_looks_like_the_protocol_is_a_payload() -> None:
    payload = b"\r\nMSG evil 1 4\r\nboom\r\n-ERR 'x'\r\n"
    stream = b"MSG s 1 %d\r\n%b\r\nPING\r\n" % (len(payload), payload)
    assert read(stream) == [message(b"s", payload), ("ping",)]
    assert feed(slices(stream, 1)) == read(stream)
    # Often enough in a row that the fast lane has been closed and has come back.
    parser = new_parser()
    for _ in range(30):
        assert facts(parser.feed(stream)) == [message(b"s", payload), ("ping",)]
        assert facts(parser.feed(b"MSG t 2 1\r\nx\r\n" * 3)) == [message(b"t", b"x", sid=2)] * 3


def test_the_bulk_lane_is_tried_less_often_while_it_is_of_no_use() -> None:
    parser = parsers.Parser(scan=None)
    full_of_ends = (b"MSG s 1 4\r\n\r\n\r\n\r\n" * 100, 100)
    plain = (b"MSG s 1 4\r\nabcd\r\n" * 100, 100)
    pauses = []
    for chunk, count in [full_of_ends] * 3000 + [plain] * 600 + [full_of_ends]:
        before = parser._bulk_pause
        assert len(parser.feed(chunk)) == count
        if parser._bulk_pause > before:
            pauses.append(parser._bulk_pause)
    assert pauses == [8, 16, 32, 64, 128, 256, 512, 512, 512, 512, 512, 8]


def test_the_words_of_an_error_are_what_stands_in_its_quotes() -> None:
    text = 'Permissions Violation for Subscription to "it\'s"'
    assert new_parser().feed(b"-ERR '" + text.encode() + b"'\r\n") == [Err(text)]
    assert new_parser().feed(b"-ERR no quotes\r\n-ERR ''\r\n-ERR\r\n") == [Err("no quotes"), Err(""), Err("")]
    assert new_parser().feed(b"-ERR 'a\xc3\xa9'\r\n") == [Err("aé")]


def test_an_error_that_repeats_our_connect_is_not_told_whole() -> None:
    for field in ("auth_token", "pass", "jwt", "sig", "nkey"):
        line = b'-ERR \'what is CONNECT {"echo":true,"%b":"S3CRET"}\'\r\n' % field.encode()
        assert new_parser().feed(line) == [Err(f'what is CONNECT {{"echo":true,"{field}":***')]
    # Subjects may look alike.
    denied = 'Permissions Violation for Publish to "user:pass"'
    assert new_parser().feed(f"-ERR '{denied}'\r\n".encode()) == [Err(denied)]


def test_a_fault_is_the_last_op() -> None:
    parser = new_parser()
    ops = parser.feed(b"PING\r\nMSG a 1 1\r\nx\r\nNOISE\r\nPING\r\n")
    assert facts(ops) == [("ping",), message(b"a", b"x"), FAULT]
    assert (parser.feed(b"PING\r\n"), parser.feed(b"")) == ([], [])
    assert (parser.messages, parser.message_bytes) == (1, 1)


def test_a_fault_shows_at_most_32_bytes_of_what_came() -> None:
    (error,) = faults([b"Z" * 1000 + b"\r\n"])
    assert str(error) == f"the server sent an unknown operation: got {b'Z' * 32!r}"
    assert error.snippet == b"Z" * 32


def test_empty_chunks_change_nothing() -> None:
    stream = b"PING\r\nMSG a 1 3\r\nabc\r\nHMSG a 1 12 13\r\nNATS/1.0\r\n\r\nx\r\n"
    with_gaps = [part for byte in slices(stream, 1) for part in (b"", byte, b"")]
    assert feed(with_gaps) == read(stream)


@pytest.mark.parametrize(
    "verb", [b"HMSGX", b"HMSG.", b"MSGX", b"PINGX", b"PONG1", b"+OKAY", b"-ERROR", b"INFOX", b"PUB", b"SUB"]
)
def test_a_verb_is_a_whole_word(verb: bytes) -> None:
    rest = {b"HMS": b" a 1 12 12\r\nNATS/1.0\r\n\r\n\r\n", b"MSG": b" a 1 0\r\n\r\n", b"INF": b" {}\r\n"}
    assert read(verb + rest.get(verb[:3], b"\r\n")) == [FAULT]


def test_what_is_kept_of_lines_stays_small() -> None:
    parser = new_parser()
    for number in range(3_000):
        parser.feed(b"MSG s.%d 1 1\r\nx\r\nHMSG s.%d 1 12 12\r\nNATS/1.0\r\n\r\n\r\n" % (number, number))
        parser.feed(b"MSG %b.%d 1 1\r\nx\r\n" % (b"s" * 200, number))
        assert max(len(parser._lines), len(parser._header_lines)) <= 1024
    assert parser.messages == 9_000
    assert max(map(len, [*parser._lines, *parser._header_lines]), default=0) <= 128


# ---------------------------------------------------------------------- any bytes, in any pieces


@settings(max_examples=200, deadline=None)
@given(stream=streams())
@example(stream=b"MSG a 1 0\r\n\r\n" * 5 + b"MSG a 1 9\r\nab\r\nPING\r\n")
def test_it_agrees_with_a_plain_reader(stream: bytes) -> None:
    parser = new_parser(SMALL)
    found = facts(parser.feed(stream))
    assert found == read_server(stream, SMALL)
    arrived = [fact for fact in found if fact[0] == "message"]
    sizes = [len(part) for fact in arrived for part in fact[4:] if isinstance(part, bytes)]
    assert parser.messages == len(arrived)
    assert parser.message_bytes == sum(sizes)


@settings(max_examples=200, deadline=None)
@given(stream=streams(), data=st.data())
def test_any_split_gives_the_same_ops(stream: bytes, data: st.DataObject) -> None:
    whole = read(stream, SMALL)
    cuts = data.draw(st.sets(st.integers(0, len(stream)), max_size=12))
    assert feed(pieces(stream, cuts), SMALL) == whole
    # Pieces of one size, behind a first one of another: chunks of a socket, ends of lines and bodies at every place.
    first, size = data.draw(st.integers(0, 7)), data.draw(st.sampled_from([1, 2, 3, 7, 1023, 1024, 1500]))
    assert feed([stream[:first], *slices(stream[first:], size)], SMALL) == whole


@settings(max_examples=40, deadline=None)
@given(stream=streams())
def test_every_prefix_waits_or_faults(stream: bytes) -> None:
    whole = read(stream, SMALL)
    step = max(1, len(stream) // 300)
    for end in range(0, len(stream), step):
        told = read(stream[:end], SMALL)
        assert told == whole[: len(told)]


@settings(max_examples=200, deadline=None)
@given(stream=st.binary(max_size=200))
def test_noise_raises_nothing(stream: bytes) -> None:
    told = read(stream, SMALL)
    assert FAULT not in told[:-1]
    assert feed(slices(stream, 1), SMALL) == told


def test_the_texts_of_faults_do_not_depend_on_the_pieces() -> None:
    wrong = [
        b"MSG a 1 2\r\nabc\r\n",
        b"MSG a b 2\r\n",
        b"MSG a 1\r\n",
        b"HMSG a 1 20 12\r\n",
        b"HMSG a 1 5 12\r\n",
        b"HMSG a 1 12 12\r\nNATS/2.0\r\n\r\n\r\n",
        b"INFO {]\r\n",
        b"WHAT\r\n",
    ]
    for stream in wrong:
        (whole,) = faults([stream])
        (split,) = faults(slices(stream, 1))
        assert str(whole) == str(split)


# ---------------------------------------------------------------------- numbers

HOSTILE = [
    b"+5",
    b"-5",
    b"5_0",
    b"0x5",
    b"5.0",
    b"1e1",
    b"",
    "\u0665".encode(),
    "\u00b2".encode(),
    b"5\x00",
    b"5\n",
    b"\xff",
]


@pytest.mark.parametrize("number", [*HOSTILE, b"9" * 20, b"9" * 30, b"0" * 5000])
def test_a_hostile_number_is_a_fault_wherever_it_stands(number: bytes) -> None:
    for line in (b"MSG a 1 r %b", b"MSG a %b r 5", b"HMSG a 1 r %b 12", b"HMSG a 1 r 12 %b", b"HMSG a %b r 12 12"):
        stream = line % number + b"\r\nNATS/1.0\r\n\r\n\r\n"
        if not number and b"MSG a  r" in stream:
            stream = stream.replace(b" r ", b" ")  # else the reply would move up into the number's place
        assert read(stream)[-1] == FAULT, stream
        assert feed(slices(stream, 1)) == read(stream)


def test_a_size_beyond_the_limit_is_a_fault_before_any_of_it_comes() -> None:
    for size in (b"99999999999", b"9" * 19, b"%d" % (64 * MIB + 1)):
        (error,) = faults([b"MSG a 1 " + size + b"\r\n"])
        assert error.what == "a payload exceeds 67,108,864 bytes"


def test_a_subscription_id_may_be_as_large_as_a_server_counts() -> None:
    assert read(b"MSG a %d 0\r\n\r\n" % (2**63 - 1)) == [message(b"a", b"", sid=2**63 - 1)]


# ---------------------------------------------------------------------- limits, to the byte


def line_of(length: int) -> bytes:
    return b"MSG " + b"s" * (length - 8) + b" 1 0"


@pytest.mark.parametrize("limit", [64, Limits().control_line])
def test_control_line(limit: int) -> None:
    limits = Limits(control_line=limit)
    good, long = line_of(limit), line_of(limit + 1)
    assert (len(good), Limits().control_line) == (limit, 64 * KIB)
    assert read(good + b"\r\n\r\n", limits) == [message(b"s" * (limit - 8), b"")]
    assert feed([good, b"\r", b"\n\r\n"], limits) == [message(b"s" * (limit - 8), b"")]
    for parts in ([long + b"\r\n\r\n"], [long], [good, b"x"], [good + b"\r", b"x"], slices(long, 999)):
        (error,) = faults(parts, limits)
        assert error.what == f"a line exceeds {limit:,} bytes"


@pytest.mark.parametrize("limit", [100, Limits().info])
def test_info(limit: int) -> None:
    limits = Limits(info=limit)
    frame = b'INFO {"server_id":"%b"}'
    good, long = (frame % (b"s" * (limit + over - len(frame) + 2)) for over in (0, 1))
    assert (len(good), Limits().info) == (limit, 1024 * KIB)
    assert read(good + b"\r\n", limits) == [("info", "s" * (limit - len(frame) + 2))]
    assert feed([good[:60], good[60:] + b"\r", b"\n"], limits) == read(good + b"\r\n", limits)
    for parts in ([long + b"\r\n"], [long], [good, b"x"]):
        (error,) = faults(parts, limits)
        assert error.what == f"a line exceeds {limit:,} bytes"


@pytest.mark.parametrize("limit", [50, Limits().header_block])
def test_header_block(limit: int) -> None:
    limits = Limits(header_block=limit)
    assert Limits().header_block == 64 * KIB
    block = b"NATS/1.0\r\nA: " + b"v" * (limit - 17) + b"\r\n\r\n"
    assert len(block) == limit
    stream = b"HMSG a 1 %d %d\r\n%bhi\r\n" % (limit, limit + 2, block)
    assert read(stream, limits) == [("message", b"a", 1, None, block, b"hi")]
    assert feed(slices(stream, 1000), limits) == read(stream, limits)
    (error,) = faults([b"HMSG a 1 %d %d\r\n" % (limit + 1, limit + 3)], limits)
    assert error.what == f"a header block exceeds {limit:,} bytes"


def test_payload() -> None:
    limits = Limits(payload=3000)
    for frame in (b"MSG a 1 %d\r\n%b\r\n", b"HMSG a 1 12 %d\r\nNATS/1.0\r\n\r\n%b\r\n"):
        extra = 12 if frame[:1] == b"H" else 0
        assert read(frame % (3000 + extra, b"x" * 3000), limits)[0][-1] == b"x" * 3000
        (error,) = faults([frame.partition(b"\r\n")[0] % (3001 + extra) + b"\r\n"], limits)
        assert error.what == "a payload exceeds 3,000 bytes"


def test_payload_at_the_real_limit() -> None:
    assert Limits().payload == 64 * MIB
    payload = bytes(64 * MIB)
    parser = new_parser()
    assert parser.feed(b"MSG a 1 %d\r\n" % len(payload)) == []
    for part in slices(payload, 16 * MIB):
        assert parser.feed(part) == []
    (op,) = parser.feed(b"\r\n")
    assert isinstance(op, Message)
    assert op.payload == payload


@pytest.mark.parametrize(
    ("numbers", "what"),
    [
        (b"13 12", "a message's headers are larger than the whole message"),
        (b"12 0", "a message's headers are larger than the whole message"),
        (b"11 20", "a header block is too short"),
        (b"0 20", "a header block is too short"),
    ],
)
def test_sizes_of_headers_that_cannot_be(numbers: bytes, what: str) -> None:
    (error,) = faults([b"HMSG a 1 " + numbers + b"\r\n"])
    assert error.what == what


# ---------------------------------------------------------------------- INFO that is none


def test_an_info_with_a_wrong_field_names_it() -> None:
    (error,) = faults([b'INFO {"max_payload":"big"}\r\n'])
    assert "$.max_payload" in str(error)


def test_an_info_that_is_nested_without_end_is_a_fault() -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"1}")):
        nested = opening * 100_000 + closing * 100_000
        (error,) = faults([b'INFO {"x":' + nested + b"}\r\n"])
        assert isinstance(error, RemoteProtocolError)


# ---------------------------------------------------------------------- time and memory


def frame_of(payload: bytes) -> bytes:
    return b"MSG a 1 %d\r\n%b\r\n" % (len(payload), payload)


@pytest.mark.parametrize("size", [1, 1000, 1024])
def test_a_payload_in_slices_costs_its_own_size(size: int) -> None:
    payload = random.Random(1).randbytes(128 * KIB)
    parser = new_parser()
    parts = slices(frame_of(payload), size)
    with untraced():
        tracemalloc.start()
        try:
            ops: list[Op] = [op for part in parts for op in parser.feed(part)]
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert facts(ops) == [message(b"a", payload)]
    # What was kept, the message made of it, and a buffer's room to grow.
    assert peak < 3 * len(payload)


@pytest.mark.parametrize(
    ("small", "large"),
    [
        pytest.param(slices(frame_of(bytes(8_000)), 1), slices(frame_of(bytes(128_000)), 1), id="bytes of a payload"),
        pytest.param(
            slices(b'INFO {"x":"' + b"s" * 8_000, 1), slices(b'INFO {"x":"' + b"s" * 128_000, 1), id="bytes of a line"
        ),
        pytest.param(
            [frame_of(b"\r\n" * 1000) * 8] * 2, [frame_of(b"\r\n" * 1000) * 128] * 2, id="payloads full of line ends"
        ),
        pytest.param([frame_of(b"\r\n" * 1000)] * 80, [frame_of(b"\r\n" * 16_000)] * 80, id="large ones full of them"),
        pytest.param(
            [b"MSG s.%d 1 1\r\nx\r\n" % n for n in range(2_000)],
            [b"MSG s.%d 1 1\r\nx\r\n" % n for n in range(32_000)],
            id="subjects that never come again",
        ),
    ],
)
def test_sixteen_times_as_much_takes_about_sixteen_times_as_long(small: list[bytes], large: list[bytes]) -> None:
    new_parser().feed(b"PING\r\n")
    assert seconds(lambda: feed(large)) < 80 * max(seconds(lambda: feed(small)), 0.0005)
