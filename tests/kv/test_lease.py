"""Leases and elections on a real server."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

import txnats
from tests.kv.home import Home, error_of, reactor, until
from txnats import kv
from txnats.jetstream import NotSupported


def later(seconds: float) -> Deferred[None]:
    return deferLater(reactor, seconds, lambda: None)


@pytest.mark.usefixtures("class_server", "make_server")
class Leases(Home):
    async def test_one_holder_who_renews(self) -> None:
        bucket = await self.bucket()
        async with bucket.lease("job", ttl=1.0, holder="first") as lease:
            assert lease.is_held
            assert lease.token == lease.revision == 1
            assert 0 < lease.seconds_left < 1.0
            assert (await bucket.get("job")).value == b"first"
            error = await error_of(bucket.lease("job", ttl=1.0, timeout=0).acquire())
            assert isinstance(error, kv.LeaseHeld)
            assert (error.holder, error.revision >= 1) == (b"first", True)
            await later(1.5)
            assert lease.is_held
            assert lease.revision > lease.token
        assert lease.seconds_left == 0
        assert isinstance(await error_of(bucket.get("job")), kv.KeyDeleted)
        assert await lease.when_lost() is None

    async def test_the_next_one_gets_it_when_it_is_let_go(self) -> None:
        bucket = await self.bucket()
        first = await bucket.lease("job", ttl=30.0).acquire()
        waiting = bucket.lease("job", ttl=30.0).acquire()
        await later(0.1)
        assert not waiting.called
        await first.release()
        second = await waiting
        assert second.token > first.token
        await second.release()
        await second.release()

    async def test_a_dead_holder_is_replaced(self) -> None:
        bucket = await self.bucket()
        dead = await self.stream_of_all()
        await (await kv.open(dead, bucket.name)).lease("job", ttl=1.0).acquire()
        await dead.client.close()
        lease = await bucket.lease("job", ttl=1.0, timeout=20.0).acquire()
        assert lease.is_held
        await lease.release()

    async def test_its_loss_is_told(self) -> None:
        bucket = await self.bucket()
        lease = await bucket.lease("job", ttl=1.0).acquire()
        lost = lease.when_lost()
        await bucket.put("job", b"mine")
        error = await lost
        assert isinstance(error, kv.LeaseLost)
        assert not lease.is_held
        await lease.release()
        assert (await bucket.get("job")).value == b"mine"

    async def test_leaving_a_lost_lease_raises(self) -> None:
        bucket = await self.bucket()

        async def lose(error: Exception | None = None) -> None:
            async with bucket.lease("job", ttl=1.0) as lease:
                await bucket.delete("job")
                await lease.when_lost()
                if error is not None:
                    raise error

        with pytest.raises(kv.LeaseLost):
            await lose()
        with pytest.raises(ValueError, match="own"):
            await lose(ValueError("own"))

    async def test_work_is_guarded(self) -> None:
        bucket = await self.bucket()
        lease = await bucket.lease("job", ttl=1.0).acquire()

        async def work() -> int:
            await later(0)
            return 7

        assert await lease.guard(work()) == 7
        endless: Deferred[None] = Deferred()
        guarded = lease.guard(endless)
        await bucket.delete("job")
        assert isinstance(await error_of(guarded), kv.LeaseLost)
        assert endless.called

    async def test_what_it_needs(self) -> None:
        bucket = await self.bucket(allow_ttl=False)
        assert isinstance(await error_of(bucket.lease("job", ttl=1.0).acquire()), NotSupported)
        with pytest.raises(txnats.InvalidOption):
            bucket.lease("job", ttl=0.5)
        assert isinstance(await error_of(bucket.lease("a b", ttl=1.0).acquire()), kv.InvalidKey)

    async def test_a_lease_that_cannot_be_renewed_ends_in_time(self) -> None:
        server = self.make_server(jetstream=True)
        js = await self.stream_of_all(url=server.url)
        bucket = await kv.create(js, kv.BucketConfig("b"))
        lease = await bucket.lease("job", ttl=1.0).acquire()
        begun = reactor.seconds()
        server.kill()
        assert isinstance(await lease.when_lost(), kv.LeaseLost)
        assert reactor.seconds() - begun < 5
        assert not lease.is_held
        await lease.release()

    async def test_an_election(self) -> None:
        bucket = await self.bucket()
        one = bucket.elect("lead", ttl=1.0, candidate="one")
        assert await one.when_elected() == one.token
        two = bucket.elect("lead", ttl=1.0, candidate="two")
        await later(0.2)
        assert (one.is_leader, two.is_leader) == (True, False)
        await one.resign()
        token = await two.when_elected()
        events = [await one.next(), await one.next()]
        assert isinstance(events[0], kv.Elected)
        assert token > events[0].token
        assert events[1] == kv.Deposed(None)
        await two.withdraw()
        await one.when_elected()
        await one.withdraw()
        assert not one.is_leader
        assert [type(event) for event in await one.collect()] == [kv.Elected]

    async def test_running_without_hope_says_so(self) -> None:
        bucket = await self.bucket(allow_ttl=False)
        election = bucket.elect("lead", ttl=1.0)
        event = await election.next(timeout=10)
        assert isinstance(event, kv.NotElected)
        assert isinstance(event.error, NotSupported)
        await election.withdraw()
        await until(lambda: not election.is_leader)
