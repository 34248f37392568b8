"""The house keeps its shape: imports, file sizes, and a test file for each pure module."""

from __future__ import annotations

import graphlib
import os
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "txnats"
MOST_LINES = 450


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_imports_keep_the_contracts() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    result = run(str(lint_imports), "--no-cache", "--no-logo")
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_import_cycle() -> None:
    graph = grimp.build_graph("txnats", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        pytest.fail("import cycle: " + " <- ".join(error.args[1]))


def test_server_knows_errors_and_no_more() -> None:
    graph = grimp.build_graph("txnats", cache_dir=None)
    ours = {module for module in graph.modules if f"{module}.".startswith("txnats.server.")}
    known = {imported for module in ours for imported in graph.find_modules_directly_imported_by(module)}
    assert known - ours <= {"txnats.errors"}


def test_no_file_is_a_house_of_its_own() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    too_long = {str(path.relative_to(ROOT)): count for path, count in lines.items() if count > MOST_LINES}
    assert not too_long


def test_import_chooses_no_reactor() -> None:
    result = run(sys.executable, "-c", "import sys, txnats; print('twisted.internet.reactor' in sys.modules)")
    assert (result.stdout, result.stderr) == ("False\n", "")


def test_import_loads_nothing_that_only_credentials_need() -> None:
    program = """
import sys, twisted.internet.endpoints, twisted.internet.ssl
before = set(sys.modules)
import txnats
txnats.CredentialsFile, txnats.NKey, txnats.Jwt, txnats.Token
new = set(sys.modules) - before
print(sorted(name for name in new if name.startswith(("cryptography", "nacl", "txnats.contexts", "txnats.auth"))))
"""
    loaded = run(sys.executable, "-c", program)
    assert loaded.stderr == ""
    wanted = ("asking", "authenticators", "credentials", "nkeys")
    assert loaded.stdout == f"{['txnats.auth', *(f'txnats.auth.{name}' for name in wanted)]}\n"


def test_a_websocket_is_loaded_when_it_is_first_needed() -> None:
    code = "import sys, txnats, txnats.connecting; print([each for each in sys.modules if 'websocket' in each])"
    result = run(sys.executable, "-c", code)
    assert (result.stdout, result.stderr) == ("[]\n", "")


def test_import_loads_no_tls_of_ours() -> None:
    result = run(sys.executable, "-c", "import sys, txnats; print(*(name for name in sys.modules if '.net.' in name))")
    loaded = result.stdout.split()
    assert "txnats.net.connection" in loaded
    assert not {"txnats.net.tls", "txnats.net.certificates"} & set(loaded)


@pytest.mark.parametrize("room", ["wire", "state", "auth"])
def test_each_pure_module_has_its_own_tests(room: str) -> None:
    modules = [path for path in (PACKAGE / room).rglob("*.py") if path.name != "__init__.py"]
    homes = [
        ROOT / "tests" / path.relative_to(PACKAGE).with_name(f"test_{path.stem.lstrip('_')}.py") for path in modules
    ]
    missing = [str(home.relative_to(ROOT)) for home in homes if not home.exists()]
    assert not missing
