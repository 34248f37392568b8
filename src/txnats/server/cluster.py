"""Servers on loopback that form one cluster."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, Self

import msgspec

from txnats.server.config import LOOPBACK, ClusterMember, ServerConfig
from txnats.server.errors import PortInUse, ServerUnavailable
from txnats.server.find import find_nats_server
from txnats.server.monitor import MonitorFailed
from txnats.server.process import NatsServer
from txnats.server.waiting import wait_until

_PORT_ATTEMPTS = 5
_ASK_TIMEOUT = 1.0
_TAIL = 15


class Cluster:
    """``size`` servers, each with a route to every other, ready when ``start`` returns.

    With JetStream that takes a third of a second, or several seconds when the first vote for a leader is split: the
    servers wait 4 to 9 s before they vote again.

    Args:
        size: How many servers.
        jetstream: Whether they store; then ready also means that they have elected a leader.
        name: The cluster's name; the servers are called after it, ``name-0`` and so on.
        config: What all servers are told. ``store_dir`` becomes a folder with one folder for each server.
        binary: The nats-server program.
        start_timeout: Seconds for the cluster to become ready.
        options: Fields of ``ServerConfig`` for all servers.
    """

    def __init__(
        self,
        size: int = 3,
        *,
        jetstream: bool = True,
        name: str = "loopback",
        config: ServerConfig | None = None,
        binary: str | None = None,
        start_timeout: float = 30.0,
        **options: Any,
    ) -> None:
        self._size = size
        self._name = name
        self._config = msgspec.structs.replace(
            config or ServerConfig(), jetstream=jetstream, monitoring=True, **options
        )
        self._binary = binary
        self._start_timeout = start_timeout
        self._servers: list[NatsServer] = []

    def __repr__(self) -> str:
        return f"<Cluster {self._name} {self._servers!r}>"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc_info: object) -> None:
        self.stop()

    @property
    def servers(self) -> Sequence[NatsServer]:
        """In the order of their names; empty before ``start``."""
        return tuple(self._servers)

    @property
    def urls(self) -> list[str]:
        """Of all servers, those that are down among them."""
        return [server.url for server in self._servers]

    @property
    def leader(self) -> NatsServer:
        """The server that leads JetStream's metadata.

        Raises:
            ServerUnavailable: There is none at the moment.
        """
        for server in self._running():
            leader = _meta_leader(server)
            for candidate in self._running():
                if candidate.config.name == leader:
                    return candidate
        raise ServerUnavailable("the cluster has no JetStream leader")

    def start(self) -> Self:
        """Start all servers and wait until they are one cluster. A cluster that was started is left as it is.

        Raises:
            ServerUnavailable: They did not become one in time; all are stopped again.
        """
        if self._servers:
            return self
        deadline = monotonic() + self._start_timeout
        try:
            self._start_servers()
            self.wait_ready(deadline - monotonic())
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop all servers at once and remove their folders. It may be stopped already."""
        servers, self._servers = self._servers, []
        _each(NatsServer.stop, servers)

    def kill(self, index: int) -> None:
        """End one server with SIGKILL; the others are left to notice."""
        self._servers[index].kill()

    def restart(self, index: int) -> None:
        """Start one server again on its old ports and store, and wait until the cluster has it back."""
        self._servers[index].restart()
        self.wait_ready(self._start_timeout)

    def wait_ready(self, timeout: float = 30.0) -> None:
        """Wait until all running servers are connected to each other and, with JetStream, follow one leader.

        Raises:
            ServerUnavailable: They do not within ``timeout`` seconds; the error says what is missing.
        """
        missing: list[str] = []

        def ready() -> bool:
            missing[:] = [self._missing()]
            return not missing[0]

        if not wait_until(ready, deadline=monotonic() + timeout, ended=threading.Event()):
            log = "\n".join(f"{server.config.name}:\n{server.log_tail(_TAIL)}" for server in self._servers)
            raise ServerUnavailable(f"the cluster is not ready in {timeout:.3g} s", why=missing[0], log=log)

    # -- how

    def _running(self) -> list[NatsServer]:
        return [server for server in self._servers if server.running]

    def _start_servers(self) -> None:
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            self._servers = self._make_servers(_free_ports(self._size))
            try:
                _each(NatsServer.start, self._servers)
            except PortInUse:
                # The ports were free a moment ago: anybody may have taken one since.
                if attempt == _PORT_ATTEMPTS:
                    raise
                self.stop()
            else:
                return

    def _make_servers(self, ports: Sequence[int]) -> list[NatsServer]:
        binary = self._binary or find_nats_server()
        routes = tuple(f"nats-route://{LOOPBACK}:{port}" for port in ports)
        return [
            NatsServer(
                self._config,
                binary=binary,
                name=f"{self._name}-{index}",
                store_dir=self._config.store_dir and os.path.join(self._config.store_dir, f"{self._name}-{index}"),
                cluster=ClusterMember(name=self._name, port=port, routes=routes),
            )
            for index, port in enumerate(ports)
        ]

    def _missing(self) -> str:
        """What keeps the running servers from being one cluster; empty when nothing does."""
        running = self._running()
        try:
            ids = {server.monitor("/varz", timeout=_ASK_TIMEOUT)["server_id"]: server.config.name for server in running}
            for server in running:
                met = {route["remote_id"] for route in server.monitor("/routez", timeout=_ASK_TIMEOUT)["routes"] or ()}
                absent = sorted(str(name) for own, name in ids.items() if own not in met and name != server.config.name)
                if absent:
                    return f"{server.config.name} has no route to {', '.join(absent)}"
            return self._without_leader(running) if self._config.jetstream else ""
        except MonitorFailed as error:
            return str(error)

    def _without_leader(self, running: Iterable[NatsServer]) -> str:
        names = {server.config.name for server in running}
        leaders = {_meta_leader(server) for server in running}
        if len(leaders) != 1 or not leaders <= names:
            return f"no common JetStream leader: {sorted(leaders)}"
        for server in running:
            server.monitor("/healthz", timeout=_ASK_TIMEOUT)
        return ""


def _meta_leader(server: NatsServer) -> str:
    found = server.monitor("/jsz", timeout=_ASK_TIMEOUT).get("meta_cluster", {}).get("leader", "")
    return str(found)


def _each(do: Callable[[NatsServer], object], servers: Sequence[NatsServer]) -> None:
    """Do it to all servers at the same time; the first error is raised when all are done."""
    if servers:
        with ThreadPoolExecutor(len(servers)) as pool:
            for future in [pool.submit(do, server) for server in servers]:
                future.result()


def _free_ports(count: int) -> list[int]:
    """Ports that nobody has at the moment, all different."""
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            sockets.append(socket.socket())
            sockets[-1].bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
