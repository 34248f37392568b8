"""The programs on buckets and object stores under example/new/, as processes of their own on a real server."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import txnats
from tests.examples.test_examples import ROOT, Program
from tests.kv.home import Home, apart
from txnats import kv, objectstore
from txnats.server import NatsServer

DATA = bytes(range(256)) * 4000
NEW = ROOT / "example" / "new"


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Iterator[None]:
    """Start a program; as ``self.run_program``. It is ended after the test."""
    started: list[Program] = []

    def start(path: Path, *arguments: str) -> Program:
        started.append(Program(path, *arguments))
        return started[-1]

    request.instance.run_program = start
    yield
    for program in started:
        program.end()


@pytest.mark.usefixtures("class_server", "run")
class Examples(Home):
    server: NatsServer
    run_program: Callable[..., Program]

    async def test_live_settings(self) -> None:
        js = await self.stream_of_all()
        bucket = await kv.create(js, kv.BucketConfig("settings"))
        await bucket.put("lamp", b"on")
        program = self.run_program(NEW / "live_settings.py", "--url", self.server.url, "--count", "2")
        await apart(program.wait_for, "settings: {'lamp': 'on'}")
        await bucket.put("door", b"open")
        await apart(program.wait_for, "now: {'lamp': 'on', 'door': 'open'}")
        await bucket.delete("lamp")
        await apart(program.wait_for, "now: {'door': 'open'}")
        assert await apart(program.finish) == (0, "")

    async def test_serve_objects(self) -> None:
        js = await self.stream_of_all()
        store = await objectstore.create(js, objectstore.StoreConfig("files"))
        await store.put("a b", DATA)
        await store.put("empty", b"")
        program = self.run_program(NEW / "serve_objects.py", "--url", self.server.url, "--port", "0")
        await apart(program.wait_for, "serving files")
        found = re.search(r":(\d+)/", program.printed[-1])
        assert found is not None
        port = int(found.group(1))

        def ask(path: str, **headers: str) -> tuple[int, bytes, str | None]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            try:
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                return answer.status, answer.read(), answer.getheader("content-range")
            finally:
                connection.close()

        size = len(DATA)
        assert await apart(ask, "/a%20b") == (200, DATA, None)
        assert await apart(ask, "/empty") == (200, b"", None)
        assert (await apart(ask, "/none"))[0] == 404
        for asked, first, end in (("5-9", 5, 10), ("500000-", 500_000, size), ("-7", size - 7, size)):
            status, data, told = await apart(lambda asked=asked: ask("/a%20b", Range=f"bytes={asked}"))
            assert (status, told) == (206, f"bytes {first}-{end - 1}/{size}")
            assert data == DATA[first:end]
        assert (await apart(lambda: ask("/a%20b", Range=f"bytes={size}-")))[0] == 416
        program.interrupt()
        status, errors = await apart(program.finish)
        assert (status, errors) == (0, "")
        assert isinstance(await store.info("a b"), objectstore.ObjectInfo)
        assert txnats.Status.CONNECTED is js.client.status
