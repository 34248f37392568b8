"""What the server in use can do, and with ``make soak`` each version there is; who cannot is sent nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

import txnats
from tests.jetstream.versions import LEVELS, VERSIONS, binary
from txnats.jetstream import Expect, JetStream, NotSupported, StreamConfig, WrongLastSequence
from txnats.server import NatsServer

reactor: Any = _reactor
NEEDED = {"ttl": 1, "ttl in a window": 1, "atomic": 2, "increment": 2, "once": 2, "often": 4, "ingest": 4}


async def outcome(deferred: Deferred[Any]) -> Any:
    try:
        return await deferred
    except txnats.NatsError as error:
        return error


class Versions(TestCase):
    make_server: Callable[..., NatsServer]
    timeout = 100

    async def check(self, wanted: str) -> None:
        server = self.make_server(binary=binary(wanted), jetstream=True)
        client = await txnats.connect(reactor, server.url)
        self.addCleanup(client.close)
        js = JetStream(client)
        level = LEVELS[wanted]
        await js.create_stream(StreamConfig(name="S", subjects=["s"], allow_msg_ttl=level >= 1))
        self.assertEqual((await js.publish("s", message_id="1")).sequence, 1)
        self.assertTrue((await js.publish("s", message_id="1")).duplicate)
        self.assertIsInstance(await outcome(js.publish("s", expect=Expect(last_sequence=9))), WrongLastSequence)
        async with js.publisher() as publisher:
            for _ in range(100):
                await publisher.publish("s")
        too_old = {name for name, found in (await self.features(client)).items() if isinstance(found, NotSupported)}
        self.assertEqual(too_old, {name for name, needed in NEEDED.items() if needed > level})
        stored = 101 + 2 * (level >= 1)
        self.assertEqual((await js.publish("s")).sequence, stored + 1)

    async def features(self, client: txnats.Client) -> dict[str, Any]:
        js = JetStream(client)  # one that knows nothing yet
        batch = js.atomic_batch()
        batch.add("s")
        batch.add("s")
        return {
            "ttl": await outcome(js.publish("s", ttl=60)),
            "ttl in a window": await outcome(JetStream(client).publisher().publish("s", ttl=60)),
            "atomic": await outcome(batch.commit()),
            "increment": await outcome(js.increment("s")),
            "once": await outcome(js.schedule("s", b"", "s", datetime.now(UTC))),
            "often": await outcome(js.schedule("s", b"", "s", timedelta(seconds=1))),
            "ingest": await outcome(js.fast_ingest().add("s")),
        }


def _story(wanted: str) -> Callable[[Versions], Deferred[None]]:
    return lambda self: Deferred.fromCoroutine(self.check(wanted))


@pytest.mark.usefixtures("make_server")
class OfTheServerInUse(Versions):
    def test_what_it_can(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.check(VERSIONS[-1]))


@pytest.mark.soak
@pytest.mark.usefixtures("make_server")
class OfEachVersion(Versions):
    pass


for _version in VERSIONS[:-1]:
    setattr(OfEachVersion, f"test_{_version.replace('.', '_')}", _story(_version))
