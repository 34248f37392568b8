"""Every Python block of the README and the docs runs as it stands, with only the server's address changed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from txnats.server import NatsServer

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
STORY = ROOT / "docs" / "tutorial.md"
"""Its blocks belong together: ``test_tutorial.py`` runs them."""
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LOCAL = "nats://127.0.0.1:4222"


def _blocks() -> list[pytest.param]:  # type: ignore[valid-type]
    found = []
    for page in PAGES:
        if page == STORY:
            continue
        for number, block in enumerate(_BLOCK.findall(page.read_text()), 1):
            found.append(pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}"))
    return found


@pytest.mark.parametrize("block", _blocks())
def test_a_block_runs(block: str, nats_server: NatsServer, tmp_path: Path) -> None:
    if "    def test_" in block or "\ndef test_" in block or "async def test_" in block:
        _run_as_tests(block, tmp_path)
        return
    program = block.replace(LOCAL, nats_server.url).replace('"127.0.0.1", 4222', f'"127.0.0.1", {nats_server.port}')
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert ran.returncode == 0, ran.stderr
    for line in re.findall(r"^# prints: (.*)$", block, re.MULTILINE):
        assert line in ran.stdout


def _run_as_tests(block: str, folder: Path) -> None:
    """A block of tests runs under pytest, and each of them has to pass."""
    (folder / "test_block.py").write_text(block)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "txnats.testing.fixtures", "-W", "error", "."]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout
    assert f"{len(re.findall('def test_', block))} passed" in ran.stdout


def test_the_first_program_is_short() -> None:
    first = _BLOCK.findall((ROOT / "README.md").read_text())[0]
    assert len([line for line in first.splitlines() if line.strip()]) <= 15


def test_every_link_inside_the_pages_holds() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
