"""P4: what became of every publish is known, also when its server dies."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from twisted.internet.task import LoopingCall

import txnats
from tests.promises.promise import Promise, Told, apart, reactor, sized, turns, until
from tests.promises.wire import Lines
from txnats import events
from txnats.server import NatsServer

STEP = 0.005


class Publishing:
    """Numbered publishes at a steady rate, whether or not there is a connection."""

    def __init__(self, client: txnats.Client, rate: int) -> None:
        self.sent = 0
        self._client = client
        self._each = int(rate * STEP)
        self._loop = LoopingCall.withCount(self._publish)
        self._loop.clock = reactor

    def _publish(self, ticks: int) -> None:
        for _ in range(ticks * self._each):
            self._client.publish("numbers", b"%d" % self.sent)
            self.sent += 1

    def start(self) -> None:
        self._loop.start(STEP).addErrback(lambda failure: failure.raiseException())

    def stop(self) -> None:
        if self._loop.running:
            self._loop.stop()


@pytest.mark.usefixtures("make_server")
class Fates(Promise):
    @sized
    async def test_p4_loss_is_reported(self, kills: int, rate: int) -> None:
        """Not one publish is lost that the events did not count, and they never count what a PONG had confirmed."""
        await self.survive(kills, rate, replay=False)
        assert self.figures["lost_and_not_reported"] == 0
        assert self.figures["reported_beyond_the_last_pong"] == 0
        assert self.figures["lost"] > 0, "nothing was lost: this shows nothing"
        assert self.figures["inversions"] == 0
        assert self.figures["twice"] == 0

    @sized
    async def test_p4_replay_loses_nothing(self, kills: int, rate: int) -> None:
        """With replay_unconfirmed nothing is lost; what came twice is counted."""
        await self.survive(kills, rate, replay=True)
        assert self.figures["lost"] == 0
        assert self.figures["reported_beyond_the_last_pong"] == 0

    async def survive(self, kills: int, rate: int, *, replay: bool) -> None:
        """Kill the server again and again under a steady flow, with a core subscriber on its own connection.

        The publisher comes back only after the subscriber has: else it would be the subscriber's absence that is
        counted. Before every other kill the server stands still for a moment, so that there is something to lose.
        """
        server: NatsServer = self.make_server()
        seen: list[int] = []
        told, lines = Told(), Lines(reactor)
        subscriber = await self.client(server.url)
        subscriber.subscribe("numbers", lambda message: seen.append(int(message.payload)))
        await subscriber.flush()
        publisher = await self.client(
            server.url,
            endpoint_factory=lines.endpoint,
            on_event=told,
            reconnect=txnats.ReconnectOptions(first_wait=0.02, max_wait=0.1, replay_unconfirmed=replay),
        )
        publishing = Publishing(publisher, rate)
        self.addCleanup(publishing.stop)
        publishing.start()
        lost_before = unreported = beyond = 0
        for kill in range(kills):
            sent = publishing.sent
            await until(lambda: publishing.sent >= sent + rate // 10)  # noqa: B023
            # Between two of its publishes: a PONG says that the server has read, and a server that dies in that very
            # moment may not have handed on what it read. No client can tell that, and none is asked to here.
            await turns(STEP / 2)
            lines.hold()
            if kill % 2:
                await apart(server.suspend)
                await turns(0.02)
            await apart(server.kill)
            await until(lambda: len(told.of(events.Disconnected)) == kill + 1)  # noqa: B023
            reported = told.of(events.Disconnected)[-1].unconfirmed
            beyond += max(0, reported - lines.all[-1].published_since_the_last_pong())
            back = subscriber.statistics.reconnects
            await apart(server.restart)
            await until(lambda: subscriber.statistics.reconnects == kill + 1, 10)  # noqa: B023
            assert back <= kill + 1
            await subscriber.flush()
            lines.go_on()
            await until(lambda: len(told.of(events.Reconnected)) == kill + 1)  # noqa: B023
            mark = publishing.sent
            await publisher.flush()
            await subscriber.flush()
            lost = len(set(range(mark)) - set(seen))
            unreported += max(0, lost - lost_before - reported)
            lost_before = lost
        publishing.stop()
        await publisher.flush()
        await subscriber.flush()
        count = Counter(seen)
        self.tell(
            kills=kills,
            published=publishing.sent,
            lost=publishing.sent - len(count),
            reported=sum(event.unconfirmed for event in told.of(events.Disconnected)),
            lost_and_not_reported=unreported,
            reported_beyond_the_last_pong=beyond,
            twice=sum(count.values()) - len(count),
            inversions=sum(after <= before for before, after in pairwise(seen)),
        )
