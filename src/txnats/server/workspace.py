"""A server's own folder: its configuration file, its store, and the file in which it tells its ports."""

from __future__ import annotations

import glob
import json
import os
import shutil
import tempfile
from typing import Any
from urllib.parse import urlsplit

import msgspec

from txnats.server.config import ServerConfig, render


class Workspace:
    """A temporary folder that only its owner can read: made when it is first needed, and again after ``remove``."""

    def __init__(self) -> None:
        self._folder: str | None = None

    @property
    def folder(self) -> str:
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="nats-server-")
        return self._folder

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder)

    def write(self, config: ServerConfig) -> str:
        """Write the configuration file and return its path."""
        if config.jetstream and config.store_dir is None:
            config = msgspec.structs.replace(config, store_dir=os.path.join(self.folder, "store"))
        path = os.path.join(self.folder, "server.conf")
        # The file holds passwords: it is private from its first moment.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(render(config))
        return path

    def forget_ports(self) -> None:
        """Remove what a killed server left: another one might get its process id."""
        for path in self._port_files("*"):
            os.unlink(path)

    def ports(self, pid: int) -> dict[str, int]:
        """Ports by kind (``nats``, ``monitoring``, ``cluster``, ``websocket``); empty while they are not told yet."""
        for path in self._port_files(str(pid)):
            try:
                with open(path, encoding="utf-8") as file:
                    told: dict[str, Any] = json.load(file)
            except (FileNotFoundError, json.JSONDecodeError):
                return {}  # half-written, or gone with a server that has just ended
            ports = {kind: urlsplit(urls[0]).port for kind, urls in told.items() if urls}
            return {kind: port for kind, port in ports.items() if port is not None}
        return {}

    def _port_files(self, pid: str) -> list[str]:
        return glob.glob(os.path.join(glob.escape(self.folder), f"*_{pid}.ports"))


def with_ports(config: ServerConfig, ports: dict[str, int]) -> ServerConfig:
    """``config``, asking for exactly these ports."""
    cluster = config.cluster
    if cluster is not None:
        cluster = msgspec.structs.replace(cluster, port=ports.get("cluster", cluster.port))
    return msgspec.structs.replace(
        config,
        port=ports.get("nats", config.port),
        monitoring_port=ports.get("monitoring", config.monitoring_port),
        websocket_port=ports.get("websocket", config.websocket_port),
        cluster=cluster,
    )
