"""Ctrl-C, forks and the end of a program: each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest

import txnats.blocking
from txnats.server import NatsServer

PATIENCE = 30.0


class Script:
    """A Python program."""

    def __init__(self, url: str, program: str) -> None:
        command = [sys.executable, "-W", "error::ResourceWarning", "-c", textwrap.dedent(program), url]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self) -> tuple[int, str, str]:
        """Its status, and what else it printed."""
        out, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, errors


@pytest.fixture
def scripts() -> Iterator[list[Script]]:
    started: list[Script] = []
    yield started
    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.communicate()


@pytest.mark.parametrize(
    "wait",
    [
        "client.when_closed()",
        "next(iter(client.subscribe('silent')))",
        "client.request('silent', timeout=1000)",
        "[list(client.subscribe('silent'))]",
    ],
)
def test_ctrl_c_ends_a_call_that_waits(nats_server: NatsServer, scripts: list[Script], wait: str) -> None:
    script = Script(
        nats_server.url,
        f"""
        import os, signal, sys, threading, time, txnats.blocking

        def interrupt():
            main = threading.main_thread().ident
            names = []
            while not ("wait" in names and "_ask" in names):
                time.sleep(0.01)
                frame, names = sys._current_frames()[main], []
                while frame:
                    names.append(frame.f_code.co_name)
                    frame = frame.f_back
            os.kill(os.getpid(), signal.SIGINT)

        with txnats.blocking.connect(sys.argv[1]) as client:
            client.subscribe("silent", lambda message: None)
            client.flush()
            interrupting = threading.Thread(target=interrupt)
            try:
                interrupting.start()
                {wait}
            except KeyboardInterrupt:
                client.flush()
                print("interrupted", client.status.value, client.statistics.requests)
        print("left", client.status.value)
        """,
    )
    scripts.append(script)
    assert script.end() == (0, "interrupted connected 0\nleft closed\n", "")


def test_a_program_that_just_ends_sends_what_it_published(nats_server: NatsServer, scripts: list[Script]) -> None:
    with txnats.blocking.connect(nats_server.url) as client:
        subscription = client.subscribe("farewell")
        client.flush()
        script = Script(
            nats_server.url,
            """
            import sys, txnats.blocking
            client = txnats.blocking.connect(sys.argv[1])
            client.subscribe("hangs", lambda message: client.when_closed())
            client.publish("hangs")
            client.publish("farewell", b"bye")
            """,
        )
        scripts.append(script)
        assert subscription.next(timeout=PATIENCE).payload == b"bye"
        assert script.end() == (0, "", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_process_connects_anew(nats_server: NatsServer, scripts: list[Script]) -> None:
    script = Script(
        nats_server.url,
        """
        import os, sys, txnats.blocking
        client = txnats.blocking.connect(sys.argv[1])
        client.subscribe("who", lambda message: message.respond(str(os.getpid())))
        child = os.fork()
        if not child:
            try:
                client.flush()
            except txnats.NatsError as error:
                print(type(error).__name__, error.hint, flush=True)
            with txnats.blocking.connect(sys.argv[1]) as mine:
                print(mine.request("who").payload == str(os.getppid()).encode(), flush=True)
            sys.exit()
        os.waitpid(child, 0)
        client.flush()
        print(client.status.value)
        """,
    )
    scripts.append(script)
    status, out, errors = script.end()
    assert (status, out) == (0, "MadeBeforeFork connect after the fork\nTrue\nconnected\n"), errors
