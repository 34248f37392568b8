"""The command as a user meets it: a process, what it prints, and its exit status."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

CTRL_C = b"\x03"
SOURCE = Path(__file__).parents[2] / "src"
PATIENCE = 60.0
"""Seconds after which a process is ended: no measure of anything."""


class Ran(msgspec.Struct, frozen=True):
    """How a process has ended."""

    status: int
    output: bytes
    errors: str

    @property
    def text(self) -> str:
        return self.output.decode()

    @property
    def value(self) -> Any:
        """The one line of JSON."""
        (line,) = self.text.splitlines()
        return json.loads(line)

    @property
    def values(self) -> list[Any]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def facts(self) -> dict[str, str]:
        """The fields of a record, as people read them."""
        pairs = (line.partition(":") for line in self.text.splitlines() if ":" in line)
        return {name.strip(): value.strip() for name, _, value in pairs}


@dataclass
class Command:
    """``txnats`` against one server, with contexts of its own."""

    url: str
    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def env(self, **changes: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("NATS_", "TXNATS_"))}
        ours = {"PYTHONPATH": str(SOURCE), "PYTHONWARNINGS": "error", "XDG_CONFIG_HOME": str(self.home), "TZ": "UTC"}
        server = {"NATS_URL": self.url} if self.url else {}
        return {**kept, **ours, **server, **self.environment, **changes}

    def __call__(self, *arguments: str, stdin: bytes = b"", **changes: str) -> Ran:
        ended = subprocess.run(
            _line(arguments), input=stdin, capture_output=True, timeout=PATIENCE, env=self.env(**changes), check=False
        )
        return Ran(ended.returncode, ended.stdout, ended.stderr.decode())

    def well(self, *arguments: str, stdin: bytes = b"", **changes: str) -> Ran:
        """Run it; it succeeds, and has nothing to complain of."""
        ran = self(*arguments, stdin=stdin, **changes)
        assert (ran.status, ran.errors) == (0, ""), (arguments, ran)
        return ran

    def badly(self, *arguments: str, stdin: bytes = b"", status: int = 1, **changes: str) -> str:
        """Run it; it fails, with one line that is returned, and prints nothing."""
        ran = self(*arguments, stdin=stdin, **changes)
        assert (ran.status, ran.output) == (status, b""), (arguments, ran)
        (line,) = ran.errors.splitlines()
        return line

    @contextmanager
    def running(self, *arguments: str, **changes: str) -> Iterator[Running]:
        """Have it run meanwhile."""
        process = subprocess.Popen(
            _line(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env(**changes),
        )
        running = Running(process)
        try:
            yield running
        finally:
            running.kill()

    def terminal(self, *arguments: str, typed: bytes = b"", until: bytes = b"", **changes: str) -> tuple[int, str]:
        """Run it with a terminal on all three sides; its exit status and what was shown.

        Args:
            arguments: What is typed behind txnats.
            typed: What is typed while it runs, once ``until`` is shown.
            until: What is waited for.
            changes: To the environment.
        """
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            _line(arguments),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=self.env(TERM="xterm", COLUMNS="120", **changes),
            start_new_session=True,
            preexec_fn=_own_terminal,
        )
        os.close(theirs)
        timer = threading.Timer(PATIENCE, process.kill)
        timer.start()
        shown = b""
        was_typed = False
        try:
            while True:
                silent = not select.select([ours], [], [], 1.0)[0]
                if silent and was_typed and typed == CTRL_C:
                    # It came between Python's last look for signals and its wait for a line.
                    os.write(ours, typed)
                if silent:
                    continue
                shown += os.read(ours, 65536)
                if typed and until in shown and not was_typed:
                    os.write(ours, typed)
                    was_typed = True
        except OSError:
            pass  # this is how a terminal ends whose other side is gone
        finally:
            os.close(ours)
            status = process.wait(PATIENCE)
            timer.cancel()
        return status, shown.decode()


class Running:
    """A command that runs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._timer = threading.Timer(PATIENCE, process.kill)
        self._timer.start()

    def shows(self, sign: str) -> str:
        """Wait for a line of its output with this in it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if sign in line.decode():
                return line.decode()
        raise AssertionError(f"it never showed {sign!r}: {self.end()}")

    def complains(self, sign: str) -> str:
        """Wait for a line of its complaints with this in it."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if sign in line.decode():
                return line.decode()
        raise AssertionError(f"it never complained of {sign!r}: {self.end()}")

    def interrupt(self) -> Ran:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return self.end()

    def end(self) -> Ran:
        """Wait for its end."""
        output, errors = self.process.communicate(timeout=PATIENCE)
        return Ran(self.process.returncode, output, errors.decode())

    def kill(self) -> None:
        self._timer.cancel()
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None and not stream.closed:
                stream.close()
        self.process.wait(PATIENCE)


def _line(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "txnats.cli", *arguments]


def _own_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
