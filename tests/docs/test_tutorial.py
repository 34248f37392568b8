"""The tutorial in one sitting: its programs run in the order and the number in which it has them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from txnats.server import NatsServer

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "tutorial.md").read_text(), re.DOTALL | re.MULTILINE)
SHOP, ASK, FIND, WATCH, TEST = BLOCKS
LOCAL = "nats://127.0.0.1:4222"


@pytest.fixture
def folder(tmp_path: Path, nats_server: NatsServer) -> Path:
    (tmp_path / "shop.py").write_text(SHOP.replace(LOCAL, nats_server.url))
    return tmp_path


def start(folder: Path, number: int) -> subprocess.Popen[str]:
    twistd = Path(sys.executable).with_name("twistd")
    command = [str(twistd), "--nodaemon", "--pidfile", f"shop{number}.pid", "--python", "shop.py"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture
def shops(folder: Path) -> Iterator[list[subprocess.Popen[str]]]:
    made = [start(folder, number) for number in range(4)]
    yield made
    for shop in made:
        shop.kill()
        shop.wait()
        assert shop.stdout is not None
        shop.stdout.close()


def run(program: str, server: NatsServer) -> str:
    program = program.replace(LOCAL, server.url)
    command = [sys.executable, "-W", "error", "-c", program]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def found(server: NatsServer) -> int:
    """How many shops there are, by the command line."""
    command = [sys.executable, "-m", "txnats.cli", "--server", server.url, "--json", "service", "list"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return len(json.loads(ran.stdout)) if ran.returncode == 0 and ran.stdout.strip() else 0


def wait_for(count: int, server: NatsServer) -> None:
    end = time.monotonic() + 30.0
    while found(server) != count:
        assert time.monotonic() < end, f"there are {found(server)} shops"


def prints(block: str) -> list[str]:
    return re.findall(r"^# prints: (.*)$", block, re.MULTILINE)


def test_the_service_is_the_example_in_20_lines() -> None:
    assert (ROOT / "example" / "tutorial" / "shop.py").read_text().partition('"""\n\n')[2] == SHOP
    assert len([line for line in SHOP.splitlines() if line.strip()]) <= 20


def test_four_shops_asked_found_and_stopped(shops: list[subprocess.Popen[str]], nats_server: NatsServer) -> None:
    wait_for(4, nats_server)
    assert run(ASK, nats_server).splitlines() == prints(ASK)
    assert run(FIND, nats_server).splitlines() == prints(FIND)
    # One is stopped as Ctrl-C does, while all are asked: each of a hundred requests is answered.
    command = [sys.executable, "-c", FIND.replace(LOCAL, nats_server.url)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as asking:
        shops[0].send_signal(signal.SIGINT)
        assert shops[0].wait(30.0) == -signal.SIGINT  # twistd ends by the signal when all has stopped
        assert asking.wait(30.0) == 0
    wait_for(3, nats_server)


def test_what_prometheus_is_told(nats_server: NatsServer) -> None:
    assert run(WATCH, nats_server) == ""


def test_the_test(folder: Path) -> None:
    (folder / "test_shop.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "txnats.testing.fixtures", "test_shop.py"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(folder)])}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, "3 passed" in ran.stdout) == (0, True), ran.stdout
