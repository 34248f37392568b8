"""All ten programs under example/ do what they say, as processes of their own on a real server."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from time import monotonic

import pytest

from txnats.server import NatsServer

ROOT = Path(__file__).parents[2]
NAMES = ["sub_only", "respond", "queue_respond", "make_requests", "nats_demo"]
PATIENCE = 30.0
NO_SERVER = "nats://127.0.0.1:1"


class Program:
    """A program that runs, and what it has printed."""

    def __init__(self, path: Path, *arguments: str) -> None:
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONWARNINGS": "error",
        }
        # Itself, not a Python with it as an argument: its first line and its permissions are part of it.
        self._process = subprocess.Popen(
            [path, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )
        self._lines: Queue[str | None] = Queue()
        self.printed: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def wait_for(self, text: str) -> None:
        """Wait until it prints a line with this text."""
        while (line := self._lines.get(timeout=PATIENCE)) is not None:
            self.printed.append(line)
            if text in line:
                return
        pytest.fail(f"{text!r} did not come; it printed {self.printed} and {self.finish()[1]!r}")

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    def finish(self) -> tuple[int, str]:
        """Wait for its end: its status and what it wrote to stderr. ``printed`` is complete then."""
        assert self._process.stderr is not None
        errors = self._process.stderr.read()
        status = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        while not self._lines.empty():
            line = self._lines.get()
            if line is not None:
                self.printed.append(line)
        return status, errors

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join(PATIENCE)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


Run = Callable[..., Program]


@pytest.fixture(params=["example", "example/new"])
def folder(request: pytest.FixtureRequest) -> Path:
    return ROOT / str(request.param)


@pytest.fixture
def run(folder: Path, nats_server: NatsServer) -> Iterator[Run]:
    """Start one by its name, on the test's server unless a ``--url`` is given."""
    programs: list[Program] = []

    def start(name: str, *arguments: str) -> Program:
        url = () if "--url" in arguments else ("--url", nats_server.url)
        programs.append(Program(folder / f"{name}.py", *url, *arguments))
        return programs[-1]

    yield start
    for program in programs:
        program.end()


def wait_for_subscribers(server: NatsServer, subject: str, count: int) -> None:
    """Until the server knows so many: the API of 0.7 cannot tell when it does."""
    deadline = monotonic() + PATIENCE
    while True:
        found = server.monitor(f"/subsz?subs=1&test={subject}").get("subscriptions_list") or []
        if len(found) == count:
            return
        assert monotonic() < deadline, found
        threading.Event().wait(0.01)


def test_the_demo_is_heard_and_answered(run: Run, nats_server: NatsServer) -> None:
    subscriber = run("sub_only", "--count", "1")
    responder = run("respond", "--id", "Ada", "--count", "1")
    subscriber.wait_for("listening on happy")
    responder.wait_for("Ada answers on get-response")
    wait_for_subscribers(nats_server, "happy", 1)
    wait_for_subscribers(nats_server, "get-response", 1)

    demo = run("nats_demo")

    assert demo.finish() == (0, "")
    assert "got answer Roger, from Ada!" in demo.printed
    assert subscriber.finish() == (0, "")
    assert re.search(r"got message (6 )?happy Happy is who can share\.", subscriber.printed[-1])
    assert responder.finish() == (0, "")
    assert responder.printed[-1] == "answered Anybody there?"


def test_four_responders_share_a_hundred_requests(run: Run, nats_server: NatsServer) -> None:
    responders = {name: run("queue_respond", "--id", name) for name in ("Ada", "Bea", "Cleo", "Dora")}
    for responder in responders.values():
        responder.wait_for("for excelsior")
    wait_for_subscribers(nats_server, "get-response", 4)

    requester = run("make_requests")
    assert requester.finish() == (0, "")
    for responder in responders.values():
        responder.interrupt()
        assert responder.finish() == (0, "")

    assert requester.printed[-1] == "100 of 100 requests were answered"
    shares = re.findall(r"(\d+) times Roger, from (\w+)!", "\n".join(requester.printed))
    answered = {name: [line for line in each.printed if "answered" in line] for name, each in responders.items()}
    assert {name: str(len(lines)) for name, lines in answered.items()} == {name: count for count, name in shares}
    assert sorted(line for lines in answered.values() for line in lines) == sorted(
        f"answered request {number}" for number in range(100)
    )


def test_a_queue_responder_ends_after_its_count(run: Run, nats_server: NatsServer) -> None:
    responder = run("queue_respond", "--id", "Ada", "--count", "3")
    wait_for_subscribers(nats_server, "get-response", 1)
    assert run("make_requests", "--count", "3").finish() == (0, "")
    assert responder.finish() == (0, "")
    assert len([line for line in responder.printed if "answered" in line]) == 3


@pytest.mark.parametrize(("name", "ready"), [("sub_only", "listening"), ("respond", "answers on")])
def test_ctrl_c_ends_it_cleanly(run: Run, name: str, ready: str) -> None:
    program = run(name)
    program.wait_for(ready)
    program.interrupt()
    assert program.finish() == (0, "")


@pytest.mark.parametrize("name", NAMES)
def test_without_a_server_it_says_so(run: Run, name: str) -> None:
    status, errors = run(name, "--url", NO_SERVER).finish()
    assert status == 1
    assert "refused" in errors


@pytest.mark.parametrize("name", ["make_requests", "nats_demo"])
def test_without_a_responder_it_says_so(run: Run, folder: Path, name: str) -> None:
    # The new API is told at once that nobody listens; the old one can only wait.
    patience = ["--timeout", "0.2"] if folder.name == "example" else []
    status, errors = run(name, *patience).finish()
    assert status == 1
    assert re.search("respond.py run|is the responder running", errors)


@pytest.mark.parametrize("name", NAMES)
def test_the_local_server_is_the_default(folder: Path, name: str) -> None:
    assert 'default="nats://127.0.0.1:4222"' in (folder / f"{name}.py").read_text()
