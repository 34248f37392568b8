"""Bytes that break the protocol: the connection ends, the cause is told, memory is bounded, the next server takes over.

Each row comes in four places: for INFO, for the first PONG, in one piece with the first PONG, and in mid-session.
"""

from __future__ import annotations

import pytest

from tests.hostile.bytes import FAULTS, Fault, send
from tests.hostile.runner import Runner, at_least, says
from tests.hostile.server import PONG, Talk

ATTEMPTS = 3


@pytest.fixture(params=FAULTS, ids=lambda fault: fault.name)
def fault(request: pytest.FixtureRequest) -> Fault:
    row: Fault = request.param
    return row


def test_for_info(runner: Runner, fault: Fault) -> None:
    def script(talk: Talk) -> None:
        send(talk, fault.data)
        talk.gone()

    outcome = runner.refuse(script)
    assert says(f"RemoteProtocolError: .*{fault.cause}", outcome.report.connected)
    assert b"CONNECT" not in outcome.received


def test_for_pong(runner: Runner, fault: Fault) -> None:
    def script(talk: Talk) -> None:
        talk.hello()
        send(talk, fault.data)
        talk.gone()

    outcome = runner.refuse(script)
    assert says(f"RemoteProtocolError: .*{fault.cause}", outcome.report.connected)


def test_with_pong_each_time(runner: Runner, fault: Fault) -> None:
    def script(talk: Talk) -> None:
        talk.hello()
        send(talk, PONG + fault.data if isinstance(fault.data, bytes) else PONG)
        send(talk, fault.data)
        talk.gone()

    outcome = runner.run(script, until="closed", max_attempts=ATTEMPTS)
    report = outcome.report
    assert outcome.connections == [ATTEMPTS]
    assert says(f"RemoteProtocolError: .*{fault.cause}", report.texts("Closed"))
    assert len(report.texts("Disconnected")) == ATTEMPTS
    assert at_least(report.waits(), [0.019, 0.039])
    assert not report.delivered


def test_in_mid_session(runner: Runner, fault: Fault) -> None:
    def script(talk: Talk) -> None:
        talk.session()
        send(talk, fault.data)
        talk.gone()

    report = runner.recover(script).report
    assert says(f"RemoteProtocolError: .*{fault.cause}", report.texts("Disconnected"))
    assert report.delivered == ["probe"]
