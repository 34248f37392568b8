"""The client's process, seen from the test."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

import msgspec

from tests.hostile.messages import Job, Report

_ROOT = Path(__file__).parents[2]
_GRACE = 6.0
"""Seconds after a job's deadline: a process that has not answered by then hangs, and is killed."""


class Hung(AssertionError):
    """The client's process did not answer, or ended."""


class ClientProcess:
    """Runs jobs. One that hangs or dies fails its own case, and the next case gets a new process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._reader: threading.Thread | None = None

    def run(self, job: Job) -> Report:
        process = self._process or self._start()
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(job) + b"\n")
        process.stdin.flush()
        try:
            line = self._lines.get(timeout=job.deadline + _GRACE)
        except queue.Empty:
            line = b""
        if not line:
            raise Hung(f"no answer within {job.deadline + _GRACE:g} s; exit status {self.stop(kill=True)}")
        return msgspec.json.decode(line, type=Report)

    def stop(self, *, kill: bool = False) -> int | None:
        process, self._process = self._process, None
        if process is None or self._reader is None:
            return None
        assert process.stdin is not None
        assert process.stdout is not None
        ended = process.poll()
        if kill:
            process.kill()
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._reader.join()
        process.stdout.close()
        return ended

    def _start(self) -> subprocess.Popen[bytes]:
        lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._lines = lines
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.application"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            env={**os.environ, "MALLOC_ARENA_MAX": "1", "PYTHONPATH": str(_ROOT / "src")},
        )

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                lines.put(line)
            lines.put(b"")

        self._process = process
        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()
        return process
