from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from txnats.errors import OperationTimeout
from txnats.server import MonitorFailed, NatsServer, PortInUse, ReloadRefused, ServerConfig, ServerUnavailable
from txnats.server.log import ServerLog
from txnats.server.waiting import wait_until

Dial = Callable[[NatsServer], Any]
MakeServer = Callable[..., NatsServer]


@pytest.fixture
def folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the temporary folders of servers are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def program(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return False
    return True


def falls_silent(port: int, within: float = 5.0) -> bool:
    return wait_until(lambda: not answers(port), deadline=monotonic() + within, ended=threading.Event())


# -- starting


def test_ready_means_that_it_answers(make_server: MakeServer, dial: Dial) -> None:
    server = make_server(name="hello")
    client = dial(server)
    assert client.info["server_name"] == "hello"
    assert client.info["port"] == server.port
    assert client.connect() == b"PONG"
    assert server.url == f"nats://127.0.0.1:{server.port}"
    assert server.running
    assert server.pid is not None
    assert "Server is ready" in server.log


def test_every_port_is_learned(make_server: MakeServer) -> None:
    server = make_server(monitoring=True, websocket=True)
    assert server.monitor("/varz")["port"] == server.port
    assert answers(int(server.websocket_url.removeprefix("ws://127.0.0.1:")))
    with pytest.raises(MonitorFailed, match="404"):
        server.monitor("/nothing-here")


def test_what_was_not_asked_for_is_not_there(make_server: MakeServer) -> None:
    server = make_server()
    with pytest.raises(ServerUnavailable, match="monitoring=True"):
        server.monitor("/varz")
    with pytest.raises(ServerUnavailable, match="websocket=True"):
        _ = server.websocket_url


def test_before_the_start_there_is_no_port() -> None:
    server = NatsServer()
    assert not server.running
    assert server.pid is None
    with pytest.raises(ServerUnavailable, match="chooses it when it starts"):
        _ = server.url
    with pytest.raises(ServerUnavailable, match="never started"):
        server.suspend()


def test_options_are_checked_and_put_on_top_of_the_config() -> None:
    assert NatsServer(ServerConfig(name="a", jetstream=True), name="b").config == ServerConfig(name="b", jetstream=True)
    with pytest.raises(TypeError, match="jetstraem"):
        NatsServer(jetstraem=True)


def test_a_start_of_a_running_server_changes_nothing(make_server: MakeServer) -> None:
    server = make_server()
    pid = server.pid
    assert server.start() is server
    assert server.pid == pid


def test_a_bad_configuration_is_told_with_the_servers_words(folders: Path) -> None:
    server = NatsServer(extra="nonsense: 1")
    with pytest.raises(ServerUnavailable, match='unknown field "nonsense"') as caught:
        server.start()
    assert "exit code 1" in caught.value.why
    assert "unknown field" in caught.value.log
    assert not server.running
    assert not list(folders.iterdir())


def test_a_taken_port_has_an_error_of_its_own(taken_port: int, folders: Path) -> None:
    with pytest.raises(PortInUse, match="address already in use"):
        NatsServer(port=taken_port).start()
    assert not list(folders.iterdir())


def test_a_taken_route_port_is_noticed_although_the_server_called_itself_ready(taken_port: int) -> None:
    config = ServerConfig(extra=f'cluster {{ name: "c", listen: "127.0.0.1:{taken_port}" }}')
    with pytest.raises(PortInUse):
        NatsServer(config).start()


def test_a_server_that_never_gets_ready_is_killed_at_the_deadline(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    slow = program(tmp_path / "slow", f"echo $$ > {pid_file}; echo warming up; exec sleep 60")
    with pytest.raises(ServerUnavailable, match=r"not ready within 0\.2 s(.|\n)*warming up"):
        NatsServer(binary=slow, start_timeout=0.2).start()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)


def test_a_program_that_cannot_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ServerUnavailable, match="cannot be run"):
        NatsServer(binary=str(tmp_path / "missing")).start()


