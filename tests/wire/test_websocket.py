from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.websocket_server import BINARY, CLOSE, CONT, PING, PONG, TEXT, WebSocketServer, closing, deflated, frame
from txnats.errors import AuthenticationRefused, NatsError, RemoteProtocolError, WebSocketClosed, WebSocketRefused
from txnats.wire.websocket import MOST_HEAD, PIECE, Ended, WebSocket

INFO = b'INFO {"server_id":"A","max_payload":1048576}\r\n'
MIB = 1 << 20


def client(**options: object) -> WebSocket:
    return WebSocket("ws://h:80", **{"host": "h", "port": 80, **options})  # type: ignore[arg-type]


def opened(*, compression: bool = False, **options: object) -> tuple[WebSocket, WebSocketServer]:
    """Both ends after the handshake."""
    server = WebSocketServer(compression=compression)
    websocket = client(compression=compression, **options)
    websocket.feed(server.feed(websocket.request()))
    assert websocket.next() is None
    assert websocket.is_open
    assert server.compresses == compression
    return websocket, server


def given_out(websocket: WebSocket) -> Iterator[bytes]:
    """NATS's bytes until there are no more for now."""
    while isinstance(data := websocket.next(), bytes):
        yield data


def read(websocket: WebSocket, data: bytes) -> bytes:
    websocket.feed(data)
    return b"".join(given_out(websocket))


def end_of(websocket: WebSocket) -> NatsError:
    ended = websocket.next()
    assert isinstance(ended, Ended)
    assert websocket.next() is ended, "an end lasts"
    websocket.feed(frame(b"more"))
    assert websocket.next() is ended
    return ended.error


def answer(websocket: WebSocket, edit: Callable[[bytes], bytes] = lambda head: head) -> bytes:
    return edit(WebSocketServer().feed(websocket.request()))


# The request


