"""What `make` runs. All but `matrix` runs in the Python that runs nox: there is one .venv and no other."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import nox
from nox.command import CommandFailed

ROOT = Path(__file__).parent
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
SEES_THE_PARSER = ["tests/wire", "tests/net/test_connection.py", "tests/contract/test_messages.py"]

nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "layers", "test"]

# The last line of a good run is the tool's own. nox speaks only when something is skipped or fails.
logging.getLogger("nox").setLevel(logging.WARNING)


def run(session: nox.Session, *arguments: str) -> None:
    """Run a module of this very Python."""
    session.run(sys.executable, "-m", *arguments, external=True)


@nox.session
def test(session: nox.Session) -> None:
    """The tests, with branch coverage. The coverage table stands above pytest's last line.

    Where the parser's compiled loop was built they run with it; those that see the most of the parser then run without.
    """
    if not session.posargs and find_spec("txnats.wire._speedups") is not None:
        pure = {"TXNATS_PURE": "1"}
        print("With the pure parser:", ", ".join(SEES_THE_PARSER), flush=True)
        session.run(sys.executable, "-m", "pytest", "-q", *SEES_THE_PARSER, env=pure, external=True)
        print("All:", flush=True)
    run(session, "pytest", "--cov", "--cov-report=term", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """The tests that run for minutes, without their usual time limit."""
    command = (sys.executable, "-m", "pytest", "-m", "soak", "--timeout=0", *session.posargs)
    session.run(*command, external=True, success_codes=[0, 5])  # 5: there is no such test yet


@nox.session
def fuzz(session: nox.Session) -> None:
    """Each script in tests/fuzz; what pytest finds there belongs to `test`."""
    others = ("_", "test_", "conftest")
    scripts = [path for path in sorted(ROOT.glob("tests/fuzz/*.py")) if not path.name.startswith(others)]
    if not scripts:
        print("There is no script in tests/fuzz yet.")
    for script in scripts:
        print(f"{script.relative_to(ROOT)}:", flush=True)
        session.run(sys.executable, str(script), *session.posargs, external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Rules and format."""
    run(session, "ruff", "check", ".")
    run(session, "ruff", "format", "--check", ".")


@nox.session(name="format")
def format_(session: nox.Session) -> None:
    """Mend what ruff can mend."""
    run(session, "ruff", "check", "--fix", ".")
    run(session, "ruff", "format", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict, with no exempt list."""
    run(session, "mypy")


@nox.session
def layers(session: nox.Session) -> None:
    """The picture in CONTRIBUTING.md against the imports in src."""
    session.run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo", external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation; a warning is an error."""
    run(session, "sphinx", "-W", "--keep-going", "--fresh-env", "--quiet", "docs", "build/docs")
    print("build/docs/index.html is ready.")


@nox.session
def bench(session: nox.Session) -> None:
    """The measurements."""
    if not (ROOT / "bench" / "__main__.py").exists():
        session.error("There is no bench/__main__.py yet")
    run(session, "bench", *session.posargs)


@nox.session
def matrix(session: nox.Session) -> None:
    """The tests in a venv of its own for each Python that is present."""
    failed = []
    for version in PYTHONS:
        interpreter = find_python(version)
        if interpreter is None:
            print(f"Python {version}: not present, skipped.", flush=True)
            continue
        print(f"Python {version}: {interpreter}", flush=True)
        home = ROOT / "build" / "matrix" / version
        python = str(home / "bin" / "python")
        try:
            session.run(interpreter, "-m", "venv", str(home), external=True)
            session.run(python, "-m", "pip", "install", "-qq", "--editable", ".[dev]", external=True)
            session.run(python, "-m", "pytest", *session.posargs, external=True)
        except CommandFailed:
            failed.append(version)
    if failed:
        session.error("failed on Python " + ", ".join(failed))


def find_python(version: str) -> str | None:
    """An interpreter of this version that runs and can make a venv: from the PATH, or one that pyenv keeps."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for candidate in (f"python{version}", *map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python")))):
        with contextlib.suppress(OSError):
            answer = subprocess.run([candidate, "-c", "import ensurepip"], capture_output=True, check=False)
            if answer.returncode == 0:
                return candidate
    return None
