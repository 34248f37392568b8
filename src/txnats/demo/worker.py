"""The other processes, as the one that starts them sees them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, fail, succeed
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from txnats.demo.notes import Failed, Note, Progress, decode


class WorkerFailed(Exception):
    """A process could not do its part; the text is for the user."""


class Worker(ProcessProtocol):
    """One process.

    Args:
        name: For texts.
        progressed: Told of each Progress.

    Attributes:
        ended: Fires when the process is gone.
    """

    transport: Any

    def __init__(self, name: str, progressed: Callable[[Progress], None]) -> None:
        self.ended: Deferred[None] = Deferred()
        self._name = name
        self._progressed = progressed
        self._notes: deque[Note] = deque()
        self._waiter: Deferred[Note] | None = None
        self._failure: WorkerFailed | None = None
        self._out = b""
        self._err = b""

    def next(self) -> Deferred[Note]:
        """Its next note, Progress aside. Fails with WorkerFailed when none will come; one call at a time."""
        if self._notes:
            return succeed(self._notes.popleft())
        if self._failure is not None:
            return fail(self._failure)
        self._waiter = Deferred()
        return self._waiter

    def tell_to_end(self) -> None:
        """Let it finish what it has."""
        self.transport.closeStdin()

    def kill(self) -> Deferred[None]:
        """End it now. Gives ``ended``."""
        with contextlib.suppress(ProcessExitedAlready):
            self.transport.signalProcess("KILL")
        return self.ended

    def outReceived(self, data: bytes) -> None:
        *lines, self._out = (self._out + data).split(b"\n")
        for line in lines:
            match decode(line):
                case Progress() as progress:
                    self._progressed(progress)
                case Failed(text):
                    self._fail(text)
                case note:
                    self._notes.append(note)
                    self._feed()

    def errReceived(self, data: bytes) -> None:
        self._err = (self._err + data)[-2000:]

    def processEnded(self, reason: Failure) -> None:
        self._fail(f"the {self._name} ended early: {self._err.decode(errors='replace').strip() or reason.value}")
        self.ended.callback(None)

    def _fail(self, text: str) -> None:
        if self._failure is None:
            self._failure = WorkerFailed(text)
            self._feed()

    def _feed(self) -> None:
        if self._waiter is not None:
            waiter, self._waiter = self._waiter, None
            self.next().chainDeferred(waiter)


class Crew:
    """All processes that were started.

    Args:
        reactor: Starts them.
        url: The server, which they find in their environment: a command line is open to all.
        progressed: Told of each Progress.
    """

    def __init__(self, reactor: Any, url: str, progressed: Callable[[Progress], None]) -> None:
        self._reactor = reactor
        self._environment = {**os.environ, "NATS_URL": url}
        self._progressed = progressed
        self._workers: list[Worker] = []

    def start(self, role: str, subject: str, detail: str = "-") -> Worker:
        """Start a process."""
        worker = Worker(role, self._progressed)
        command = [sys.executable, "-m", "txnats.demo.part", role, subject, detail]
        self._reactor.spawnProcess(worker, sys.executable, command, env=self._environment)
        self._workers.append(worker)
        return worker

    def end(self) -> Deferred[None]:
        """Kill whoever is left; fires when all are gone."""
        return DeferredList([_when(worker.kill()) for worker in self._workers], consumeErrors=True).addCallback(
            lambda _: None
        )


def _when(ended: Deferred[None]) -> Deferred[None]:
    """A Deferred of one's own that fires with another one."""
    mine: Deferred[None] = Deferred()
    ended.addCallback(mine.callback)
    return mine
