"""Which clients can take part here, and how their programs are started."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import ROOT

PEERS = ROOT / "bench" / "peers"
NODE_CLIENT = PEERS / "node" / "node_modules" / "@nats-io" / "transport-node"
OWN_PYTHON313 = PEERS / ".python313"
C_ROLES = ("publish", "subscribe", "request", "memory")
ROLES = frozenset(C_ROLES)
JETSTREAM_ROLES = frozenset({"jetstream_publish", "jetstream_fetch", "jetstream_consume", "jetstream_ordered"})
BUCKET_ROLES = frozenset({"kv_put", "kv_get", "kv_watch", "object_put", "object_get", "object_round_trip"})
# The C client and nats-py have no loop that pulls: they consume by fetching.
C_PROGRAMS = {role: role for role in (*C_ROLES, "jetstream_fetch")} | {"jetstream_consume": "jetstream_fetch"}
MODERN = frozenset({"txnats-3.13", "natsio", "nats-core"})  # they run on Python 3.13
PYTHON_ROLES = ROLES | {"both"}
ASYNCIO_ROLES = PYTHON_ROLES | JETSTREAM_ROLES | BUCKET_ROLES
TXNATS_ROLES = ASYNCIO_ROLES | {"importing", "subject_check"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A client that takes part.

    Attributes:
        command: Role to the words that start its program; the job's words follow.
    """

    name: str
    command: Callable[[str], list[str]]
    roles: frozenset[str] = ROLES


@dataclass(frozen=True, slots=True)
class Absent:
    """A client that does not take part, and why."""

    name: str
    why: str


def find(wanted: set[str] | None, scratch: Path) -> Iterator[Peer | Absent]:
    """Every client we know, in the order of the report; only the ``wanted`` ones, if any are named.

    Args:
        scratch: A folder for compiled programs.
    """
    finders: dict[str, Callable[[], Peer | Absent]] = {
        "txnats": lambda: _txnats("txnats", sys.executable),
        "nats-py": lambda: _asyncio_client("nats-py", sys.executable, "nats", "nats_py", roles=ASYNCIO_ROLES),
        "node": _node,
        "c": lambda: _c(scratch),
    }
    modern = python313()
    if modern is not None:
        finders["txnats-3.13"] = lambda: _txnats("txnats-3.13", modern)
        finders["natsio"] = lambda: _asyncio_client("natsio", modern, "natsio", "natsio", roles=ASYNCIO_ROLES)
        finders["nats-core"] = lambda: _asyncio_client(
            "nats-core", modern, "nats.client", "nats_core", roles=PYTHON_ROLES
        )
    for name in sorted((wanted or set()) - finders.keys()):
        yield Absent(name, "unknown, or it needs Python 3.13 (set BENCH_PYTHON313, or use --install-peers)")
    for name, finder in finders.items():
        if wanted is None or name in wanted:
            yield finder()


def python313() -> str | None:
    """The interpreter for the clients that need Python 3.13: the one they were installed for, else one that works."""
    own = OWN_PYTHON313 / "bin" / "python"
    return str(own) if own.exists() else base_python313()


def base_python313() -> str | None:
    """BENCH_PYTHON313, or ``python3.13`` on PATH."""
    for python in (os.environ.get("BENCH_PYTHON313"), shutil.which("python3.13")):
        # A version manager's stand-in is there even when the version is not.
        if python and subprocess.run([python, "--version"], capture_output=True, check=False).returncode == 0:
            return python
    return None


def _txnats(name: str, python: str) -> Peer | Absent:
    if not _importable(python, "txnats.client"):
        return Absent(name, "txnats cannot be imported there")
    return Peer(
        name=name,
        command=lambda role: [python, "-m", f"bench.peers.txnats.{role}"],
        roles=TXNATS_ROLES,
    )


def _asyncio_client(
    name: str, python: str, module: str, program: str, *, roles: frozenset[str] = ROLES
) -> Peer | Absent:
    if not _importable(python, module):
        return Absent(name, f"the module {module} is not installed")
    return Peer(
        name=name,
        command=lambda role: [python, "-m", f"bench.peers.asyncio_clients.{program}", role],
        roles=roles,
    )


def _node() -> Peer | Absent:
    node = shutil.which("node")
    if node is None:
        return Absent("node", "there is no node")
    if not NODE_CLIENT.exists():
        return Absent("node", "its packages are not installed (--install-peers)")
    return Peer(name="node", command=lambda role: [node, "--expose-gc", str(PEERS / "node" / f"{role}.mjs")])


def _c(scratch: Path) -> Peer | Absent:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        return Absent("c", "there is no C compiler")
    for role in set(C_PROGRAMS.values()):
        source, program = PEERS / "c" / f"{role}.c", scratch / role
        built = subprocess.run(
            [compiler, "-O2", "-o", str(program), str(source), "-lnats", "-lpthread"], capture_output=True, check=False
        )
        if built.returncode:
            return Absent("c", "nats/nats.h or libnats is missing (Debian: libnats-dev)")
    return Peer(name="c", command=lambda role: [str(scratch / C_PROGRAMS[role])], roles=frozenset(C_PROGRAMS))


def _importable(python: str, module: str) -> bool:
    code = "import importlib, sys, bench; importlib.import_module(sys.argv[1])"
    try:
        return subprocess.run([python, "-c", code, module], capture_output=True, cwd=ROOT, check=False).returncode == 0
    except OSError:
        return False
