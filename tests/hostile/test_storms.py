"""Servers that make a client come back: attempts are counted and waits grow, whatever the server does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.hostile.runner import MIB, Runner, at_least, says
from tests.hostile.server import INFO, PONG, Script, Talk, info, message

BOOM = b"BOOM\r\n"
ATTEMPTS = 5
WAITS = [0.019, 0.039, 0.079, 0.079]
"""Seconds, a hair less: the first wait is 0.02, it doubles, and it ends at 0.08."""
WHILE = 1.5
"""Seconds for which a case that has no end is watched."""
MOST = 25
"""Connections within that time, of one or two servers: there are waits of 0.1 s and more between the passes."""


def accepts_and_closes(talk: Talk) -> None:
    pass


def takes_connect_and_closes(talk: Talk) -> None:
    talk.hello()


def resets(talk: Talk) -> None:
    talk.reset()


def takes_us_in_and_closes(talk: Talk) -> None:
    talk.greet()


def takes_us_in_and_resets(talk: Talk) -> None:
    talk.greet()
    talk.reset()


def takes_our_subscriptions_and_closes(talk: Talk) -> None:
    talk.greet()
    talk.until(b"SUB")


def first(then: Script) -> Script:
    """The first connection lives until it has subscribed; the later ones get this."""

    def script(talk: Talk) -> None:
        if talk.number:
            then(talk)
        else:
            talk.session()

    return script


@pytest.mark.parametrize("script", [accepts_and_closes, takes_connect_and_closes, resets])
def test_nobody_gets_in(runner: Runner, script: Script) -> None:
    outcome = runner.run(script, until="connected", retry_on_first_connect=True, max_attempts=ATTEMPTS, max_wait=0.08)
    assert outcome.connections == [ATTEMPTS]
    assert outcome.report.slowest_connect >= sum(WAITS)
    assert says("NoServersLeft: .*(closed the connection before|reset by peer)", outcome.report.connected)


@pytest.mark.parametrize("script", [accepts_and_closes, takes_connect_and_closes, resets])
def test_nobody_gets_in_again(runner: Runner, script: Script) -> None:
    outcome = runner.run(first(script), until="closed", max_attempts=ATTEMPTS, max_wait=0.08)
    assert outcome.connections == [ATTEMPTS]
    assert at_least(outcome.report.waits(), WAITS)
    assert says("NoServersLeft: .*(closed the connection before|reset by peer)", outcome.report.texts("Closed"))


@pytest.mark.parametrize("script", [takes_us_in_and_closes, takes_us_in_and_resets, takes_our_subscriptions_and_closes])
def test_nobody_stays(runner: Runner, script: Script) -> None:
    outcome = runner.run(script, until="closed", max_attempts=ATTEMPTS, max_wait=0.08)
    report = outcome.report
    assert outcome.connections == [ATTEMPTS]
    assert report.counts["Disconnected"] == ATTEMPTS
    assert at_least(report.waits(), WAITS)
    assert says("ConnectionLost: .*the server closed the connection", report.texts("Closed"))


def test_a_hostile_and_a_dead_server(runner: Runner) -> None:
    """Two that drop us are two servers with strikes of their own, and one pass over both has one wait."""
    outcome = runner.run(
        takes_us_in_and_closes, accepts_and_closes, until="closed", max_attempts=ATTEMPTS, max_wait=0.08
    )
    assert outcome.connections == [ATTEMPTS, ATTEMPTS]
    assert sum(outcome.report.waits()) >= sum(WAITS)


def test_a_megabyte_of_bad_info_each_time(runner: Runner) -> None:
    """An error that is kept keeps no bytes."""
    bad = info(x="a" * (MIB - 1000), version=1)

    def script(talk: Talk) -> None:
        talk.greet()
        talk.send(bad)
        talk.gone()

    outcome = runner.run(script, until="closed", max_attempts=20, max_wait=0.02, growth=8 * MIB)
    assert outcome.connections == [20]
    assert says(r"`\$\.version`", outcome.report.texts("Closed"))


# Servers that a hostile one announces


def announcing(names: Callable[[int], list[str]]) -> Script:
    """Takes us in, announces servers, drops us."""

    def script(talk: Talk) -> None:
        talk.greet(info(connect_urls=names(talk.number)))
        talk.send(BOOM)
        talk.gone()

    return script


def test_other_names_of_itself(runner: Runner) -> None:
    """Six names make six servers, and one pass over them has one wait: at 0, 0.1, 0.3, 0.7 and 1.5 seconds."""
    names = [f"alias{number}.test:4222" for number in range(5)]
    outcome = runner.run(
        announcing(lambda _: names), until="deadline", deadline=WHILE, names=True, first_wait=0.1, max_wait=5.0
    )
    assert outcome.connections[0] <= 5 * 6
    assert says("RemoteProtocolError: .*unknown operation", outcome.report.texts("Disconnected"))


def test_ever_new_names_of_itself(runner: Runner) -> None:
    outcome = runner.run(
        announcing(lambda number: [f"alias{number}.test:4222"]),
        until="deadline",
        deadline=WHILE,
        names=True,
        first_wait=0.1,
        max_wait=5.0,
    )
    assert outcome.connections[0] <= MOST


def test_itself(runner: Runner) -> None:
    """By the place where it is configured, and by others of the same place."""

    def script(talk: Talk) -> None:
        port = talk.peer.getsockname()[1]
        talk.session(info(connect_urls=[f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}"]))
        talk.send(BOOM)
        talk.gone()

    outcome = runner.recover(script)
    assert outcome.report.counts["ServersDiscovered"] == 1


@pytest.mark.parametrize("count", [10, 10_000])
def test_hosts_that_are_none(runner: Runner, count: int) -> None:
    """The healthy server, which is configured, is not crowded out."""
    urls = [f"127.{host >> 16}.{host >> 8 & 255}.{host & 255}:1" for host in range(256, 256 + count)]

    def script(talk: Talk) -> None:
        talk.session(info(connect_urls=urls))
        talk.send(BOOM)
        talk.gone()

    report = runner.recover(script).report
    assert report.counts["Reconnecting"] == 1


# Servers that say that they are about to go


def ducks(talk: Talk) -> None:
    """Lame from the first word on, and for ever."""
    talk.session(info(ldm=True))
    talk.gone()


def ducks_again_and_again(talk: Talk) -> None:
    talk.session()
    talk.send(info(ldm=True) * 1_000)
    talk.gone()


def ducks_and_goes(talk: Talk) -> None:
    talk.session()
    talk.send(info(ldm=True))


@pytest.mark.parametrize("script", [ducks, ducks_again_and_again, ducks_and_goes])
def test_lame_duck(runner: Runner, script: Script) -> None:
    """The healthy server takes over."""
    report = runner.recover(script).report
    assert report.counts["LameDuck"] == 1
    assert report.delivered == ["probe"]


def test_lame_duck_alone(runner: Runner) -> None:
    """There is nobody to move to: it is told once, and the connection serves on."""

    def script(talk: Talk) -> None:
        talk.session(info(ldm=True))
        talk.send(info(ldm=True) * 1_000 + message(b"done"))
        talk.until(b"PUB bye")
        talk.send(INFO + info(ldm=True))
        talk.gone()

    outcome = runner.run(script, until="deadline", deadline=0.8)
    report = outcome.report
    assert outcome.connections == [1]
    assert report.delivered == ["done"]
    assert report.flushed == [""]
    assert report.counts["LameDuck"] == 1


def test_two_lame_ducks(runner: Runner) -> None:
    """Each sends us to the other."""

    def script(talk: Talk) -> None:
        talk.greet(info(ldm=True))
        talk.serve()

    outcome = runner.run(script, script, until="deadline", deadline=WHILE, first_wait=0.1)
    assert sum(outcome.connections) <= MOST


def test_successors_that_drop_us(runner: Runner) -> None:
    """The lame one serves on while the others turn us away."""

    def script(talk: Talk) -> None:
        talk.session(info(ldm=True))
        talk.serve()

    outcome = runner.run(script, takes_us_in_and_closes, accepts_and_closes, until="deadline", deadline=WHILE)
    assert outcome.connections[0] <= 2
    assert sum(outcome.connections) <= MOST


# Silence


def test_a_payload_that_does_not_end(runner: Runner) -> None:
    """Begun and never finished: the keep-alive finds out."""

    def script(talk: Talk) -> None:
        talk.session()
        talk.send(b"MSG it 1 60000000\r\n" + bytes(MIB))
        talk.gone()

    report = runner.recover(script, ping_interval=0.1, growth=8 * MIB).report
    assert says("StaleConnection: .*no byte came for 0.3 s in spite of PINGs", report.texts("Disconnected"))
    assert report.delivered == ["probe"]


def test_deaf_and_dumb_in_mid_session(runner: Runner) -> None:
    def script(talk: Talk) -> None:
        talk.session()
        talk.until_closed()

    report = runner.recover(script, ping_interval=0.1).report
    assert says("StaleConnection: .*no byte came for 0.3 s", report.texts("Disconnected"))


def test_successor_without_a_word(runner: Runner) -> None:
    """The first is lost, the second says nothing, the third is healthy."""

    def loses(talk: Talk) -> None:
        talk.session()

    outcome = runner.run(loses, lambda talk: talk.gone(), until="recovered", healthy=True, timeout=0.3)
    assert outcome.connections == [1, 1]
    assert PONG not in outcome.received