def test_the_request() -> None:
    websocket = client(port=8080, path="/a/b?c=%20", headers={"Cookie": "k=v", "User-Agent": "me"}, compression=False)
    head = websocket.request().decode()
    assert head.startswith("GET /a/b?c=%20 HTTP/1.1\r\nHost: h:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    assert "\r\nSec-WebSocket-Version: 13\r\n" in head
    assert re.search(r"\r\nSec-WebSocket-Key: [A-Za-z0-9+/]{22}==\r\n", head)
    assert head.endswith("\r\nCookie: k=v\r\nUser-Agent: me\r\n\r\n")
    assert "Extensions" not in head
    assert websocket.request() == b""


def test_a_host_of_the_callers_takes_the_place_of_ours() -> None:
    head = client(headers={"host": "inner"}).request().lower()
    assert head.count(b"host:") == 1
    assert b"host: inner" in head


def test_the_default_port_is_not_said() -> None:
    assert b"\r\nHost: h\r\n" in client(secure=True, port=443).request()
    assert b"\r\nHost: [::1]:8080\r\n" in client(host="::1", port=8080).request()


def test_compression_is_offered_without_memory_between_messages() -> None:
    offer = b"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"
    assert offer in client().request()


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        websocket = client(headers={"Cookie": "secret"})
        websocket.feed(WebSocketServer().feed(websocket.request()))
        logged = [record for record in caplog.records if "websockets.server" not in record.name]
    assert websocket.next() is None
    assert not logged


# Its answer


def test_info_may_be_glued_to_the_answer_and_both_cut_anywhere() -> None:
    websocket, server = client(), WebSocketServer()
    stream = server.feed(websocket.request()) + frame(INFO)
    assert read(websocket, stream) == INFO
    websocket, server = client(), WebSocketServer()
    stream = server.feed(websocket.request()) + frame(INFO)
    assert b"".join(read(websocket, bytes([byte])) for byte in stream) == INFO


HEAD = b"HTTP/1.1 %b\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "kind", "status", "said"),
    [
        (HEAD % b"200 OK", WebSocketRefused, 200, "HTTP 200 OK is the answer to the WebSocket request"),
        (HEAD % b"204", WebSocketRefused, 204, "HTTP 204 No Content"),
        (b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP", WebSocketRefused, 400, "does it want wss://"),
        (b"HTTP/1.1 404 Nope\r\n", WebSocketRefused, 404, "check the path"),
        (b"HTTP/1.1 503 \r\nContent-Length: 99999999\r\n\r\n", WebSocketRefused, 503, "HTTP 503 Service Unavailable"),
        (HEAD % b"599 own", WebSocketRefused, 599, "HTTP 599 is"),
        (b"HTTP/1.1 401 secret\r\nWWW-Authenticate: Basic\r\n", AuthenticationRefused, None, "HTTP 401 Unauthorized"),
        (HEAD % b"403 Forbidden", AuthenticationRefused, None, "check WebSocketOptions.headers"),
        (HEAD % b"407 x", AuthenticationRefused, None, "HTTP 407 Proxy Authentication Required"),
        (HEAD % b"302 Found\r\nLocation: https://other:8/x?secret", WebSocketRefused, 302, "to https://other:8 \\("),
        (HEAD % b"307 \r\nlocation: /x?secret", WebSocketRefused, 307, "HTTP 307 Temporary Redirect is .*not followed"),
        (HEAD % b"301 Moved\r\nLocation: ftp://secret", WebSocketRefused, 301, "it is not followed"),
        (b"INFO {}\r\n", WebSocketRefused, None, "plain NATS is spoken there, and no WebSocket"),
        (b"-ERR 'x'\r\n", WebSocketRefused, None, "plain NATS is spoken there"),
        (b"\x15\x03\x01\x00\x02\x02\x50", WebSocketRefused, None, "is not HTTP"),
        (b"SSH-2.0-secret\r\n", WebSocketRefused, None, "is not HTTP"),
        (b"HTTP/2 200\r\n", WebSocketRefused, None, "is not HTTP"),
        (b"HTTP/1.1 1010 x\r\n", WebSocketRefused, None, "is not HTTP"),
        (b"HTTP/1.1 101\n\n", WebSocketRefused, None, "is not HTTP"),
        (b"HTTP/1.1 " + b"a" * MOST_HEAD, WebSocketRefused, None, "is not HTTP"),
        (b"HTTP/1.1 101 x\r\nA: " + b"a" * MOST_HEAD, WebSocketRefused, None, "exceeds 65,536 bytes"),
        (b"HTTP/1.1 101 x\r\nA: " + b"a" * MOST_HEAD + b"\r\n\r\n", WebSocketRefused, None, "exceeds 65,536 bytes"),
        (HEAD % b"302 x\r\nA: " + b"a" * MOST_HEAD, WebSocketRefused, 302, "HTTP 302"),
    ],
)  # fmt: skip
def test_what_opens_no_websocket(head: bytes, kind: type[NatsError], status: int | None, said: str) -> None:
    for step in (len(head), 1000, 7) if len(head) < 10_000 else (len(head), 9000):
        websocket = client()
        websocket.request()
        for start in range(0, len(head), step):
            assert not read(websocket, head[start : start + step])
        error = end_of(websocket)
        assert type(error) is kind
        assert re.search(said, str(error), re.DOTALL), str(error)
        assert "secret" not in str(error)
        assert getattr(error, "status", None) == status
        assert not websocket.is_open
        assert websocket.close() == b""


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda head: re.sub(rb"Accept: .", b"Accept: !", head), "has no good Sec-WebSocket-Accept header"),
        (lambda head: re.sub(rb"Sec-WebSocket-Accept: .*\r\n", b"", head), "has no good Sec-WebSocket-Accept header"),
        (lambda head: re.sub(rb"Upgrade: .*\r\n", b"Upgrade: secret\r\n", head), "has no good Upgrade header"),
        (lambda head: re.sub(rb"Connection: .*\r\n", b"", head), "has no good Connection header"),
        (lambda head: head[:-2] + b"Sec-WebSocket-Extensions: x-secret\r\n\r\n", "was not asked for"),
        (lambda head: head[:-2] + b"Sec-WebSocket-Protocol: secret\r\n\r\n", "was not asked for"),
        (lambda head: head[:-2] + b"no colon, a secret\r\n\r\n", "cannot be read"),
        (lambda head: head[:-2] + b"A: b\r\n" * 200 + b"\r\n", "cannot be read"),
    ],
)
def test_a_101_that_is_none(edit: Callable[[bytes], bytes], said: str) -> None:
    websocket = client()
    assert not read(websocket, answer(websocket, edit) + frame(INFO))
    error = end_of(websocket)
    assert isinstance(error, WebSocketRefused)
    assert (error.status, error.server) == (101, "ws://h:80")
    assert said in str(error)
    assert "secret" not in str(error)


