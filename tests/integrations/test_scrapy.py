"""A real crawl of a local site: addresses out of a pull consumer, pages into a stream, each acknowledged."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

import txnats.blocking
from txnats.blocking.jetstream import ConsumerConfig, JetStream, StreamConfig
from txnats.server import NatsServer

pytest.importorskip("scrapy")

CRAWL = Path(__file__).with_name("crawl.py")
PAGES = {
    "index.html": "<title>start</title><a href='/one.html'>one</a>",
    "one.html": "<title>one</title>",
    "two.html": "<title>two</title>",
}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A web site of three pages."""
    for name, text in PAGES.items():
        (tmp_path / name).write_text(text)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_crawl(nats_server: NatsServer, site: str) -> None:
    with txnats.blocking.connect(nats_server.url) as client:
        js = JetStream(client)
        addresses = js.create_stream(StreamConfig(name="ADDRESSES", subjects=["addresses"], retention="workqueue"))
        addresses.create_consumer(ConsumerConfig(durable_name="crawler"))
        pages = js.create_stream(StreamConfig(name="PAGES", subjects=["pages.>"], allow_direct=True))
        for page in ("index.html", "two.html"):
            js.publish("addresses", f"{site}/{page}")
        command = [sys.executable, str(CRAWL), nats_server.url]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert sorted(line.split()[2] for line in ran.stdout.splitlines()) == ["one", "start", "two"]
        with pages.get_batch() as stored:
            found = [json.loads(each.payload) for each in stored]
        assert {each["url"]: each["title"] for each in found} == {
            f"{site}/index.html": "start",
            f"{site}/one.html": "one",
            f"{site}/two.html": "two",
        }
        # Each address was acknowledged, so that the work queue is empty.
        assert addresses.info().state.messages == 0
