"""Troubles by name: after each of them all is well again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from txnats import InvalidOption, ReconnectOptions, Status
from txnats.testing import TROUBLES, World, samples

ALWAYS = ReconnectOptions(max_attempts=-1)


def survives(*troubles: str) -> World:
    world = World()
    client = world.run(world.connect(reconnect=ALWAYS))
    handled: list[bytes] = []
    client.subscribe("a", lambda message: handled.append(message.payload))
    world.suffer(*troubles)
    assert client.status is Status.CONNECTED
    client.publish("a", b"1")
    world.run(client.flush(60.0))
    assert handled == [b"1"]
    return world


@pytest.mark.parametrize("name", TROUBLES)
def test_each_is_over_when_it_returns(name: str) -> None:
    survives(name).close()


@pytest.mark.parametrize("name", ["connection lost", "server restarted", "server silent"])
def test_these_cost_the_connection(name: str) -> None:
    world = survives(name)
    assert "Reconnected" in [type(event).__name__ for event in world.events]
    world.close()


@given(samples.troubles())
@settings(max_examples=20, deadline=None)
def test_any_of_them_in_any_order(troubles: list[str]) -> None:
    survives(*troubles).close()


def test_there_are_no_others() -> None:
    world: Any = World()
    with pytest.raises(InvalidOption, match="connection lost"):
        world.suffer("rain")
    world.close()
