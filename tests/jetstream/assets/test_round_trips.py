"""Full configurations against the server in use, and with ``make soak`` against each version there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.jetstream.assets import round_trips
from tests.jetstream.assets.samples import CONSUMERS, STREAMS
from tests.jetstream.story import JetStreamStory
from tests.jetstream.versions import LEVELS, VERSIONS, binary
from txnats.jetstream import JetStream
from txnats.server import NatsServer


def expected(samples: dict[str, Any], level: int, same: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: ("too old", needed) if needed > level else same for name, (needed, _) in samples.items()}


def without_actual(found: dict[str, Any]) -> dict[str, Any]:
    return {name: each[:2] if isinstance(each, tuple) else each for name, each in found.items()}


class RoundTrips(JetStreamStory):
    timeout = 120

    async def check(self, server: NatsServer, level: int) -> None:
        js: JetStream = await self.js(server)
        assert await js.api_level() >= level
        streams = await round_trips.streams(js, level)
        assert without_actual(streams) == expected(STREAMS, level, [{}, {}, {}])
        consumers = await round_trips.consumers(js, level)
        assert without_actual(consumers) == expected(CONSUMERS, level, [{}, {}])


@pytest.mark.usefixtures("class_server", "make_server")
class TestOfTheServerInUse(RoundTrips):
    def test_what_it_returns_is_what_was_asked(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.check(self.server, LEVELS["2.15"]))


def _story(wanted: str) -> Callable[[RoundTrips], Deferred[None]]:
    def test(self: RoundTrips) -> Deferred[None]:
        server = self.make_server(binary=binary(wanted), jetstream=True)
        return Deferred.fromCoroutine(self.check(server, LEVELS[wanted]))

    return test


@pytest.mark.soak
@pytest.mark.usefixtures("make_server")
class TestOfEachVersion(RoundTrips):
    pass


for _version in VERSIONS:
    setattr(TestOfEachVersion, f"test_{_version.replace('.', '_')}", _story(_version))
