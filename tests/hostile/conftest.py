"""Fixtures of the hostile cases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hostile.process import ClientProcess
from tests.hostile.runner import Runner
from txnats.server import NatsServer


@pytest.fixture(scope="session")
def hostile_client() -> Iterator[ClientProcess]:
    process = ClientProcess()
    yield process
    process.stop()


@pytest.fixture
def runner(request: pytest.FixtureRequest, hostile_client: ClientProcess, nats_server: NatsServer) -> Runner:
    """Runs a case with a healthy server at hand."""
    return Runner(request.node.name, hostile_client, nats_server)
