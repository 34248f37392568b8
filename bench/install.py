"""Install the clients that we compare with, into folders of the checkout that git ignores."""

from __future__ import annotations

import shutil
import subprocess
import tomllib

from bench import ROOT
from bench.contestants import OWN_PYTHON313, PEERS, base_python313

BUILD = ("setuptools>=77", "Cython>=3.1")
PYTHON313_CLIENTS = ("natsio", "nats-core", "nkeys")  # nats-core imports nkeys but does not ask for it


def install() -> None:
    """Install what can be installed here; say what cannot."""
    _node()
    _python313()
    print("C: its headers come from the system (Debian: apt-get install libnats-dev)")


def _node() -> None:
    npm = shutil.which("npm")
    if npm is None:
        print("Node: there is no npm")
        return
    subprocess.run([npm, "install", "--no-audit", "--no-fund", "--no-package-lock"], cwd=PEERS / "node", check=True)


def _python313() -> None:
    python = base_python313()
    if python is None:
        print("natsio, nats-core: there is no python3.13; BENCH_PYTHON313 may name one")
        return
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    subprocess.run([python, "-m", "venv", str(OWN_PYTHON313)], check=True)
    pip = [str(OWN_PYTHON313 / "bin" / "python"), "-m", "pip", "install", "--quiet", "--upgrade"]
    subprocess.run([*pip, *PYTHON313_CLIENTS, *project["dependencies"], *BUILD], check=True)
    # txnats itself runs from the checkout: its compiled loop is built there, for this Python too.
    subprocess.run([pip[0], "setup.py", "--quiet", "build_ext", "--inplace"], cwd=ROOT, check=True)
