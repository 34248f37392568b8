"""Services of other clients, and several processes of ours, on a real server."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutput
from twisted.trial.unittest import TestCase

import txnats
from txnats.server import NatsServer
from txnats.services import Service, ServiceError, call, discover, stats

HERE = Path(__file__).parent
PATIENCE = 30


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Iterator[None]:
    """``self.start(program, url)``: a process that has said that it is ready."""
    running: list[subprocess.Popen[str]] = []

    def start(program: str, url: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(HERE / program), url]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    request.instance.start = start
    yield
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.usefixtures("class_server", "start")
class Others(TestCase):
    server: NatsServer
    start: Callable[[str, str], subprocess.Popen[str]]

    async def client(self) -> txnats.Client:
        client = await txnats.connect(reactor, self.server.url)
        self.addCleanup(client.close)
        return client

    async def test_a_service_of_nats_py_is_found_and_asked(self) -> None:
        await deferToThread(self.start, "peer_service.py", self.server.url)
        client = await self.client()
        (found,) = await discover(client, "doubler").collect()
        assert (found.name, found.version, found.description) == ("doubler", "2.1.0", "doubles")
        endpoint = found.endpoint("double")
        assert (endpoint.subject, endpoint.queue_group, endpoint.metadata) == ("math.double", "q", {"unit": "m"})
        assert await call(client, endpoint, "21", reply=int) == 42
        with pytest.raises(ServiceError) as caught:
            await call(client, endpoint, "x")
        assert (caught.value.code, caught.value.description) == (400, "not a number")
        assert caught.value.payload
        (counted,) = await stats(client, "doubler", found.id).collect()
        assert [each.num_requests for each in counted.endpoints or ()] == [2]

    async def test_nats_py_understands_ours(self) -> None:
        client = await self.client()
        service = await Service.start(client, "adder", "1.0.0", description="adds", metadata={"a": "b"})
        types: Any = {"request": dict[str, list[int]], "reply": int}
        await service.add_endpoint("add", lambda request: sum(request.value["numbers"]), **types).ready()
        output = await getProcessOutput(
            sys.executable, [str(HERE / "peer_requester.py"), self.server.url], errortoo=True
        )
        told = json.loads(output)
        assert {told[verb]["id"] for verb in ("PING", "INFO", "STATS")} == {service.id}
        assert told["INFO"]["endpoints"][0]["subject"] == "add"
        assert told["INFO"]["metadata"] == {"a": "b"}
        assert told["STATS"]["started"].startswith("20")
        assert told["good"] == "3"
        assert told["bad"]["Nats-Service-Error-Code"] == "500"
        await service.stop()
        self.flushLoggedErrors(KeyError)

    async def test_counts_and_shares_of_four_processes_add_up_while_two_stop(self) -> None:
        client = await self.client()
        workers = [await deferToThread(self.start, "worker.py", self.server.url) for _ in range(4)]
        asked, done = 10_000, 0
        for start in range(0, asked, 200):
            replies = await gatherResults(
                [call(client, "work", b"%d" % n, timeout=10.0) for n in range(start, start + 200)]
            )
            assert [reply.payload for reply in replies] == [b"%d" % n for n in range(start, start + 200)]
            done += len(replies)
            if start in {4000, 6000}:
                workers[start == 6000].send_signal(signal.SIGINT)
        for worker in workers[2:]:
            worker.send_signal(signal.SIGINT)
        shares = []
        for worker in workers:
            output, _ = await deferToThread(worker.communicate, timeout=PATIENCE)
            (endpoint,) = json.loads(output)["endpoints"]
            shares.append(endpoint["num_requests"])
            assert endpoint["num_errors"] == 0
            assert worker.returncode == 0
        assert sum(shares) == asked == done
        assert all(share > 0 for share in shares)