def test_no_secret_in_repr_errors_or_command_line(make_server: MakeServer, folders: Path) -> None:
    server = make_server(
        user="joe", password="s3cret-1", extra='leafnodes { authorization { user: "u", password: "s3cret-2" } }'
    )
    command = subprocess.run(["ps", "-ww", "-o", "args=", str(server.pid)], capture_output=True, text=True, check=True)
    assert "nats-server" in command.stdout
    with pytest.raises(ReloadRefused) as caught:
        server.reload(password="s3cret-3", extra="nonsense: s3cret-4")
    for text in (command.stdout, repr(server), str(server.config), server.url, server.log, str(caught.value)):
        assert "s3cret" not in text
    (file,) = folders.glob("*/server.conf")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


# -- ending


def test_stop_ends_it_removes_its_folder_and_may_be_repeated(folders: Path) -> None:
    server = NatsServer(jetstream=True)
    server.stop()
    server.start()
    assert list(folders.iterdir())
    port = server.port
    server.stop()
    server.stop()
    assert not server.running
    assert not answers(port)
    assert not list(folders.iterdir())
    with pytest.raises(ServerUnavailable, match="not running"):
        server.resume()


def test_leaving_the_context_stops_it_whatever_happened() -> None:
    server = NatsServer()
    with contextlib.suppress(KeyError), server:
        assert server.running
        raise KeyError
    assert not server.running


def test_kill_is_at_once_and_the_next_start_has_the_same_ports_and_store(make_server: MakeServer, dial: Dial) -> None:
    server = make_server(jetstream=True, monitoring=True, websocket=True)
    client = dial(server)
    client.connect()
    client.send(
        b'SUB r 1\r\nPUB $JS.API.STREAM.CREATE.S r 31\r\n{"name":"S","subjects":["s.one"]}\r\n'.replace(b"31", b"33")
    )
    assert client.read_line().startswith(b"MSG r 1 ")
    before = (server.url, server.monitoring_url, server.websocket_url)
    server.kill()
    assert not server.running
    assert server.wait() == -signal.SIGKILL
    server.kill()
    server.start()
    assert (server.url, server.monitoring_url, server.websocket_url) == before
    assert server.monitor("/jsz")["streams"] == 1


def test_restart_keeps_ports_and_is_a_start_when_it_was_down(make_server: MakeServer) -> None:
    server = make_server()
    url, pid = server.url, server.pid
    server.restart()
    assert server.url == url
    assert server.pid != pid
    server.kill()
    server.restart()
    assert server.url == url
    assert answers(server.port)


def test_a_store_of_ones_own_outlives_stop(make_server: MakeServer, tmp_path: Path) -> None:
    store = tmp_path / "store"
    make_server(jetstream=True, store_dir=str(store)).stop()
    assert store.is_dir()


def test_the_end_can_be_waited_for(make_server: MakeServer) -> None:
    server = make_server()
    with pytest.raises(OperationTimeout):
        server.wait(0.01)
    server.lame_duck()  # without clients it ends by itself
    assert server.wait(5.0) == 0
    assert not server.running


def test_a_server_that_does_not_listen_to_reason_is_killed(tmp_path: Path) -> None:
    pretend = (
        'for a; do folder=$a; done; trap "" TERM; echo Server is ready; '
        'echo \'{"nats": ["nats://127.0.0.1:1"]}\' > "$folder/deaf_$$.ports"; while :; do sleep 0.05; done'
    )
    server = NatsServer(binary=program(tmp_path / "deaf", pretend)).start()
    server.stop(timeout=0.2)
    assert server.wait() == -signal.SIGKILL


