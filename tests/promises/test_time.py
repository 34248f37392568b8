"""P31, P32 and P34: a dead link is found, a process that stood still comes back once, many do not stampede."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock, LoopingCall

import txnats
from tests.promises.child import Child
from tests.promises.promise import Promise, Told, apart, reactor, sized, turns, until
from txnats import events
from txnats.testing import ChaosProxy, FakeServer, MemoryNetwork


@pytest.mark.usefixtures("make_server")
class Time(Promise):
    @sized
    async def test_p31_half_open(self, interval: float, outstanding: tuple[int, ...]) -> None:
        """Nothing comes any more, while publishes still leave: found after interval x (outstanding + 1)."""
        server = self.make_server()
        proxy = ChaosProxy(reactor, server.host, server.port).start()
        self.addCleanup(proxy.close)
        found: dict[str, float] = {}
        for most in outstanding:
            told = Told()
            ping = txnats.PingOptions(interval=interval, max_outstanding=most)
            client = await self.client(f"127.0.0.1:{proxy.port}", ping=ping, on_event=told)
            publishing = LoopingCall(client.publish, "into.the.void", b"x" * 100)
            publishing.start(interval / 10)
            try:
                await turns(interval / 2)
                proxy.half_open = True
                start = reactor.seconds()
                await until(lambda: told.of(events.Disconnected))  # noqa: B023
                found[str(most)] = round(reactor.seconds() - start, 3)
                proxy.half_open = False
                await until(lambda: told.of(events.Reconnected))  # noqa: B023
            finally:
                publishing.stop()
            lost = told.of(events.Disconnected)[0]
            assert isinstance(lost.reason, txnats.StaleConnection)
            assert lost.unconfirmed > 0
            await client.close()
        self.tell(interval=interval, seconds_by_outstanding=found)
        for most in outstanding:
            # The last byte may have come up to an interval before the line went dead.
            assert interval * most <= found[str(most)] < interval * (most + 1) + 0.5, found

    @sized
    async def test_p31_idle_link(self, interval: float, intervals: int) -> None:
        """A link on which nothing happens but PING and PONG is kept."""
        server = self.make_server()
        told = Told()
        await self.client(server.url, ping=txnats.PingOptions(interval=interval, max_outstanding=2), on_event=told)
        await turns(interval * intervals)
        lost = told.of(events.Disconnected)
        self.tell(intervals=intervals, losses=len(lost))
        assert lost == []

    @sized
    async def test_p32_stopped_process(self, interval: float, stopped: float) -> None:
        """A process that stood still for longer than its server has patience reconnects once, and once only."""
        server = self.make_server(ping_interval=interval, extra="ping_max: 1")
        child = Child(reactor, "stopping", url=server.url, interval=interval)
        self.addCleanup(child.kill)
        await child.next()
        await turns(interval)
        child.stop()
        await turns(stopped)
        child.go_on()
        await turns(4 * interval)
        child.say(tell=True)
        result = await child.next()
        self.tell(**result)
        assert result["disconnected"] == result["reconnected"] == result["attempts"] == 1
        assert result["flushed"]

    @sized
    async def test_p32_the_clock_jumps(self, jump: float) -> None:
        """A day goes by at once: the client asks the server, and stays."""
        clock = Clock()
        network = MemoryNetwork(clock)
        told = Told()
        client = network.run(txnats.connect(clock, network.endpoint(FakeServer(clock)), on_event=told))
        clock.advance(jump)
        network.pump()
        network.advance(300.0)
        self.tell(jump=jump, losses=len(told.of(events.Disconnected)))
        assert len(told.of(events.Disconnected)) == 0
        assert client.status is txnats.Status.CONNECTED
        network.run(client.flush())
        network.run(client.close())

    @sized
    async def test_p34_no_herd(self, clients: int, down: float, most_share: float) -> None:
        """Many clients whose server was away for a while come back one after another."""
        server = self.make_server()
        back: list[float] = []

        def note(event: events.Event) -> None:
            if isinstance(event, events.Reconnected):
                back.append(reactor.seconds())

        made = [
            await self.client(server.url, on_event=note, reconnect=txnats.ReconnectOptions()) for _ in range(clients)
        ]
        await apart(server.kill)
        await turns(down)
        start = reactor.seconds()
        await apart(server.restart)
        await until(lambda: len(back) == clients, 30)
        after = sorted(moment - start for moment in back)
        step = 0.02
        slots: dict[int, int] = {}
        for moment in after:
            slots[int(moment / step)] = slots.get(int(moment / step), 0) + 1
        self.tell(
            clients=clients,
            down=down,
            first=round(after[0], 3),
            p50=round(after[clients // 2], 3),
            last=round(after[-1], 3),
            peak_a_second=round(max(slots.values()) / step),
            share_at_the_peak=round(max(slots.values()) / clients, 3),
        )
        assert all(client.statistics.reconnects == 1 for client in made)
        assert max(slots.values()) <= clients * most_share
