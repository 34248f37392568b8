"""Bytes in mid-session that a client has to put up with: the connection serves on, in bounded time and memory."""

from __future__ import annotations

import pytest

from tests.hostile.bytes import ODDITIES, Oddity, send
from tests.hostile.runner import Runner, says
from tests.hostile.server import Talk

LIFE = {"AttemptFailed", "Connected", "Disconnected", "Reconnecting", "Reconnected", "Closed"}


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: oddity.name)
def test_it_serves_on(runner: Runner, oddity: Oddity) -> None:
    def script(talk: Talk) -> None:
        talk.session()
        send(talk, oddity.data)
        talk.stay()

    outcome = runner.recover(script, growth=oddity.growth, processor=oddity.processor, deadline=oddity.deadline)
    report = outcome.report
    assert {kind: count for kind, count in report.counts.items() if kind not in LIFE} == oddity.events
    assert report.delivered[:19] == [*oddity.delivered, "done", "probe"][:19]
    assert len(report.header_errors) == oddity.header_errors
    assert len(report.flushed) == 1
    assert says(oddity.flushed, report.flushed)
    assert report.counts["Disconnected"] == 1
    # One PONG may answer many PINGs; and there are those that flush and keep-alive ask for.
    assert outcome.received.count(b"PONG\r\n") <= outcome.sent // (1 << 14) + 1
    assert says(f"ConnectionLost: .*{oddity.lost}", report.texts("Disconnected"))
