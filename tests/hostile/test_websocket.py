"""Hostile servers within a WebSocket: the faults of plain ones again, and those that a WebSocket makes possible."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import msgspec
import pytest

from tests.hostile.bytes import CHUNK, FAULTS, MIB, SHARE, Fault, send, times
from tests.hostile.runner import Runner, says
from tests.hostile.server import INFO, Script, Talk, message
from tests.hostile.websocket import WebSocketTalk
from tests.wire.websocket_server import BINARY, CLOSE, CONT, PING, TEXT, closing, deflated, frame

SOON, SLACK = 0.3, 0.5
SECRET = "s3cr3t"
DEFLATED = 4
"""The reserved bit of a compressed message."""


def websocket(talk: Talk) -> WebSocketTalk:
    return cast(WebSocketTalk, talk)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_faults_within_a_session(runner: Runner, fault: Fault) -> None:
    def script(talk: Talk) -> None:
        talk.session()
        send(talk, fault.data)
        talk.gone()

    report = runner.recover(script, scheme="ws").report
    assert says(f"RemoteProtocolError: .*{fault.cause}", report.texts("Disconnected"))
    assert report.delivered == ["probe"]


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that break a WebSocket in mid-session.

    Attributes:
        cause: What the error has to say, as a pattern.
        growth: Bytes of memory that it may cost.
        options: Fields of WebSocketOptions.
    """

    name: str
    data: bytes | Callable[[], Iterator[bytes]]
    cause: str
    growth: int = 4 * MIB
    options: dict[str, Any] = {}


def endless(head: bytes, chunk: bytes = b"a" * CHUNK) -> Callable[[], Iterator[bytes]]:
    """A start and 256 MiB more."""

    def chunks() -> Iterator[bytes]:
        yield head
        for _ in range(256 * MIB // len(chunk)):
            yield chunk

    return chunks


def bomb(size: int) -> bytes:
    """A message that becomes so large."""
    return frame(deflated(bytes(size)), rsv=DEFLATED)


SMALL = {"max_size": MIB}
BREAKS = (
    Break(name="a frame of 2^63 - 1 bytes", data=endless(frame(b"", size=2**63 - 1)), cause="exceeds 67,108,864 bytes"),
    Break(name="a frame of 64 MiB and one", data=endless(frame(b"", size=64 * MIB + 1)), cause="exceeds 67,108,864"),
    Break(
        name="a frame of 1 MiB and one", data=endless(frame(b"", size=MIB + 1)), cause="1,048,576", options=SMALL
    ),
    Break(
        name="fragments without an end",
        data=endless(frame(b"", fin=False), frame(message(bytes(60_000), 999), CONT, fin=False)),
        cause="a WebSocket message exceeds 67,108,864 bytes",
    ),
    Break(
        name="a bomb of 100 MiB",
        data=bomb(100 * MIB),
        cause="a WebSocket message exceeds 67,108,864 bytes",
        growth=144 * MIB,  # its own limit as it is unpacked, and once more as zlib grows it
    ),
    Break(name="a bomb of 64 MiB", data=bomb(64 * MIB), cause="exceeds 1,048,576 bytes", options=SMALL),
    Break(
        name="bombs in a row",
        data=times(200, bomb(MIB) + frame(b"x", 3)),
        cause=r"a line exceeds 65,536 bytes|invalid opcode",
        growth=24 * MIB,  # what one piece of 16 KiB may become
        options=SMALL,
    ),
    Break(name="wrong compression", data=frame(b"\xff" * 40, rsv=DEFLATED), cause="decompression failed"),
    Break(
        name="compression of a part",
        data=frame(b"a", fin=False) + frame(b"b", CONT, rsv=DEFLATED), cause="reserved bits",
    ),
    Break(name="a masked frame", data=b"\x82\x81\x00\x00\x00\x00x", cause="incorrect masking"),
    Break(name="an unknown opcode", data=frame(b"x", 7), cause="invalid opcode"),
    Break(name="a reserved bit", data=frame(b"x", rsv=2), cause="reserved bits must be 0"),
    Break(name="a continuation of nothing", data=frame(b"x", CONT), cause="unexpected continuation frame"),
    Break(name="a message within another", data=frame(b"", fin=False) + frame(b""), cause="expected a continuation"),
    Break(name="a ping of 126 bytes", data=frame(b"x" * 126, PING), cause="control frame too long"),
    Break(name="half a ping", data=frame(b"x", PING, fin=False), cause="fragmented control frame"),
    Break(name="text", data=frame(b"PING\r\n", TEXT), cause="a WebSocket message is text"),
    Break(name="a close code of one byte", data=frame(b"x", CLOSE), cause="close frame too short"),
    Break(name="a close code that is none", data=closing(1006), cause="invalid status code"),
    Break(name="a reason not UTF-8", data=closing(1000, b"\xff"), cause="UnicodeDecodeError"),
    Break(name="HTTP after the answer", data=b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4, cause="are broken"),
)  # fmt: skip


@pytest.mark.parametrize("each", BREAKS, ids=lambda each: each.name)
def test_broken_in_mid_session(runner: Runner, each: Break) -> None:
    def script(talk: Talk) -> None:
        talk.session()
        for data in [each.data] if isinstance(each.data, bytes) else each.data():
            websocket(talk).raw(data)
        talk.gone()

    report = runner.recover(script, scheme="ws", growth=each.growth, websocket=each.options).report
    assert says(f"RemoteProtocolError: .*{each.cause}", report.texts("Disconnected"))
    assert report.delivered == ["probe"]


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1008, 1009, 1011, 1013, 3000, 4999])
def test_close_codes(runner: Runner, code: int) -> None:
    def script(talk: Talk) -> None:
        talk.session()
        websocket(talk).raw(frame(message(b"last")) + closing(code, b"for a reason"))
        talk.gone()

    report = runner.recover(script, scheme="ws").report
    said = rf"WebSocketClosed: .*closed the WebSocket with {code} \(.*\): 'for a reason'"
    assert says(said, report.texts("Disconnected"))
    assert report.delivered == ["last", "probe"]


