"""A nats-server process: started, stopped, killed, suspended and started again on the ports that it had."""

from __future__ import annotations

import os
import signal
import threading
import weakref
from typing import Any, Self

import msgspec

from txnats.errors import OperationTimeout
from txnats.server import monitor
from txnats.server.child import Child
from txnats.server.config import LOOPBACK, ServerConfig
from txnats.server.errors import ReloadRefused, ServerUnavailable
from txnats.server.find import find_nats_server
from txnats.server.launch import launch
from txnats.server.log import ServerLog
from txnats.server.workspace import Workspace, with_ports

_TAIL = 25
_ANSWER_TIMEOUT = 5.0


class NatsServer:
    """A real server on this machine. It never outlives the process that made it.

    Ports are chosen at the first start and kept: what comes back comes back at the same address. JetStream's store
    survives ``kill`` and ``restart`` and is removed by ``stop``, unless ``store_dir`` was given. ``start`` may be
    called again after either. The methods may be called from any thread. Suspending, lame duck and reloading need
    POSIX.

    Args:
        config: What the server is told.
        binary: The program; by default what ``find_nats_server`` finds.
        log_file: A file that the log is appended to.
        start_timeout: Seconds that the server has to become ready.
        options: Fields of ``ServerConfig``, on top of ``config``.
    """

    def __init__(
        self,
        config: ServerConfig | None = None,
        *,
        binary: str | None = None,
        log_file: str | None = None,
        start_timeout: float = 10.0,
        **options: Any,
    ) -> None:
        self._config = msgspec.structs.replace(config or ServerConfig(), **options)
        self._binary = binary
        self._start_timeout = start_timeout
        self._log = ServerLog(log_file)
        self._lock = threading.RLock()
        self._store_in_use = False
        self._belongings = _Belongings()
        weakref.finalize(self, self._belongings.abandon)

    def __repr__(self) -> str:
        where = self._config.port if self._config.port > 0 else "no port yet"
        pid = self.pid
        return f"<NatsServer {self.host}:{where} {'not running' if pid is None else f'running as {pid}'}>"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc_info: object) -> None:
        self.stop()

    # -- what it is

    @property
    def config(self) -> ServerConfig:
        """What it is told, with the ports that it has."""
        return self._config

    @property
    def host(self) -> str:
        """An address at which this machine reaches it."""
        return {"0.0.0.0": LOOPBACK, "::": "::1"}.get(self._config.host, self._config.host)

    @property
    def port(self) -> int:
        return _chosen(self._config.port)

    @property
    def url(self) -> str:
        """``nats://`` or ``tls://``, without credentials."""
        return _url("tls" if self._config.tls else "nats", self.host, self.port)

    @property
    def websocket_url(self) -> str:
        _need(self._config.websocket, "websocket=True")
        return _url("wss" if self._config.tls else "ws", self.host, _chosen(self._config.websocket_port))

    @property
    def monitoring_url(self) -> str:
        _need(self._config.monitoring, "monitoring=True")
        return _url("http", LOOPBACK, _chosen(self._config.monitoring_port))

    @property
    def pid(self) -> int | None:
        """None while it is not running."""
        child = self._belongings.child
        return child.pid if child is not None and not child.ended.is_set() else None

    @property
    def running(self) -> bool:
        """A suspended one is running."""
        return self.pid is not None

    @property
    def log(self) -> str:
        """The last lines of all its runs, up to half a megabyte."""
        return self._log.tail()

    def log_tail(self, lines: int = _TAIL) -> str:
        return self._log.tail(lines)

    def monitor(self, path: str, *, timeout: float = _ANSWER_TIMEOUT) -> Any:
        """The answer of the monitoring port to ``path``, such as ``/connz``; MonitorFailed if there is none."""
        _need(self._config.monitoring, "monitoring=True")
        return monitor.ask(LOOPBACK, _chosen(self._config.monitoring_port), path, timeout=timeout)

    # -- its life

    def start(self) -> Self:
        """Start it and wait until it says that it is ready; a running one is left as it is.

        Raises:
            PortInUse: A port that it has to listen on is taken.
            ServerUnavailable: It ended, or was not ready in time and was killed. The error carries the log.
            ServerNotFound: There is no nats-server.
        """
        with self._lock:
            if not self.running:
                try:
                    self._launch()
                except BaseException:
                    if not self._store_in_use:
                        self._belongings.workspace.remove()
                    raise
            return self

    def stop(self, timeout: float = 10.0) -> None:
        """Ask it to end, insist with SIGKILL after ``timeout`` seconds, remove its folder. It may have stopped."""
        with self._lock:
            self._terminate(timeout)
            self._store_in_use = False
            self._belongings.workspace.remove()

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would. Its folder stays, for ``start``."""
        with self._lock:
            if self._belongings.child is not None:
                self._belongings.child.kill()

    def restart(self, timeout: float = 10.0) -> None:
        """End it in good order if it runs, and start it with the same ports and store."""
        with self._lock:
            self._terminate(timeout)
            self.start()

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends by itself, and return its exit code: negative for the signal that ended it.

        Raises:
            OperationTimeout: It still runs after ``timeout`` seconds.
        """
        child = self._child()
        if not child.ended.wait(timeout):
            raise OperationTimeout("the end of nats-server", timeout=timeout or 0.0)
        return child.exit_code

    # -- what can befall it

    def suspend(self) -> None:
        """Freeze it: its sockets stay open and nothing answers."""
        with self._lock:
            self._live().suspend()

    def resume(self) -> None:
        """Let it go on after ``suspend``."""
        with self._lock:
            self._live().send(signal.SIGCONT)

    def lame_duck(self) -> None:
        """Tell it to send its clients away, and wait until it has begun to. Without clients it ends at once."""
        with self._lock:
            self._tell(signal.SIGUSR2, "Entering lame duck mode")

    def reload(self, config: ServerConfig | None = None, **options: Any) -> None:
        """Give the running server a changed configuration, and wait until it has taken it. Its ports stay.

        Raises:
            ReloadRefused: It keeps the old one.
        """
        with self._lock:
            pid = self._live().pid
            workspace = self._belongings.workspace
            new = with_ports(msgspec.structs.replace(config or self._config, **options), workspace.ports(pid))
            workspace.write(new)
            refusal = "Failed to reload server configuration: "
            line = self._tell(signal.SIGHUP, "Reloaded server configuration", refusal)
            if refusal in line:
                workspace.write(self._config)
                raise ReloadRefused(line.partition(refusal)[2], where=self.url)
            self._config = new

    # -- how

    def _launch(self) -> None:
        workspace = self._belongings.workspace
        self._belongings.child = child = launch(
            self._binary or find_nats_server(),
            self._config,
            workspace=workspace,
            log=self._log,
            timeout=self._start_timeout,
        )
        self._store_in_use = True
        self._config = with_ports(self._config, workspace.ports(child.pid))

    def _terminate(self, timeout: float) -> None:
        if self._belongings.child is not None:
            self._belongings.child.terminate(timeout)

    def _tell(self, number: signal.Signals, *answers: str) -> str:
        start = self._log.position
        self._live().send(number)
        line = self._log.wait_for(*answers, since=start, timeout=_ANSWER_TIMEOUT)
        if line is None:
            raise ServerUnavailable(f"nats-server does not answer to {number.name}", log=self.log_tail())
        return line

    def _child(self) -> Child:
        if self._belongings.child is None:
            raise ServerUnavailable("nats-server was never started")
        return self._belongings.child

    def _live(self) -> Child:
        child = self._child()
        if child.ended.is_set():
            raise ServerUnavailable("nats-server is not running", log=self.log_tail())
        return child


class _Belongings:
    """What must go when the server object or the interpreter goes."""

    def __init__(self) -> None:
        self.child: Child | None = None
        self.workspace = Workspace()
        self._owner = os.getpid()

    def abandon(self) -> None:
        if os.getpid() != self._owner:
            return  # a fork of the owner must not end the owner's server
        if self.child is not None:
            self.child.kill()
        self.workspace.remove()


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _chosen(port: int) -> int:
    if port <= 0:
        raise ServerUnavailable("the port is not known", why="the server chooses it when it starts")
    return port


def _need(wanted: bool, option: str) -> None:
    if not wanted:
        raise ServerUnavailable("the server does not listen there", hint=f"make it with {option}")
