"""From a configuration to a server that says it is ready, or to the reason why not."""

from __future__ import annotations

from time import monotonic

from txnats.server.child import Child
from txnats.server.config import ServerConfig
from txnats.server.errors import PortInUse, ServerUnavailable
from txnats.server.log import ServerLog
from txnats.server.waiting import wait_until
from txnats.server.workspace import Workspace

_READY = "Server is ready"
_TAIL = 25
_LAST_WORDS = 0.5


def launch(binary: str, config: ServerConfig, *, workspace: Workspace, log: ServerLog, timeout: float) -> Child:
    """Start it and wait until it is ready and has told its ports.

    Raises:
        ServerUnavailable: It ended, or was not ready within ``timeout`` seconds; nothing is left running.
    """
    deadline = monotonic() + timeout
    start = log.position
    workspace.forget_ports()
    child = Child([binary, "-c", workspace.write(config), "--ports_file_dir", workspace.folder], log)
    try:
        # The ports are told after the line, when the listener for routes is there too.
        ready = log.wait_for(_READY, since=start, timeout=timeout) is not None and wait_until(
            lambda: bool(workspace.ports(child.pid)), deadline=deadline, ended=child.ended
        )
        if not ready:
            raise _not_ready(child, log, start, timeout)
    except BaseException:
        child.kill()
        raise
    return child


def _not_ready(child: Child, log: ServerLog, start: int, timeout: float) -> ServerUnavailable:
    # A process on its way out looks like one that hangs, for a moment.
    ended = child.ended.wait(_LAST_WORDS)
    tail = log.tail(min(_TAIL, log.position - start))
    if "address already in use" in tail:
        return PortInUse("nats-server cannot start", why="a port that it has to listen on is taken", log=tail)
    why = f"it ended with exit code {child.exit_code}" if ended else f"it was not ready within {timeout:g} s"
    return ServerUnavailable("nats-server cannot start", why=why, log=tail)
