"""For pytest: ``pytest_plugins = ["txnats.testing.fixtures"]`` in ``conftest.py``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .world import World


@pytest.fixture
def nats() -> Iterator[World]:
    """NATS in memory for one test: a ``World``, closed at the end."""
    world = World()
    yield world
    world.close()