def test_compression_that_keeps_memory_between_messages_is_refused() -> None:
    websocket = client()
    edited = answer(websocket, lambda head: head[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
    assert not read(websocket, edited)
    assert "was not asked for" in str(end_of(websocket))


# Frames in


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        yield data[start:end]


FRAMES = st.lists(
    st.one_of(
        st.tuples(st.just("data"), st.lists(st.binary(max_size=400), min_size=1, max_size=4)),
        st.tuples(st.sampled_from(["ping", "pong"]), st.lists(st.binary(max_size=125), min_size=1, max_size=1)),
    ),
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@given(FRAMES, st.lists(st.integers(0, 10_000), max_size=12), st.booleans())
def test_any_split_of_the_same_bytes_gives_the_same_payload(
    messages: list[tuple[str, list[bytes]]], cuts: list[int], compression: bool
) -> None:
    websocket, server = opened(compression=compression)
    stream, expected, pings = b"", b"", []
    for kind, parts in messages:
        if kind == "data":
            for number, part in enumerate(parts):
                stream += server.pack(part, fin=number == len(parts) - 1, first=number == 0)
                stream += frame(b"between", PONG)
            expected += b"".join(parts)
        else:
            stream += frame(parts[0], PING if kind == "ping" else PONG)
            pings += parts if kind == "ping" else []
    got = b"".join(read(websocket, piece) for piece in pieces(stream, cuts))
    assert got == expected
    server.feed(websocket.control())
    assert [bytes(each.data) for each in server.controls] == pings[-1:]
    assert websocket.next() is None


def test_only_the_newest_ping_is_answered_and_once() -> None:
    websocket, server = opened()
    assert read(websocket, b"".join(frame(b"%d" % number, PING) for number in range(20_000))) == b""
    server.feed(websocket.control())
    assert [bytes(each.data) for each in server.controls] == [b"19999"]
    assert websocket.control() == b""


def test_a_large_message_is_handed_out_in_pieces_and_only_on_demand() -> None:
    websocket, server = opened()
    payload = bytes(range(256)) * (5 * PIECE // 256)
    websocket.feed(server.pack(payload) + server.pack(b"next"))
    got = list(given_out(websocket))
    assert b"".join(got) == payload + b"next"
    assert max(map(len, got)) == PIECE


def test_what_is_packed_small_is_handed_out_together() -> None:
    websocket, _ = opened()
    websocket.feed(frame(b"ab") * 1000)
    assert list(given_out(websocket)) == [b"ab" * 1000]


def test_what_was_not_asked_for_is_not_unpacked() -> None:
    websocket, server = opened(compression=True, max_size=MIB)
    bomb = server.pack(bytes(MIB))
    websocket.feed(bomb * 200)
    first = websocket.next()
    assert first == bytes(PIECE)
    held = sum(len(each) for each in websocket._ready)
    assert held < 20 * MIB, "one piece of what came in was unpacked, and no more"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (frame(b"x", 3), "invalid opcode"),
        (frame(b"x", 11), "invalid opcode"),
        (frame(b"x", rsv=4), "reserved bits must be 0"),
        (frame(b"x", rsv=1), "reserved bits must be 0"),
        (b"\x82\x81\x00\x00\x00\x00x", "incorrect masking"),
        (frame(b"x", CONT), "unexpected continuation frame"),
        (frame(b"x", fin=False) + frame(b"y"), "expected a continuation frame"),
        (frame(b"x" * 126, PING), "control frame too long"),
        (frame(b"x", PING, fin=False), "fragmented control frame"),
        (frame(b"x", CLOSE), "close frame too short"),
        (closing(1005), "invalid status code"),
        (closing(999), "invalid status code"),
        (closing(1000, b"\xff"), "UnicodeDecodeError"),
        (frame(b"x", fin=False) + closing(1000), "incomplete fragmented message"),
        (frame(b"text", TEXT), "a WebSocket message is text: NATS is binary"),
        (frame(b"te", TEXT, fin=False) + frame(b"xt", CONT), "a WebSocket message is text"),
        (frame(b"", size=201), "a WebSocket message exceeds 200 bytes.*max_size"),
        (frame(b"", size=2**63 - 1), "a WebSocket message exceeds 200 bytes"),
        (frame(b"", size=2**64 - 1), "a WebSocket message exceeds 200 bytes"),
        (frame(b"x" * 120, fin=False) + frame(b"x" * 81, CONT), "a WebSocket message exceeds 200 bytes"),
    ],
)
def test_frames_that_are_broken(data: bytes, said: str) -> None:
    for step in (len(data), 1):
        websocket, server = opened(max_size=200)
        got = b"".join(
            read(websocket, piece)
            for piece in (frame(b"good"), *(data[at : at + step] for at in range(0, len(data), step)))
        )
        assert got.startswith(b"good")
        error = end_of(websocket)
        assert type(error) is RemoteProtocolError
        assert error.where == "ws://h:80"
        assert re.search(said, str(error)), str(error)
        assert error.__cause__ is None
        server.feed(websocket.control())
        assert server.controls[-1].opcode == CLOSE, "the server is told"
        assert websocket.close() == b""


def test_what_comes_before_the_fault_is_handed_out() -> None:
    websocket, _ = opened()
    assert read(websocket, frame(b"one") + frame(b"two") + frame(b"x", 3) + frame(b"never")) == b"onetwo"
    assert isinstance(end_of(websocket), RemoteProtocolError)


def test_a_message_of_just_the_size_passes() -> None:
    websocket, _ = opened(max_size=100)
    assert read(websocket, frame(b"x" * 100)) == b"x" * 100
    assert read(websocket, frame(b"x" * 60, fin=False) + frame(b"y" * 40, CONT)) == b"x" * 60 + b"y" * 40


def test_a_bomb_is_found_before_it_is_large() -> None:
    websocket, _ = opened(compression=True, max_size=MIB)
    assert read(websocket, frame(deflated(bytes(MIB)), rsv=4)) == bytes(MIB)
    assert read(websocket, frame(deflated(bytes(900 * MIB // 10)), rsv=4)) == b""
    assert "a WebSocket message exceeds 1,048,576 bytes" in str(end_of(websocket))


def test_what_cannot_be_decompressed() -> None:
    websocket, _ = opened(compression=True)
    assert read(websocket, frame(b"\xff" * 10, rsv=4)) == b""
    assert "decompression failed" in str(end_of(websocket))


def test_memory_held_is_that_of_a_message_and_a_piece() -> None:
    websocket, _ = opened(max_size=10_000)
    websocket.feed(frame(b"", size=10_000))
    for _number in range(1000):
        assert list(given_out(websocket)) in ([], [b"x" * 10_000])
        websocket.feed(b"x" * 100)
    assert len(websocket._protocol.reader.buffer) <= 10_000


@settings(max_examples=400, deadline=None)
@given(st.booleans(), st.data())
def test_whatever_bytes_come_they_are_data_or_an_end(compression: bool, data: st.DataObject) -> None:
    """No exception, whatever it is, and nothing more after the end."""
    good = [frame(b"ab"), frame(b"a", fin=False), frame(b"b", CONT), frame(b"", PING), closing(1000)]
    good += [frame(deflated(b"a" * 100), rsv=4), frame(deflated(b"a"), fin=False, rsv=4), frame(b"x" * 200)]
    part = st.one_of(st.binary(max_size=60), st.sampled_from(good), st.sampled_from(good).map(lambda each: each[:-1]))
    if data.draw(st.booleans()):
        websocket, _ = opened(compression=compression, max_size=300)
    else:
        websocket = client(compression=compression, max_size=300)
        head = answer(websocket)
        at = data.draw(st.integers(0, len(head)))
        read(websocket, head[:at] + data.draw(st.binary(max_size=8)) + head[at:])
    for piece in data.draw(st.lists(part, max_size=12)):
        read(websocket, piece)
        websocket.control()
        websocket.close() if data.draw(st.integers(0, 20)) == 0 else b""
    assert websocket.next() is None or end_of(websocket)


# Closing


@pytest.mark.parametrize(
    ("code", "reason", "said"),
    [
        (1000, b"", r"closed the WebSocket with 1000 \(OK\)$"),
        (1001, b"Server Shutdown", r"1001 \(going away\): 'Server Shutdown'"),
        (1008, b"Authentication Failure", r"1008 \(policy violation\): 'Authentication Failure'"),
        (1009, b"", "message too big"),
        (3000, b"", "a code of its own"),
        (4999, "\N{SNOWMAN}\r\n".encode(), r"4999 .*: '\N{SNOWMAN}\\r\\n'"),
    ],
)
def test_close_codes(code: int, reason: bytes, said: str) -> None:
    websocket, server = opened()
    assert read(websocket, frame(b"last") + closing(code, reason) + frame(b"never")) == b"last"
    error = end_of(websocket)
    assert isinstance(error, WebSocketClosed)
    assert (error.code, error.server) == (code, "ws://h:80")
    assert re.search(said, str(error)), str(error)
    server.feed(websocket.control())
    assert bytes(server.controls[-1].data)[:2] == code.to_bytes(2, "big")


def test_a_close_without_a_code() -> None:
    websocket, _ = opened()
    assert read(websocket, frame(b"", CLOSE)) == b""
    error = end_of(websocket)
    assert isinstance(error, WebSocketClosed)
    assert (error.code, error.reason) == (1005, "")


def test_secrets_that_a_server_sends_back_are_not_told() -> None:
    websocket, _ = opened()
    assert read(websocket, closing(1002, b'bad: {"auth_token":"s3cret"}')) == b""
    error = end_of(websocket)
    assert "s3cret" not in str(error) + repr(error) + repr(vars(error))


def test_going_by_ourselves() -> None:
    websocket, server = opened()
    server.feed(websocket.close())
    assert bytes(server.controls[-1].data) == (1000).to_bytes(2, "big")
    assert websocket.close() == b""


# Frames out


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=70_000), max_size=4), st.booleans(), st.sampled_from([0, 64, 1000, MIB]))
def test_what_is_packed_is_what_the_server_reads(parts: list[bytes], compression: bool, max_payload: int) -> None:
    websocket, server = opened(compression=compression)
    websocket.takes(max_payload)
    for part in parts:
        server.feed(websocket.pack(part))
    assert bytes(server.received) == b"".join(parts)


def test_a_compressed_message_is_never_larger_than_the_servers_max_payload() -> None:
    websocket, server = opened(compression=True)
    server.feed(websocket.pack(b"x" * 10_500))
    assert list(map(len, server.frames)) == [10_500], "not compressed: it has not told yet"
    server.frames.clear()
    websocket.takes(1000)
    server.feed(websocket.pack(b"x" * 10_500))
    assert list(map(len, server.frames)) == [1000] * 10 + [500]
    websocket.takes(MIB)
    packed = websocket.pack(b"x" * 30_000)
    assert len(packed) < 100
    server.feed(packed)
    assert len(server.frames[-1]) == 30_000


def test_frames_are_masked_each_with_its_own_mask() -> None:
    websocket, _ = opened()
    masks = {websocket.pack(b"PING\r\n")[2:6] for _ in range(50)}
    assert len(masks) > 40
    assert websocket.pack(b"PING\r\n")[:2] == bytes([0x80 | BINARY, 0x80 | 6])
