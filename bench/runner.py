"""One measured run: a fresh server, its helper, and the client's program in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import IO, Any

from bench import ROOT, server
from bench.contestants import Peer
from bench.job import Job
from bench.workloads import Workload
from txnats.errors import NatsError

TIMEOUT = 180.0
READY = "ready"


class RunFailed(Exception):
    """A program ended without a result; the text is what it last said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run showed. ``value`` is in bytes or seconds, ``cpu_us_per_message`` in microseconds."""

    workload: str
    peer: str
    round: int
    client: str = ""
    runtime: str = ""
    messages: int = 0
    seconds: float = 0.0
    rate: float = 0.0
    cpu_seconds: float = 0.0
    cpu_us_per_message: float = 0.0
    max_rss_bytes: int = 0
    p50_us: float | None = None
    p99_us: float | None = None
    value: float | None = None
    error: str | None = None


def measure(workload: Workload, peer: Peer, count: int, number: int) -> Run:
    """Run ``peer`` on ``workload`` once, in round ``number``. A failure is a result too."""
    try:
        told = _run(workload, peer, count)
    except (RunFailed, NatsError, OSError) as failure:
        return Run(workload=workload.name, peer=peer.name, round=number, error=str(failure))
    messages, seconds = int(told["messages"]), float(told["seconds"])
    return Run(
        workload=workload.name,
        peer=peer.name,
        round=number,
        rate=messages / seconds,
        cpu_us_per_message=told["cpu_seconds"] / messages * 1e6,
        **told,
    )


def _run(workload: Workload, peer: Peer, count: int) -> dict[str, Any]:
    with ExitStack() as stack:
        running, ca = stack.enter_context(
            server.running(jetstream=workload.stored, tls=workload.tls, websocket=workload.websocket)
        )
        job = workload.job(running.url, count, ca)
        url = running.websocket_url if workload.websocket else running.url
        if workload.role == "request":
            responder = stack.enter_context(_program(_helper("responder", job)))
            responder.wait_until_ready()
        if workload.filled:
            with _program(_helper("filler", job)) as filler:
                filler.wait_until_ended()
        client = stack.enter_context(
            _program([*peer.command(workload.role), *replace(job, url=url).words()], pure=workload.pure)
        )
        if workload.role == "subscribe":
            client.wait_until_ready()
            feeder = _program(_helper("feeder", job))
            if workload.live:
                stack.enter_context(feeder)
            else:
                with client.frozen(), feeder as feeding:
                    feeding.wait_until_ended()
        return client.result()


def _helper(name: str, job: Job) -> list[str]:
    return [sys.executable, "-m", f"bench.{name}", *job.words()]


class _Program:
    """A process whose lines we read; it is ended when it takes too long."""

    def __init__(self, process: subprocess.Popen[str], errors: IO[str]) -> None:
        self._process = process
        self._errors = errors

    def wait_until_ready(self) -> None:
        if self._line() != READY:
            raise RunFailed(self._last_words())

    def result(self) -> dict[str, Any]:
        line = self._line()
        if not line.startswith("{"):
            raise RunFailed(self._last_words())
        told: dict[str, Any] = json.loads(line)
        return told

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the process in its tracks for a while."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def wait_until_ended(self) -> None:
        if self._process.wait():
            raise RunFailed(self._last_words())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def _last_words(self) -> str:
        """The last line of the program's errors, without our folder's name."""
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines() or ["it said nothing"]
        return f"exit {self._process.returncode}: {lines[-1]}".replace(str(ROOT), ".")


@contextmanager
def _program(command: list[str], *, pure: bool = False) -> Iterator[_Program]:
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT, env=_environment(pure=pure)
        )
        alarm = threading.Timer(TIMEOUT, process.kill)
        alarm.start()
        try:
            yield _Program(process, errors)
        finally:
            alarm.cancel()
            process.kill()
            process.communicate()


def _environment(*, pure: bool) -> dict[str, str]:
    """Ours, but Python keeps the bytecode that it compiles, as it does in an installed package: each peer the same."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | ({"TXNATS_PURE": "1"} if pure else {})
