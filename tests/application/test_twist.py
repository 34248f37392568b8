"""What is built and installed: the wheel, ``twist nats`` as a process of its own, and ``nats:`` in any program."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest

from txnats.server import NatsServer

ROOT = Path(__file__).parents[2]
SERVICE = """
from twisted.internet import reactor
from twisted.internet.task import deferLater

def adder(client):
    async def add(message):
        print("begun", flush=True)
        await deferLater(reactor, 0.3, lambda: None)
        message.respond(str(sum(map(int, message.payload.split()))).encode())
    client.subscribe("add", add, queue="adders")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: a build leaves its folders beside the sources."""
    home = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, home)
    shutil.copytree(ROOT / "src", home / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    _run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(home / "dist"), str(home))
    [built] = (home / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python that has the wheel, and all else from here, save this checkout."""
    home = tmp_path_factory.mktemp("venv")
    _run(sys.executable, "-m", "venv", "--without-pip", str(home))
    interpreter = str(home / "bin" / "python")
    _run(sys.executable, "-m", "pip", "--python", interpreter, "install", "-q", "--no-deps", "--no-index", str(wheel))
    [packages] = home.glob("lib/python*/site-packages")
    # The folder becomes a part of the path; .pth files in it, such as that of this checkout, are not read.
    (packages / "others.pth").write_text(sysconfig.get_paths()["purelib"])
    (packages / "adding.py").write_text(SERVICE)
    return interpreter


class Twist:
    """``twist nats`` with its output, killed at the end."""

    def __init__(self, python: str, *arguments: str, **environment: str) -> None:
        script = str(Path(sys.executable).with_name("twist"))
        self._process = subprocess.Popen(
            [python, "-W", "error", script, "--log-format", "text", "nats", *arguments],
            env=_environment(**environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.output = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def until(self, text: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Read on until this is said."""
        end = time.monotonic() + 15
        while text not in self.output:
            assert time.monotonic() < end, self.output
            meanwhile()
            try:
                line = self._lines.get(timeout=0.1)
            except queue.Empty:
                continue
            assert line is not None, self.output
            self.output += line

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self) -> int:
        """Its exit status, once it has ended by itself."""
        status = self._process.wait(15)
        self._reader.join()
        while (line := self._lines.get()) is not None:
            self.output += line
        return status

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)


class Peer:
    """Another client of the server, in a few bytes."""

    def __init__(self, server: NatsServer) -> None:
        self._socket = socket.create_connection((server.host, server.port), timeout=10)
        self._stream = self._socket.makefile("rb")
        self.send(b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n')

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def ask(self, subject: bytes, payload: bytes) -> None:
        self.send(b"SUB answer 1\r\nPUB %b answer %d\r\n%b\r\n" % (subject, len(payload), payload))

    def read(self, start: bytes) -> bytes:
        """The line after the first one that starts so."""
        for line in self._stream:
            if line.startswith(start):
                return self._stream.readline()
        raise AssertionError("the server has closed")

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


@pytest.fixture
def peer(nats_server: NatsServer) -> Iterator[Peer]:
    peer = Peer(nats_server)
    yield peer
    peer.close()


def test_the_wheel_adds_one_file_to_twisted_and_hides_nothing(wheel: Path, python: str) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if name.startswith("twisted/")] == ["twisted/plugins/txnats_plugins.py"]
    assert {name.split("/")[0].split("-")[0] for name in names} == {"txnats", "twisted"}
    assert "txnats/py.typed" in names
    assert "txnats/plugins.py" in names
    said = _run(python, "-c", "import twisted, txnats; print(twisted.version, twisted.__file__, txnats.__file__)")
    assert str(ROOT / "src") not in said
    assert "twisted/__init__.py" in said


def test_other_programs_pay_nothing_for_the_plugins(python: str) -> None:
    program = """
import sys
from twisted.application.service import IServiceMaker
from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import IStreamClientEndpointStringParserWithReactor as Parser
from twisted.plugin import getPlugins
makers = [maker for maker in getPlugins(IServiceMaker) if maker.tapname == "nats"]
assert len(makers) == 1, makers
assert [parser.prefix for parser in getPlugins(Parser)].count("nats") == 1
assert "txnats" not in sys.modules
from twisted.internet import reactor
print(clientFromString(reactor, "nats:demo"), makers[0].description)
"""
    assert "HostnameEndpoint" in _run(python, "-W", "error", "-c", program)


def test_messages_are_logged_and_an_interrupt_drains(python: str, nats_server: NatsServer, peer: Peer) -> None:
    with Twist(python, "--subject", "log.*", "--server", nats_server.url, "--queue", "loggers") as twist:
        # Nothing tells when the server knows of the subscription, so it is tried until it does.
        twist.until("'log.a': b'hello'", lambda: peer.send(b"PUB log.a 5\r\nhello\r\n"))
        assert "Connected(" in twist.output
        twist.signal(signal.SIGINT)
        assert twist.end() == 0
        assert "Closed(reason=None, unsent=0, unconfirmed=0)" in twist.output
        assert "Traceback" not in twist.output


def test_an_interrupt_lets_a_service_finish_what_it_has(python: str, nats_server: NatsServer, peer: Peer) -> None:
    with Twist(python, "--service", "adding.adder", NATS_URL=nats_server.url) as twist:
        twist.until("begun", lambda: peer.ask(b"add", b"1 2"))
        twist.signal(signal.SIGINT)
        assert peer.read(b"MSG answer") == b"3\r\n"
        assert twist.end() == 0
        assert "Traceback" not in twist.output


def test_a_refused_login_ends_it_with_a_failure_and_shows_no_secret(
    python: str, make_server: Callable[..., NatsServer]
) -> None:
    server = make_server(user="me", password="s3cret")
    url = server.url.replace("://", "://me:wr0ng@")
    with Twist(python, "--subject", "a", NATS_URL=url) as twist:
        assert twist.end() == 1
    assert "the server refused the login" in twist.output
    assert "wr0ng" not in twist.output
    with Twist(python, "--subject", "a", NATS_URL=server.url, NATS_USER="me", NATS_PASSWORD="s3cret") as twist:
        twist.until("Connected(")
        twist.signal(signal.SIGINT)
        assert twist.end() == 0
    assert "s3cret" not in twist.output


def test_an_interrupt_while_there_is_no_server(python: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with Twist(python, "--subject", "a", "--server", f"nats://127.0.0.1:{nobody.getsockname()[1]}") as twist:
            twist.until("Starting reactor")
            twist.signal(signal.SIGINT)
            assert twist.end() == 0


@pytest.mark.parametrize(
    "arguments", [["--subject", "a b"], ["--subject", "a", "--server", "s3cret@demo:x"], ["--service", "no.such"]]
)
def test_a_usage_error_is_one(python: str, arguments: list[str]) -> None:
    with Twist(python, *arguments) as twist:
        assert twist.end() == os.EX_USAGE
        assert twist.output.startswith("Error: ")
        assert "Traceback" not in twist.output
        assert "s3cret" not in twist.output.lower()


def _environment(**more: str) -> dict[str, str]:
    dropped = ("PYTHON", "COVERAGE", "NATS_")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)} | more


def _run(*command: str) -> str:
    ran = subprocess.run(command, env=_environment(), cwd="/", capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
