"""Runs a case: servers, the client's process, what must hold of every case, and the line of figures."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.hostile.messages import Job, Report
from tests.hostile.process import ClientProcess
from tests.hostile.server import HostileServer, Script, Talk
from tests.hostile.websocket import WebSocketTalk
from txnats.server import NatsServer

MIB = 1 << 20
GROWTH = 4 * MIB
"""Bytes that resident memory may grow by when no limit of the case's own says otherwise."""
_SLOWED = 4.0
"""Tracing, as coverage does it, makes the client so much slower and may make it larger."""
_ADDRESS = re.compile(r" \[(?:nats|ws)://127\.0\.0\.1:\d+\]")
_SNIPPET = 320
"""Characters of an error: what it says, and 32 bytes of what came, each of which may take four characters."""

BETWEEN = 0.008


class Outcome:
    """A report, and what the hostile servers have seen.

    Attributes:
        connections: Made to each hostile server.
    """

    def __init__(self, report: Report, servers: list[HostileServer]) -> None:
        self.report = report
        self.connections = [len(server.talks) for server in servers]
        self.sent = sum(server.sent for server in servers)
        self.received = b"".join(server.received for server in servers)

    @property
    def cause(self) -> str:
        """Why it ended: the client's last word, of a loss or of an attempt."""
        report = self.report
        said = [*report.connected, *report.texts("Disconnected"), *report.texts("Closed")]
        return next((each for each in reversed(said) if each), "")


class Runner:
    """Runs cases.

    Args:
        name: How the figures call it.
        client: Where the client runs.
        healthy: A real server.
    """

    def __init__(self, name: str, client: ClientProcess, healthy: NatsServer) -> None:
        self._name = name
        self._client = client
        self._healthy = healthy

    @property
    def healthy_port(self) -> int:
        return self._healthy.port

    def run(
        self,
        *scripts: Script,
        until: Any,
        healthy: bool = False,
        growth: int = GROWTH,
        processor: float | None = None,
        login: str = "",
        scheme: str = "nats",
        **options: Any,
    ) -> Outcome:
        """Run one, and check what holds of all: it ends in time, in bounds, and leaves nothing behind.

        Args:
            scripts: One hostile server each; first in the pool.
            until: What ends it.
            healthy: Whether the real server stands last in the pool.
            growth: Bytes of memory that it may cost.
            processor: Seconds of processor time that it may cost.
            login: What stands before ``@`` in the URLs.
            scheme: Theirs.
            options: Further fields of the Job.
        """
        with ExitStack() as stack:
            talk = WebSocketTalk if scheme == "ws" else Talk
            servers = [stack.enter_context(HostileServer(script, talk)) for script in scripts]
            names_at = servers[0].port if options.pop("names", False) else 0
            urls = [f"{scheme}://{login}127.0.0.1:{server.port}" for server in servers]
            urls += [f"{'nats' if scheme == 'ws' else scheme}://{login}127.0.0.1:{self._healthy.port}"] * healthy
            job = Job(servers=urls, until=until, names_at=names_at, **options)
            report = self._client.run(job)
        outcome = Outcome(report, servers)
        self._tell(outcome)
        assert report.ended, f"not within {job.deadline:g} s: {report}"
        assert report.growth < growth, f"{report.growth / MIB:.1f} MiB"
        assert not report.left
        assert not report.logged
        if processor is not None:
            bound = processor * (_SLOWED if report.slowed else 1.0)
            assert report.processor < bound, f"{report.processor:.3f} s of processor time"
        return outcome

    def recover(self, script: Script, **options: Any) -> Outcome:
        """The hostile server does its worst after a SUB; then messages flow again, over the healthy one."""
        outcome = self.run(script, until="recovered", healthy=True, **options)
        report = outcome.report
        assert report.connected == [""]
        assert report.texts("Reconnected")[-1].endswith(f":{self._healthy.port}')")
        assert outcome.connections == [1]
        return outcome

    def refuse(self, script: Script, **options: Any) -> Outcome:
        """Alone, it lets nobody in and ``connect`` says why; with the healthy server behind it there is a client."""
        outcome = self.run(script, until="connected", **options)
        assert outcome.report.connected[0]
        assert outcome.connections == [1]
        assert [told.kind for told in outcome.report.events] == ["AttemptFailed", "Closed"]
        rescued = self.run(script, until="connected", healthy=True, **options)
        assert rescued.report.connected == [""]
        return outcome

    def _tell(self, outcome: Outcome) -> None:
        report = outcome.report
        figures = {
            "case": self._name,
            "ended": report.ended,
            "seconds": round(report.seconds, 3),
            "processor": round(report.processor, 3),
            "growth_kib": report.growth >> 10,
            "offered_kib": outcome.sent >> 10,
            "connections": sum(outcome.connections),
            "cause": outcome.cause[:200],
        }
        line = json.dumps(figures)
        print(line)
        file = os.environ.get("TXNATS_FIGURES")
        if file:
            with Path(file).open("a") as figures_file:
                figures_file.write(line + "\n")


def at_least(waits: list[float], least: list[float]) -> bool:
    """Whether there are as many waits as expected, and each is long enough.

    A wait begins a little before its event is written down: on a busy machine by some milliseconds.
    """
    return len(waits) == len(least) and all(wait >= each - BETWEEN for wait, each in zip(waits, least, strict=True))


def says(pattern: str, texts: Iterable[str]) -> bool:
    """Whether one of the texts, the server's address aside, holds the pattern.

    None of them may show more than a snippet of what came.
    """
    plain = [_ADDRESS.sub("", text) for text in texts]
    assert all(len(text) < _SNIPPET for text in plain), plain
    return any(re.search(pattern, text, re.DOTALL) for text in plain)
