"""Real nats-server processes on loopback, for tests, demonstrations and the command line.

Everything here blocks and knows nothing of Twisted: with a reactor running, call it from a thread.
"""

from __future__ import annotations

from txnats.server.cluster import Cluster
from txnats.server.config import ClusterMember, ServerConfig, ServerTls, ServerUser, SubjectRules
from txnats.server.errors import PortInUse, ReloadRefused, ServerNotFound, ServerUnavailable
from txnats.server.find import find_nats_server, version
from txnats.server.monitor import MonitorFailed
from txnats.server.process import NatsServer

__all__ = [
    "Cluster",
    "ClusterMember",
    "MonitorFailed",
    "NatsServer",
    "PortInUse",
    "ReloadRefused",
    "ServerConfig",
    "ServerNotFound",
    "ServerTls",
    "ServerUnavailable",
    "ServerUser",
    "SubjectRules",
    "find_nats_server",
    "version",
]
