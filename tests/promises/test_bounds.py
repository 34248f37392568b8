"""P17 and P18: memory is bounded in both directions, and nothing goes uncounted."""

from __future__ import annotations

from typing import Any

from tests.promises.child import Child
from tests.promises.peer import Peer
from tests.promises.promise import Promise, reactor, sized

MIB = 1024 * 1024


class Bounds(Promise):
    def peer(self, **options: Any) -> Peer:
        peer = Peer(reactor, **options)
        self.addCleanup(peer.close)
        return peer

    def child(self, program: str, **arguments: Any) -> Child:
        child = Child(reactor, program, **arguments)
        self.addCleanup(child.kill)
        return child

    # A slow consumer

    async def flood(self, policy: str, messages: int, size: int, pending: int, most_rss: int) -> dict[str, Any]:
        peer = self.peer(flood=messages, size=size)
        child = self.child("flooded", url=peer.url, policy=policy, pending=pending)
        at_the_end_of_the_flood = await child.next()
        result = await child.next()
        self.tell(
            policy=policy,
            sent=peer.sent,
            handled=result["handled"],
            dropped=result["dropped"],
            pending=at_the_end_of_the_flood["pending"],
            slow_events=result["slow_events"],
            rss_before=at_the_end_of_the_flood["before"],
            rss_peak=result["peak"],
        )
        assert result["losses"] == 0
        assert result["least"] == 0, "a count became negative"
        assert result["pending"] == result["pending_bytes"] == 0
        assert peer.sent == messages
        assert result["peak"] < most_rss
        return result

    async def exact(self, policy: str, **sizes: int) -> None:
        """All that was sent was handled or is counted as dropped."""
        result = await self.flood(policy, **sizes)
        assert self.figures["sent"] == result["delivered"] == result["handled"] + result["dropped"]
        assert result["dropped"] > 0
        # One episode began with the flood; it ends when half is free again, and nothing is dropped after that.
        assert result["slow_events"] == 1

    @sized
    async def test_p17_flood_drop_new(self, **sizes: int) -> None:
        await self.exact("drop_new", **sizes)

    @sized
    async def test_p17_flood_drop_old(self, **sizes: int) -> None:
        await self.exact("drop_old", **sizes)

    @sized
    async def test_p17_flood_pause(self, **sizes: int) -> None:
        """Nothing is dropped: the sender has to wait."""
        result = await self.flood("pause", **sizes)
        assert self.figures["sent"] == result["delivered"] == result["handled"]
        assert result["dropped"] == 0

    @sized
    async def test_p17_flood_error(self, **sizes: int) -> None:
        """The subscription ends with the first message too many; the connection goes on."""
        result = await self.flood("error", **sizes)
        assert result["ended"] == "slow consumer"
        assert result["dropped"] == 1
        assert result["slow_events"] == 1

    # A slow server

    @sized
    async def test_p18_back_pressure(self, offered: int, size: int, most_growth: int) -> None:
        """Whoever awaits ready_to_write stops when the peer does, and loses nothing."""
        peer = self.peer(stalled=True)
        child = self.child("offering", url=peer.url, offered=offered, size=size)
        stalled = await child.next()
        assert stalled["stalled"]
        peer.go_on()
        result = await child.next()
        self.tell(
            offered=offered,
            waiting_when_stalled=stalled["waiting"],
            growth_when_stalled=stalled["rss"] - stalled["before"],
            growth=result["peak"] - stalled["before"],
            waits=result["waits"],
            received=peer.publishes,
            disorder=peer.disorder,
        )
        assert peer.publishes == result["published"] == offered // size
        assert peer.disorder == 0
        assert result["unconfirmed"] == 0
        assert result["peak"] - stalled["before"] < most_growth

    @sized
    async def test_p18_hard_cap(self, size: int) -> None:
        """Whoever does not look is refused at the cap; what was taken until then arrives, whole and in order."""
        peer = self.peer(stalled=True)
        child = self.child("overflowing", url=peer.url, size=size)
        full = await child.next()
        peer.go_on()
        result = await child.next()
        self.tell(
            limit=full["limit"],
            waiting=full["waiting"],
            growth=result["peak"] - full["before"],
            published=result["published"],
            received=peer.publishes,
            disorder=peer.disorder,
        )
        assert full["limit"] == 64 * MIB
        assert 0 <= full["limit"] - full["waiting"] < size + 30
        assert peer.publishes == result["published"]
        assert peer.disorder == 0
        assert result["unconfirmed"] == 0
