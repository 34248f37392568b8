"""A tiny process that ends a server whose parent died without a word: by SIGKILL, a crash, or ``os._exit``."""

from __future__ import annotations

import os
import subprocess

# `read` gets a line when the parent says goodbye, and end-of-file when it is gone. A Ctrl-C in the terminal reaches us
# as well: it must not end us before the server has ended.
_SCRIPT = "trap '' HUP INT TERM QUIT; read -r line || kill -KILL \"$1\""


class Guard:
    """Watches over one process until it is dismissed; files are left alone. Elsewhere than on POSIX it does nothing."""

    def __init__(self, pid: int) -> None:
        self._shell: subprocess.Popen[bytes] | None = None
        if os.name == "posix":
            self._shell = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT, "nats-server-guard", str(pid)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
            )

    def dismiss(self) -> None:
        """End it, and leave the watched process alone. Call it once that process is reaped: its id may be reused."""
        shell, self._shell = self._shell, None
        if shell is None:
            return
        try:
            shell.communicate(b"bye\n")
        finally:
            if shell.poll() is None:
                shell.kill()
                shell.wait()
