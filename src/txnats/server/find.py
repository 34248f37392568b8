"""Where the nats-server program is, and which version it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading

from txnats.server.errors import ServerNotFound, ServerUnavailable

_PROGRAM = "nats-server"
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_VERSION_TIMEOUT = 10.0
_sysconfig_lock = threading.Lock()


def find_nats_server() -> str:
    """The path of the program: NATS_SERVER if it is set, else on PATH, else where a wheel would have put it.

    Raises:
        ServerNotFound: There is none, or NATS_SERVER names something that cannot be run.
    """
    chosen = os.environ.get("NATS_SERVER")
    if chosen:
        # A wrong choice must not quietly become another program.
        found = shutil.which(os.path.expanduser(chosen))
        if found is None:
            raise ServerNotFound(f"NATS_SERVER is {chosen!r}, which is not a program that can be run")
        return found
    found = shutil.which(_PROGRAM) or shutil.which(_PROGRAM, path=os.pathsep.join(_wheel_folders()))
    if found is None:
        raise ServerNotFound("it is neither on PATH nor among this Python's scripts")
    return found


def _wheel_folders() -> list[str]:
    """A virtual environment that was not activated is not on PATH: its scripts are next to its interpreter."""
    # sysconfig fills a cache at its first use and is not safe in several threads then: clusters start in threads.
    with _sysconfig_lock:
        own = sysconfig.get_path("scripts")
        of_user = sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user"))
    return [os.path.dirname(sys.executable), own, of_user]


def version(path: str) -> tuple[int, int, int]:
    """The version of the program at ``path``, such as ``(2, 15, 1)``; a pre-release suffix is dropped.

    Raises:
        ServerUnavailable: It cannot be run, or is not a nats-server.
    """
    try:
        ran = subprocess.run(
            [path, "--version"], capture_output=True, text=True, errors="replace", timeout=_VERSION_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerUnavailable("cannot ask nats-server for its version", where=path, why=str(error)) from error
    said = ran.stdout.strip() or ran.stderr.strip()
    match = _VERSION.search(said) if _PROGRAM in said else None
    if match is None:
        raise ServerUnavailable("this is not a nats-server", where=path, why=f"it said {said[:200]!r}")
    major, minor, patch = match.groups()
    return int(major), int(minor), int(patch)
