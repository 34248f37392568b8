"""A client in a process of its own, so that its memory can be read and it can be stopped."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import deque
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from txnats.errors import NatsError


class ChildFailed(NatsError):
    """The process ended before its time."""


class Child(ProcessProtocol):
    """Runs a function of ``clients.py``. It says JSON lines; ``say`` answers it with one.

    Coverage is not measured there: it would be its memory that is measured.
    """

    def __init__(self, reactor: Any, program: str, **arguments: Any) -> None:
        self.ended: Deferred[None] = Deferred()
        self._lines: deque[dict[str, Any]] = deque()
        self._waiter: Deferred[dict[str, Any]] | None = None
        self._data = b""
        self._errors = b""
        self._over: ChildFailed | None = None
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        command = [sys.executable, "-m", "tests.promises.clients", program, json.dumps(arguments)]
        self._process = reactor.spawnProcess(self, sys.executable, command, env=environment)

    def next(self) -> Deferred[dict[str, Any]]:
        """The next thing that it says."""
        if self._lines:
            return succeed(self._lines.popleft())
        self._waiter = Deferred()
        waiter = self._waiter
        if self._over is not None:
            self._tell_end()
        return waiter

    def say(self, **values: Any) -> None:
        """Tell it something."""
        self._process.write(json.dumps(values).encode() + b"\n")

    def stop(self) -> None:
        """Let it stand still."""
        self._process.signalProcess(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self._process.signalProcess(signal.SIGCONT)

    def kill(self) -> Deferred[None]:
        """End it; it may have ended."""
        if self._over is None:
            self._process.signalProcess(signal.SIGKILL)
        done: Deferred[None] = Deferred()
        self.ended.addCallback(lambda _: done.callback(None))
        return done

    def outReceived(self, data: bytes) -> None:
        *lines, self._data = (self._data + data).split(b"\n")
        self._lines.extend(map(json.loads, lines))
        if self._waiter is not None and self._lines:
            waiter, self._waiter = self._waiter, None
            waiter.callback(self._lines.popleft())

    def errReceived(self, data: bytes) -> None:
        self._errors = (self._errors + data)[-10_000:]

    def processEnded(self, reason: Failure) -> None:
        words = "it ended" if reason.check(ProcessDone) else reason.getErrorMessage()
        self._over = ChildFailed(words, why=self._errors.decode(errors="replace"))
        self._tell_end()
        self.ended.callback(None)

    def _tell_end(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            assert self._over is not None
            waiter.errback(self._over)
