"""One run of the nats-server program: a process, the thread that reads its log, the thread that waits for its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

from txnats.server.errors import ServerUnavailable
from txnats.server.guard import Guard
from txnats.server.log import ServerLog

_KILL_TIMEOUT = 10.0
_LOG_TIMEOUT = 1.0


class Child:
    """A process that runs from when this is made until ``ended`` is set.

    Attributes:
        ended: Set once the process is reaped and its log read to the end.
    """

    def __init__(self, command: Sequence[str], log: ServerLog) -> None:
        self.ended = threading.Event()
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise ServerUnavailable("nats-server cannot be run", where=command[0], why=str(error)) from error
        try:
            self._guard = Guard(self._process.pid)
            self._follow(log)
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise

    def _follow(self, log: ServerLog) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        log.attach()
        reader = threading.Thread(target=log.drain, args=(pipe,), name="nats-server log", daemon=True)
        reader.start()
        threading.Thread(target=self._reap, args=(reader,), name="nats-server end", daemon=True).start()

    def _reap(self, reader: threading.Thread) -> None:
        # By its exit, not by the end of its log: a fork of ours may hold the pipe open for longer.
        try:
            self._process.wait()
            reader.join(_LOG_TIMEOUT)
            self._guard.dismiss()
        finally:
            self.ended.set()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int:
        """Negative for the signal that ended it; it has none before ``ended``."""
        return self._process.returncode

    def send(self, number: signal.Signals) -> None:
        """Send a signal; a process that has ended is left alone."""
        self._process.send_signal(number)

    def suspend(self) -> None:
        """Stop it, and wait until it does stop."""
        self.send(signal.SIGSTOP)
        if sys.platform == "linux":
            try:
                os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            except ChildProcessError:
                return  # it ended and was reaped meanwhile

    def terminate(self, timeout: float) -> None:
        """Ask it to end; make it end if it has not within ``timeout`` seconds."""
        self.send(signal.SIGTERM)
        if os.name == "posix":
            self.send(signal.SIGCONT)  # a suspended process would not hear the request
        if not self.ended.wait(timeout):
            self.kill()

    def kill(self) -> None:
        """End it at once, and wait until it has ended."""
        self._process.kill()
        if not self.ended.wait(_KILL_TIMEOUT):
            raise ServerUnavailable("nats-server does not end", why=f"process {self.pid} outlived a SIGKILL")
