"""P10 (watchers), P38, P39: buckets in crashes. Watchers miss nothing, no update is lost, a lease has one holder."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore, gatherResults
from twisted.internet.task import LoopingCall

import txnats
from tests.promises.promise import Promise, apart, reactor, sized, turns, until
from txnats import kv
from txnats.jetstream import JetStream
from txnats.nuid import next_nuid
from txnats.server import NatsServer

BUCKET = "promises"
MARKERS_STAY = 600.0
AT_A_TIME = 64


class Seen:
    """What one watcher tells.

    Attributes:
        revisions: Of values.
        keys: Keys of which anything was told.
        ends: How often the end of the initial values was told.
    """

    def __init__(self, bucket: kv.Bucket, **options: Any) -> None:
        self.revisions: set[int] = set()
        self.keys: set[str] = set()
        self.ends = 0
        self.ready = False
        self.found_at = 0.0
        self.watcher: kv.Watcher[Any] = bucket.watch(handler=self._told, marker=True, **options)
        self.watcher.ready.addCallbacks(self._is_ready, lambda failure: failure.trap(txnats.NatsError))

    def _told(self, item: kv.Entry | kv.Marker) -> None:
        if isinstance(item, kv.Marker):
            self.ends += 1
            return
        self.found_at = self.found_at or reactor.seconds()
        self.revisions.add(item.revision)
        self.keys.add(item.key)

    def _is_ready(self, _: None) -> None:
        self.ready = True


class Writer:
    """Writes keys, each once; of every tenth the time to live is short."""

    def __init__(self, bucket: kv.Bucket) -> None:
        self.lasting: dict[int, str] = {}
        self.expiring: set[str] = set()
        self._bucket = bucket
        self._slots = DeferredSemaphore(AT_A_TIME)

    async def write(self, keys: int) -> None:
        """All of them, as often as it takes."""
        await gatherResults([self._slots.run(self._one, number) for number in range(keys)])

    def _one(self, number: int) -> Deferred[None]:
        return Deferred.fromCoroutine(self._written(number))

    async def _written(self, number: int) -> None:
        key = f"key.{number}"
        while True:
            try:
                if number % 10 == 0:
                    await self._bucket.create(key, b"short", ttl=1)
                    self.expiring.add(key)
                else:
                    self.lasting[await self._bucket.put(key, b"%d" % number)] = key
                return
            except kv.KeyExists:
                self.expiring.add(key)
                return
            except txnats.NatsError:
                await turns(0.05)


@pytest.mark.usefixtures("make_server")
class Buckets(Promise):
    async def opened(self, server: NatsServer) -> kv.Bucket:
        """The bucket, by a client of its own."""
        return await kv.open(JetStream(await self.client(server.url)), BUCKET)

    async def made(self, **options: Any) -> NatsServer:
        """A server with the bucket."""
        server: NatsServer = self.make_server(jetstream=True)
        client = await self.client(server.url)
        await kv.create(JetStream(client), kv.BucketConfig(BUCKET, **options))
        return server

    @sized
    async def test_p10_watchers_miss_nothing(self, keys: int, kills: int, watchers: int) -> None:
        """Keys are written while watchers begin and stop and the server is killed; some of the keys expire."""
        server = await self.made(limit_marker_ttl=MARKERS_STAY)
        writer = Writer(await self.opened(server))
        options: list[dict[str, Any]] = [{}, {"updates_only": True}, {"history": True}, {"from_revision": 1}]
        staying = [Seen(await self.opened(server), **each) for each in options]
        await until(lambda: all(each.ready for each in staying))
        bucket = await self.opened(server)
        begun: list[Seen] = []
        draw = random.Random(keys)

        def begin() -> None:
            begun.append(Seen(bucket, ignore_deletes=draw.random() < 0.5))

        beginning = LoopingCall(begin)
        beginning.clock = reactor
        writing = Deferred.fromCoroutine(writer.write(keys))
        resumed = 0.0
        for kill in range(kills):
            await until(lambda: len(writer.lasting) >= keys * (kill + 0.5) * 0.9 / kills)  # noqa: B023
            if kill == 0:
                beginning.start(0.02).addErrback(lambda failure: failure.raiseException())
            await apart(server.kill)
            await apart(server.restart)
            back = reactor.seconds()
            for each in staying:
                each.found_at = 0.0
            await until(lambda: all(each.found_at for each in staying), 30)
            resumed = max(resumed, max(each.found_at for each in staying) - back)
            if len(begun) >= watchers and beginning.running:
                beginning.stop()
        await until(lambda: len(begun) >= watchers or not beginning.running)
        if beginning.running:
            beginning.stop()
        await writing
        all_of_them = [*staying, *begun]
        await until(lambda: all(each.ready for each in all_of_them), 30)
        wanted = set(writer.lasting)
        await until(lambda: all(wanted <= each.revisions for each in all_of_them), 30)
        await until(lambda: all(writer.expiring <= each.keys for each in staying), 30)
        for each in all_of_them:
            each.watcher.stop()
        self.tell(
            watchers=len(all_of_them),
            revisions=len(wanted),
            expiring=len(writer.expiring),
            missed=sum(len(wanted - each.revisions) for each in all_of_them),
            ends=sorted({each.ends for each in all_of_them}),
            resumed_in=round(resumed, 2),
        )
        assert self.figures["missed"] == 0
        assert self.figures["ends"] == [1]
        assert resumed < 10.0, "on a loaded machine"

    @sized
    async def test_p38_no_lost_update(self, rounds: int) -> None:
        """Two writers add to one counter by compare and set."""
        server = await self.made(history=64)
        revisions: list[int] = []
        refused = 0

        async def write(bucket: kv.Bucket) -> None:
            nonlocal refused
            for _ in range(rounds // 2):
                while True:
                    entry = await bucket.get("counter")
                    try:
                        revisions.append(await bucket.update("counter", b"%d" % (int(entry.value) + 1), entry.revision))
                        break
                    except kv.WrongRevision:
                        refused += 1

        buckets = [await self.opened(server) for _ in range(2)]
        await buckets[0].create("counter", b"0")
        await gatherResults([Deferred.fromCoroutine(write(bucket)) for bucket in buckets])
        final = int((await buckets[0].get("counter")).value)
        self.tell(
            updates=len(revisions),
            refused=refused,
            lost=rounds - final,
            revisions_used_twice=len(revisions) - len(set(revisions)),
        )
        assert len(revisions) == rounds
        assert final == rounds
        assert len(set(revisions)) == rounds
        assert refused > 0, "they never met: this shows nothing"

    @sized
    async def test_p39_one_holder(self, holders: int, kills: int, ttl: float) -> None:
        """Holders in turn, of whom some hold on and some let go, while the server is killed."""
        server = await self.made()
        held: list[tuple[int, int, float, float]] = []
        lost = 0
        going = True

        async def hold(bucket: kv.Bucket, draw: random.Random) -> None:
            nonlocal lost
            while going:
                lease = bucket.lease("the-one", ttl=ttl, holder=next_nuid())
                try:
                    await lease.acquire()
                except txnats.NatsError:
                    await turns(0.1)
                    continue
                begun = reactor.seconds()
                over = lease.when_lost()
                over.addTimeout(draw.uniform(0.01, ttl), reactor, lambda *_: None)
                ended = await over
                # It is relied on up to this moment, and no longer than its time is.
                until_then = min(reactor.seconds(), begun + ttl) if ended else reactor.seconds()
                held.append((lease.token, lease.revision, begun, until_then))
                lost += ended is not None
                if draw.random() < 0.8:
                    await lease.release()
                else:
                    lease.abandon()  # as if its holder had died

        working = []
        for number in range(holders):
            working.append(Deferred.fromCoroutine(hold(await self.opened(server), random.Random(number))))
        for _ in range(kills):
            mark = len(held)
            await until(lambda: len(held) >= mark + 5, 60)  # noqa: B023
            await apart(server.kill)
            await turns(0.2)
            await apart(server.restart)
        mark = len(held)
        await until(lambda: len(held) >= mark + 5, 60)
        going = False
        for each in working:
            each.addErrback(lambda failure: failure.trap(CancelledError) and None)
            each.cancel()
        await gatherResults(working)
        held.sort()
        overlapping = sum(after[0] <= before[1] for before, after in pairwise(held))
        together = sum(after[2] < before[3] for before, after in pairwise(held))
        self.tell(leases=len(held), lost=lost, overlapping_revisions=overlapping, held_at_one_time=together)
        assert overlapping == 0
        assert together == 0
