from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.trial.unittest import TestCase

from txnats.server import NatsServer


@pytest.mark.usefixtures("class_server", "make_server")
class TrialTests(TestCase):
    server: NatsServer
    make_server: Callable[..., NatsServer]

    def test_a_trial_test_case_has_a_server_and_a_maker_of_servers(self) -> None:
        assert self.server.running
        other = self.make_server(name="mine")
        assert other.running
        assert self.server.port != other.port


def test_the_server_of_a_module_is_one(nats_server: NatsServer, request: pytest.FixtureRequest) -> None:
    assert nats_server.running
    assert request.getfixturevalue("nats_server") is nats_server


def test_a_failing_test_shows_the_log_and_leaves_no_server(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parent.parent / "conftest.py", tmp_path)
    (tmp_path / "test_failing.py").write_text(
        "def test_failing(make_server):\n"
        "    server = make_server(name='of-the-failing-test')\n"
        "    with open('pid', 'w') as file: file.write(str(server.pid))\n"
        "    assert False\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", ".", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "log of <NatsServer 127.0.0.1:" in ran.stdout
    assert "Name:     of-the-failing-test" in ran.stdout
    alive = subprocess.run(["ps", "-p", (tmp_path / "pid").read_text()], capture_output=True, check=False)
    assert alive.returncode != 0
