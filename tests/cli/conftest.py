"""The command against the module's server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Command
from txnats.server import NatsServer


@pytest.fixture(scope="module")
def txnats(nats_server: NatsServer, tmp_path_factory: pytest.TempPathFactory) -> Command:
    return Command(nats_server.url, tmp_path_factory.mktemp("home"))


@pytest.fixture
def lonely(tmp_path: Path) -> Command:
    """The command without a server."""
    return Command("", tmp_path / "home")