def test_from_many_threads_it_still_stops_once(make_server: MakeServer) -> None:
    server = make_server()
    threads = [threading.Thread(target=server.stop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert not server.running


def test_a_forgotten_server_goes_with_its_object(folders: Path) -> None:
    server = NatsServer().start()
    port = server.port
    del server
    gc.collect()
    assert not answers(port)
    assert not list(folders.iterdir())


def test_a_fork_that_exits_leaves_its_parents_server_alone() -> None:
    script = """
import os, sys
from txnats.server import NatsServer
server = NatsServer().start()
if not (child := os.fork()):
    sys.exit()
os.waitpid(child, 0)
assert server.running and os.path.isdir(server._belongings.workspace.folder)
server.stop()
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=30)


@pytest.mark.parametrize(
    "end", ["raise SystemExit(3)", "1 / 0", "os._exit(3)", "os.kill(os.getpid(), 15)", "os.kill(os.getpid(), 9)"]
)
def test_no_server_survives_its_parent(end: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # a killed parent leaves its folder behind
    script = f"""
import os
from txnats.server import NatsServer
server = NatsServer().start()
print(server.port, flush=True)
{end}
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode != 0
    assert falls_silent(int(ran.stdout)), ran.stderr


# -- what can befall it


def test_a_suspended_server_is_silent_and_goes_on_when_resumed(make_server: MakeServer, dial: Dial) -> None:
    server = make_server()
    client = dial(server)
    assert client.connect() == b"PONG"
    server.suspend()
    server.suspend()
    assert server.running
    client.send(b"PING\r\n")
    assert client.hears_nothing(0.1)
    server.resume()
    assert client.read_line() == b"PONG\r\n"


def test_a_suspended_server_can_be_stopped_in_good_order(make_server: MakeServer) -> None:
    server = make_server()
    server.suspend()
    server.stop()
    assert server.wait() >= 0
    assert "Server Exiting" in server.log


def test_lame_duck_is_told_to_clients(make_server: MakeServer, dial: Dial) -> None:
    server = make_server()
    client = dial(server)
    assert client.connect(protocol=1) == b"PONG"  # 1: tell me what changes
    assert "ldm" not in client.info
    server.lame_duck()
    while not client.read_info().get("ldm"):
        pass
    assert server.running


def test_reload_takes_a_new_password_and_keeps_the_port(make_server: MakeServer, dial: Dial) -> None:
    server = make_server(user="joe", password="old")
    url = server.url
    server.reload(password="new")
    assert server.url == url
    assert dial(server).connect(user="joe", **{"pass": "old"}).startswith(b"-ERR")
    assert dial(server).connect(user="joe", **{"pass": "new"}) == b"PONG"
    server.restart()
    assert dial(server).connect(user="joe", **{"pass": "new"}) == b"PONG"


def test_a_refused_reload_leaves_the_old_configuration(make_server: MakeServer, dial: Dial) -> None:
    server = make_server(user="joe", password="old")
    with pytest.raises(ReloadRefused, match="not supported"):
        server.reload(password="new", lame_duck_duration=60)
    assert dial(server).connect(user="joe", **{"pass": "old"}) == b"PONG"
    server.restart()
    assert dial(server).connect(user="joe", **{"pass": "old"}) == b"PONG"


# -- its log


def test_the_log_is_copied_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with NatsServer(log_file=str(file)) as server:
        server.restart()
    assert file.read_text().splitlines() == server.log.splitlines()
    assert server.log_tail(1).endswith("Server Exiting..")


def test_a_log_file_that_cannot_be_written_does_not_stop_the_server(tmp_path: Path) -> None:
    with NatsServer(log_file=str(tmp_path / "missing" / "log")) as server:
        assert "no copy of this log is kept" in server.log


def test_the_log_remembers_no_more_than_it_may(tmp_path: Path) -> None:
    file = tmp_path / "much"
    file.write_bytes(b"".join(b"line %d\n" % number for number in range(50_000)) + b"x" * 1_000_000)
    log = ServerLog()
    log.attach()
    with file.open("rb") as pipe:
        log.drain(pipe)
    assert len(log.tail()) < 600_000
    assert log.tail(1).strip("x") == ""
    assert log.position > 50_000
    assert log.wait_for("line 1", since=0, timeout=0) is None
    assert log.wait_for("xx", since=0, timeout=0) is not None