def pings(talk: Talk) -> None:
    for chunk in times(200_000 // SHARE, frame(b"are you there?", PING))():
        websocket(talk).raw(chunk)


def pings_and_no_reading(talk: Talk) -> None:
    """Their answers must not be kept."""
    pings(talk)


def empty_messages(talk: Talk) -> None:
    for chunk in times(100_000 // SHARE, frame(b"") + frame(b"", fin=False) + frame(b"", CONT))():
        websocket(talk).raw(chunk)


def a_byte_a_frame(talk: Talk) -> None:
    websocket(talk).raw(b"".join(frame(bytes([byte])) for byte in message(b"hi") * 1000))


def fragments(talk: Talk) -> None:
    data = message(b"hi") * 1000
    parts = [data[at : at + 3] for at in range(0, len(data), 3)]
    websocket(talk).raw(
        b"".join(
            frame(part, CONT if number else BINARY, fin=number == len(parts) - 1) + frame(b"", PING)
            for number, part in enumerate(parts)
        )
    )


def a_whole_of_60_mib(talk: Talk) -> None:
    """As a nats-server packs what has waited for us."""
    talk.send(message(bytes(1000), 999) * (60 * MIB // 1015))


@pytest.mark.parametrize(
    ("act", "growth", "delivered"),
    [
        (pings, 4 * MIB, []),
        (empty_messages, 4 * MIB, []),
        (a_byte_a_frame, 4 * MIB, ["hi"] * 19),
        (fragments, 4 * MIB, ["hi"] * 19),
        (a_whole_of_60_mib, 160 * MIB, []),  # as it comes, with an eighth to grow, and once more as it is taken out
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_a_client_has_to_put_up_with(
    runner: Runner, act: Callable[[Talk], None], growth: int, delivered: list[str]
) -> None:
    def script(talk: Talk) -> None:
        talk.session()
        act(talk)
        talk.stay()

    report = runner.recover(script, scheme="ws", growth=growth, deadline=20.0).report
    assert report.flushed == [""]
    assert report.delivered[:19] == [*delivered, "done", "probe"][:19]


# The handshake


def answers(data: bytes, *, stays: bool = True) -> Script:
    """A server that answers the request so."""

    def script(talk: Talk) -> None:
        websocket(talk).asked()
        websocket(talk).raw(data)
        if stays:
            talk.gone()

    return script


def wrong_accept(talk: Talk) -> None:
    answer = websocket(talk).asked()
    websocket(talk).raw(answer.replace(b"Accept: ", b"Accept: x"))
    talk.gone()


def endless_head(talk: Talk) -> None:
    websocket(talk).asked()
    websocket(talk).raw(b"HTTP/1.1 101 Switching Protocols\r\n")
    while True:
        websocket(talk).raw(b"A: b\r\n" * 10_000)


def endless_line(talk: Talk) -> None:
    websocket(talk).asked()
    while True:
        websocket(talk).raw(b"HTTP/1.1 101" + b" " * 10_000)


def redirect(where: bytes) -> bytes:
    return b"HTTP/1.1 302 Found\r\nLocation: " + where + b"\r\n\r\n"


REFUSED = "WebSocketRefused: .*"
HANDSHAKES: tuple[tuple[Script, str], ...] = (
    (answers(b"HTTP/1.1 401 Unauthorized\r\n\r\n"), "AuthenticationRefused: .*HTTP 401 Unauthorized"),
    (answers(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nforbi"), "AuthenticationRefused: .*HTTP 403"),
    (answers(redirect(b"https://elsewhere/?secret")), REFUSED + "HTTP 302 Found .*to https://elsewhere .*not followed"),
    (answers(b"HTTP/1.1 500 x\r\nContent-Length: 999999999\r\n\r\n"), REFUSED + "HTTP 500 Internal Server Error"),
    (answers(b"HTTP/1.1 200 OK\r\n\r\n<html>" + b"a" * MIB), REFUSED + "HTTP 200 OK"),
    (answers(b"\x00" * 1000), REFUSED + "not HTTP"),
    (answers(INFO), REFUSED + "plain NATS is spoken there"),
    (wrong_accept, REFUSED + "no good Sec-WebSocket-Accept header"),
    (endless_head, REFUSED + "exceeds 65,536 bytes"),
    (endless_line, REFUSED + "not HTTP"),
)


@pytest.mark.parametrize(("script", "said"), HANDSHAKES, ids=[said.split("*")[-1] for _, said in HANDSHAKES])
def test_refused_handshakes(runner: Runner, script: Script, said: str) -> None:
    report = runner.refuse(script, scheme="ws").report
    assert says(said, report.connected)
    assert report.slowest_connect < 1.0, "it did not wait for the deadline"


def no_answer(talk: Talk) -> None:
    websocket(talk).asked()
    talk.gone()


def slow_answer(talk: Talk) -> None:
    for byte in websocket(talk).asked():
        websocket(talk).raw(bytes([byte]))
        talk.peer.settimeout(0.05)
        try:
            if not talk.peer.recv(1):
                return
        except (TimeoutError, ConnectionError):
            continue


def open_and_no_info(talk: Talk) -> None:
    websocket(talk).open()
    talk.gone()


def pings_and_no_info(talk: Talk) -> None:
    websocket(talk).open()
    while True:
        websocket(talk).raw(frame(b"", PING))
        if talk.is_gone(within=0.01):
            return


@pytest.mark.parametrize(
    ("script", "waited_for"),
    [
        (no_answer, "answer to the WebSocket request"),
        (slow_answer, "answer to the WebSocket request"),
        (open_and_no_info, "INFO"),
        (pings_and_no_info, "INFO"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_deadline(runner: Runner, script: Script, waited_for: str) -> None:
    outcome = runner.refuse(script, scheme="ws", timeout=SOON)
    assert says(rf"(DialFailed|NoServersLeft): .*no {waited_for} within {SOON:g} s", outcome.report.connected)
    assert SOON <= outcome.report.slowest_connect < SOON + SLACK


def test_the_request_comes_back_in_the_answer(runner: Runner) -> None:
    """A proxy that shows what it was asked: our headers and our login are in no word of ours."""

    def script(talk: Talk) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            request += talk.peer.recv(65_536)
        sent.append(request)
        websocket(talk).raw(b"HTTP/1.1 400 " + request.replace(b"\r\n", b" ") + b"\r\n" + request)
        talk.gone()

    sent: list[bytes] = []
    options = {"headers": {"Cookie": f"key={SECRET}"}, "path": f"/?key={SECRET}"}
    outcome = runner.run(script, until="connected", scheme="ws", login=f"{SECRET}@", websocket=options)
    assert says("HTTP 400 Bad Request", outcome.report.connected)
    assert SECRET not in json.dumps([outcome.report.connected, [each.text for each in outcome.report.events]])
    assert sent[0].startswith(f"GET /?key={SECRET} HTTP/1.1\r\n".encode())
    assert sent[0].count(SECRET.encode()) == 2, "the login is for NATS and not for HTTP"


def test_not_a_word_in_clear_if_the_server_requires_tls(runner: Runner) -> None:
    def script(talk: Talk) -> None:
        talk.send(INFO.replace(b'"proto"', b'"tls_required": true, "proto"'))
        talk.gone()

    outcome = runner.run(script, until="connected", scheme="ws", login=f"joe:{SECRET}@", timeout=SOON)
    assert says("TlsUnavailable: .*wss://", outcome.report.connected)
    assert b"CONNECT" not in outcome.received
