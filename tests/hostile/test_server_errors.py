"""Every ``-ERR`` text: what it does to a handshake, to a session, and to a client that hears it again and again."""

from __future__ import annotations

import re

import msgspec
import pytest

from tests.hostile.bytes import Bytes, each, send, times
from tests.hostile.runner import Runner, at_least, says
from tests.hostile.server import PONG, Talk

ATTEMPTS = 3


class Row(msgspec.Struct, frozen=True):
    """A text.

    Attributes:
        text: The server's words.
        error: The class of the error, where it ends something.
        event: What is told in mid-session beside the end, if anything.
        closes: Whether the server closes behind it.
        final: Whether the client gives up at once, for good.
        attempts: Connections until a client that knows no other server gives up.
    """

    text: str
    error: str = "ServerError"
    event: str = ""
    closes: bool = True
    final: bool = False
    attempts: int = ATTEMPTS


def _lost(text: str) -> Row:
    return Row(text, error="ConnectionLost")


def _refused(text: str) -> Row:
    return Row(text, error="AuthenticationRefused", attempts=2)


def _expired(text: str) -> Row:
    return Row(text, error="CredentialsExpired", event="AuthenticationExpired", attempts=2)


def _told(text: str, event: str = "ServerErrorReported") -> Row:
    return Row(text, event=event, closes=False)


def _fatal(text: str) -> Row:
    return Row(text, final=True, attempts=1)


ROWS = (
    _lost("Stale Connection"),
    _refused("Authorization Violation"),
    _refused("Authentication Timeout"),
    _expired("User Authentication Expired"),
    _expired("User Authentication Revoked"),
    _expired("Account Authentication Expired"),
    _told('Permissions Violation for Publish to "x"', "PermissionDenied"),
    _told('Permissions Violation for Publish with Reply of "r"', "PermissionDenied"),
    _told('Permissions Violation for Subscription to "x"', "PermissionDenied"),
    _told('Permissions Violation for Subscription to "x" using queue "q"', "PermissionDenied"),
    _told('Permissions Violation for Subscription to "x" using queue "q" (sid "77")', "PermissionDenied"),
    _told('Permissions Violation for Subscription to "x", too many tokens', "PermissionDenied"),
    _told("Permissions Violation for something that nobody knows"),
    _told("Invalid Subject"),
    _told("Invalid Publish Subject"),
    _told("maximum subscriptions exceeded"),
    _lost("maximum connections exceeded"),
    _lost("maximum account active connections exceeded"),
    _lost("Connection throttling is active. Please try again later."),
    _lost("Maximum Payload Violation"),
    _lost("maximum control line exceeded"),
    _lost("Unknown Protocol Operation"),
    _lost("Parser Error"),
    _lost("STALE connection"),
    _fatal("Secure Connection - TLS Required"),
    _fatal("invalid client protocol"),
    _fatal("no responders requires headers support"),
    _fatal("message headers not supported"),
    _told("the moon is full"),
    _told(""),
    _told("' quoted ' twice '"),
    _told("\u2603 \x00 \x1b[2J"),
)


def line(text: str) -> bytes:
    return b"-ERR '%b'\r\n" % text.encode()


@pytest.fixture(params=ROWS, ids=lambda row: ascii(row.text)[1:-1])
def row(request: pytest.FixtureRequest) -> Row:
    found: Row = request.param
    return found


def test_for_pong(runner: Runner, row: Row) -> None:
    """Whatever it is, it refuses us, with the server's words."""

    def script(talk: Talk) -> None:
        talk.hello()
        talk.send(line(row.text))
        talk.gone()

    error = "ServerError" if row.error == "ConnectionLost" else row.error
    said = runner.run(script, until="connected").report.connected
    assert says(f"{error}: .*{re.escape(row.text.strip(chr(39)))}", said)


@pytest.mark.parametrize("text", ["Authorization Violation", "Secure Connection - TLS Required", "the moon is full"])
def test_with_pong_behind(runner: Runner, text: str) -> None:
    """A PONG in the same segment does not take back a refusal."""

    def script(talk: Talk) -> None:
        talk.hello()
        talk.send(line(text) + PONG)
        talk.gone()

    assert says(
        f"(ServerError|AuthenticationRefused): .*{text}", runner.run(script, until="connected").report.connected
    )


def test_in_mid_session(runner: Runner, row: Row) -> None:
    def script(talk: Talk) -> None:
        talk.session()
        talk.send(line(row.text))
        if not row.closes:
            talk.stay()
        elif row.final:
            talk.gone()

    if row.final:
        report = runner.run(script, until="closed", healthy=True).report
        assert says(f"{row.error}: .*{re.escape(row.text)}", report.texts("Closed"))
        assert not report.texts("Reconnecting")
        return
    report = runner.recover(script).report
    if row.event:
        assert len(report.texts(row.event)) == 1
    if row.closes:
        assert says(f"{row.error}: .*{re.escape(row.text)}", report.texts("Disconnected"))
    else:
        assert report.delivered == ["done", "probe"]
        publish = "Permissions Violation for Publish" in row.text
        assert says("PermissionDenied: no permission to (publish|reply)" if publish else r"\A\Z", report.flushed)


def test_each_time_after_pong(runner: Runner, row: Row) -> None:
    """No other server is there: attempts are counted, and the last word is the server's."""

    def script(talk: Talk) -> None:
        talk.greet()
        talk.send(line(row.text))
        if row.final:
            talk.gone()

    outcome = runner.run(script, until="closed", max_attempts=ATTEMPTS)
    report = outcome.report
    assert outcome.connections == [row.attempts]
    assert at_least(report.waits(), [0.019, 0.039][: row.attempts - 1])
    if row.closes:
        assert says(f"{row.error}: .*{re.escape(row.text)}", report.texts("Closed"))
    else:
        assert says("ConnectionLost: .*the server closed the connection", report.texts("Closed"))
        assert report.counts[row.event] == ATTEMPTS


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"-ERR\r\n", 1),
        (b"-ERR unquoted\r\n", 1),
        (b"-err 'in lower case'\r\n", 1),
        (b"-ERR '\xff\xfe'\r\n", 1),
        (b"-ERR '%b'\r\n" % (b"x" * 65_000), 1),
        (each(5_000, lambda number: b"-ERR 'no %d'\r\n" % number), 5_000),
        (times(2_000, b"-ERR '%b'\r\n" % (b"x" * 1_000)), 2_000),
    ],
    ids=["bare", "unquoted", "lower case", "not UTF-8", "65,000 bytes", "5,000", "2,000 of 1,000 bytes"],
)
def test_odd_lines(runner: Runner, data: Bytes, told: int) -> None:
    def script(talk: Talk) -> None:
        talk.session()
        send(talk, data)
        talk.stay()

    report = runner.recover(script, processor=4.0).report
    assert report.counts["ServerErrorReported"] == told
    assert report.delivered == ["done", "probe"]
