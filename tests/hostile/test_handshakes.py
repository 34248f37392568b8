"""Servers that never get as far as a session: ``connect`` ends in time, says why, and goes on to the next server."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.hostile.runner import Runner, says
from tests.hostile.server import INFO, PONG, Script, Talk, info, message

SOON = 0.3
"""Seconds for one attempt, where waiting is the case."""
SLACK = 0.5
"""Seconds by which the end may come late on a busy machine."""
SECRET = "s3cr3t"


def silent(talk: Talk) -> None:
    """Not a byte."""
    talk.gone()


def silent_after_info(talk: Talk) -> None:
    """CONNECT is read and never answered."""
    talk.hello()
    talk.gone()


def deaf_after_info(talk: Talk) -> None:
    """CONNECT is not even read."""
    talk.send(INFO)
    talk.until_closed()


def slow_info(talk: Talk) -> None:
    """A byte now and then, so that it would take a minute."""
    for byte in INFO:
        talk.send(bytes([byte]))
        if talk.is_gone(within=0.05):
            return


def slow_pong(talk: Talk) -> None:
    talk.hello()
    for byte in b"+OK\r\n" * 100:
        talk.send(bytes([byte]))
        if talk.is_gone(within=0.05):
            return


def half_info(talk: Talk) -> None:
    talk.send(INFO[:40])
    talk.gone()


def info_and_info(talk: Talk) -> None:
    """It goes on telling of itself."""
    talk.hello()
    while not talk.is_gone(within=0.01):
        talk.send(INFO)


def pings_only(talk: Talk) -> None:
    talk.hello()
    while not talk.is_gone(within=0.01):
        talk.send(b"PING\r\n")


@pytest.mark.parametrize(
    ("script", "waited_for"),
    [
        (silent, "INFO"),
        (half_info, "INFO"),
        (slow_info, "INFO"),
        (silent_after_info, "answer to CONNECT"),
        (deaf_after_info, "answer to CONNECT"),
        (slow_pong, "answer to CONNECT"),
        (info_and_info, "answer to CONNECT"),
        (pings_only, "answer to CONNECT"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_deadline(runner: Runner, script: Script, waited_for: str) -> None:
    outcome = runner.refuse(script, timeout=SOON)
    assert says(rf"(DialFailed|NoServersLeft): .*no {waited_for} within {SOON:g} s", outcome.report.connected)
    assert re.search(r"127\.0\.0\.1:\d+", outcome.cause)
    assert SOON <= outcome.report.slowest_connect < SOON + SLACK


CUT = "the server closed the connection before the handshake was done|connection reset by peer"


def closed_at_once(talk: Talk) -> None:
    pass


def closed_after_connect(talk: Talk) -> None:
    talk.hello()


def reset_at_once(talk: Talk) -> None:
    talk.reset()


@pytest.mark.parametrize("script", [closed_at_once, closed_after_connect, reset_at_once])
def test_closed(runner: Runner, script: Script) -> None:
    assert says(CUT, runner.refuse(script).report.connected)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (PONG, "Pong before INFO"),
        (b"PING\r\n", "Ping before INFO"),
        (b"+OK\r\n", "Ok before INFO"),
        (message(b"x"), "Message before INFO"),
    ],
)
def test_too_early_for_info(runner: Runner, data: bytes, what: str) -> None:
    def script(talk: Talk) -> None:
        talk.send(data + INFO)
        talk.gone()

    assert says(f"RemoteProtocolError: .*the server sent {what}", runner.refuse(script).report.connected)


def test_message_before_pong(runner: Runner) -> None:
    def script(talk: Talk) -> None:
        talk.hello()
        talk.send(message(b"x") + PONG)
        talk.gone()

    said = runner.refuse(script).report.connected
    assert says("RemoteProtocolError: .*the server sent Message before the answer to CONNECT", said)


@pytest.mark.parametrize(("step", "by_reset"), [(1, False), (9, True)], ids=["closed", "reset"])
def test_ended_at_every_byte_of_the_handshake(runner: Runner, step: int, by_reset: bool) -> None:
    whole = INFO + PONG
    cuts = [*range(0, len(whole), step), len(whole)]

    def script(talk: Talk) -> None:
        cut = cuts[talk.number]
        if cut < len(INFO):
            talk.send(INFO[:cut])
        else:
            talk.hello()
            talk.send(PONG[: cut - len(INFO)])
        if cut == len(whole):
            talk.gone()
        elif by_reset:
            talk.reset()

    report = runner.run(script, until="connected", repeat=len(cuts)).report
    assert report.connected[-1] == ""
    assert len(report.connected) == len(cuts)
    assert all(says(CUT, [said]) for said in report.connected[:-1])


def test_one_byte_a_write(runner: Runner) -> None:
    def script(talk: Talk) -> None:
        for byte in INFO:
            talk.send(bytes([byte]))
        talk.until(b"PING")
        for byte in PONG:
            talk.send(bytes([byte]))
        talk.until(b"SUB")
        for byte in message(b"done"):
            talk.send(bytes([byte]))
        talk.until(b"PUB bye")

    report = runner.recover(script).report
    assert report.delivered == ["done", "probe"]
    assert report.flushed == [""]


# TLS that was asked for, and who else gets to know the password


def plain(talk: Talk) -> None:
    """As a server without TLS behaves, whatever comes."""
    talk.hello()
    talk.send(PONG)
    talk.gone()


def plain_that_requires_tls(talk: Talk) -> None:
    talk.send(info(tls_required=True))
    talk.gone()


def clear_after_info(talk: Talk) -> None:
    """It has TLS, and glues a PONG to INFO."""
    talk.send(info(tls_available=True) + PONG)
    talk.gone()


@pytest.mark.parametrize("script", [plain, plain_that_requires_tls, clear_after_info, silent])
@pytest.mark.parametrize("wish", [{"scheme": "tls"}, {"tls": True}], ids=["url", "options"])
def test_not_a_word_in_clear(runner: Runner, script: Script, wish: dict[str, Any]) -> None:
    outcome = runner.run(script, until="connected", login=f"joe:{SECRET}@", timeout=SOON, **wish)
    assert outcome.report.slowest_connect < SOON + SLACK
    assert says("TLS", outcome.report.connected)
    assert b"CONNECT" not in outcome.received
    assert SECRET.encode() not in outcome.received
    assert SECRET not in json.dumps([outcome.cause, outcome.report.connected])


def test_not_a_word_in_clear_if_the_server_requires_tls(runner: Runner) -> None:
    outcome = runner.run(plain_that_requires_tls, until="connected", login=f"joe:{SECRET}@", timeout=SOON)
    assert says("TLS", outcome.report.connected)
    assert b"CONNECT" not in outcome.received


def test_secrets_are_in_no_word(runner: Runner) -> None:
    """A server, or a proxy, that sends back a part of what it was told."""

    def script(talk: Talk) -> None:
        talk.send(INFO)
        connect = talk.until(b"CONNECT")
        talk.send(connect[connect.index(b'"auth_token"') :] + b"\r\n")
        talk.gone()

    outcome = runner.run(script, until="connected", login=f"{SECRET}@")
    assert says("unknown operation", outcome.report.connected)
    assert SECRET not in json.dumps([outcome.report.connected, [each.text for each in outcome.report.events]])
