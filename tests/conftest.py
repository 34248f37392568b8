"""Fixtures with a real nats-server. The log of every server that is up goes into the report of a failing test.

A plain test asks for ``nats_server`` or ``make_server``. A ``TestCase`` cannot ask by argument::

    @pytest.mark.usefixtures("class_server", "make_server")
    class Story(TestCase):
        server: NatsServer  # shared by the tests of the module
        make_server: Callable[..., NatsServer]  # each one made by it is killed after the test
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from txnats.server import NatsServer, ServerConfig

_LIVE = pytest.StashKey[list[NatsServer]]()
_LOG_LINES = 40


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LIVE] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for server in item.config.stash[_LIVE]:
            report.sections.append((f"log of {server!r}", server.log_tail(_LOG_LINES)))
    return report


@pytest.fixture(scope="session")
def live_servers(pytestconfig: pytest.Config) -> list[NatsServer]:
    """The servers whose logs go into a failing test's report: whoever starts one adds it, and takes it out again."""
    return pytestconfig.stash[_LIVE]


@pytest.fixture(scope="module")
def nats_server(live_servers: list[NatsServer]) -> Iterator[NatsServer]:
    """One server for the tests of a module, with JetStream, monitoring and no logins."""
    server = NatsServer(jetstream=True, monitoring=True)
    live_servers.append(server)
    try:
        yield server.start()
    finally:
        live_servers.remove(server)
        _end(server)


@pytest.fixture(scope="class")
def class_server(request: pytest.FixtureRequest, nats_server: NatsServer) -> None:
    """The module's server as ``self.server`` of a TestCase."""
    request.cls.server = nats_server


@pytest.fixture
def make_server(request: pytest.FixtureRequest, live_servers: list[NatsServer]) -> Iterator[Callable[..., NatsServer]]:
    """Start a server from a ServerConfig or its fields; in a TestCase it is ``self.make_server`` too."""
    made: list[NatsServer] = []

    def make(config: ServerConfig | None = None, **options: Any) -> NatsServer:
        server = NatsServer(config, **options)
        made.append(server)
        live_servers.append(server)
        return server.start()

    if request.instance is not None:
        request.instance.make_server = make
    yield make
    for server in made:
        live_servers.remove(server)
        _end(server)


def _end(server: NatsServer) -> None:
    server.kill()  # whatever a test has done to it
    server.stop()  # and its folder goes
