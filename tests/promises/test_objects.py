"""P12: an object is put wholly or not at all, through crashes of the server and of the client, in flat memory."""

from __future__ import annotations

import contextlib
import os
import random
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, gatherResults

import txnats
from tests.promises.child import Child
from tests.promises.promise import Promise, apart, reactor, sized, turns
from txnats import objectstore
from txnats.jetstream import JetStream
from txnats.server import NatsServer

STORE = "promises"


@pytest.mark.usefixtures("make_server")
class Objects(Promise):
    async def made(self) -> tuple[NatsServer, objectstore.ObjectStore]:
        """A server with the store."""
        server: NatsServer = self.make_server(jetstream=True)
        js = JetStream(await self.client(server.url))
        return server, await objectstore.create(js, objectstore.StoreConfig(STORE))

    async def orphans(self, store: objectstore.ObjectStore) -> int:
        """Chunks that belong to no object."""
        stream = await store.js.stream(f"OBJ_{STORE}")
        prefix = f"$O.{STORE}.C."
        held = (await stream.info(subjects=prefix + ">")).state.subjects
        known = {info.nuid for info in await store.list().collect()}
        return sum(count for subject, count in held.items() if subject.removeprefix(prefix) not in known)

    @sized
    async def test_p12_put_and_get_through_kills(self, size: int, kills: int, most_growth: int) -> None:
        """A client in a process of its own puts an object and gets it, while the server is killed."""
        server, store = await self.made()
        child = Child(reactor, "objects", url=server.url, store=STORE, size=size, steps=2 * kills)
        self.addCleanup(child.kill)
        killed = 0
        told: dict[str, Any] = {}
        while "digest" not in told:
            told = await child.next()
            if "step" in told and told["step"] % 2 and killed < 2 * kills:
                killed += 1
                await apart(server.kill)
                await apart(server.restart)
                child.say(go_on=True)
            elif "step" in told:
                child.say(go_on=True)
        info = await store.info("object")
        self.tell(
            bytes=size,
            killed=killed,
            failed_puts=told["failed_puts"],
            failed_gets=told["failed_gets"],
            growth=told["peak"] - told["before"],
            corrupt=int(told["digest"] != told["expected"] or info.size != size),
            orphans=await self.orphans(store),
        )
        assert self.figures["corrupt"] == 0
        assert self.figures["orphans"] == 0
        assert self.figures["growth"] < most_growth
        assert killed >= kills

    @sized
    async def test_p12_cancelled_and_two_writers(self, size: int, cancels: int) -> None:
        """Puts that are cancelled at any moment, and two writers on one name at a time."""
        server, store = await self.made()
        other = await objectstore.open(JetStream(await self.client(server.url)), STORE)
        draw = random.Random(size)
        corrupt = 0
        for _ in range(cancels):
            putting = store.put("cancelled", os.urandom(size))
            await turns(draw.uniform(0, 0.1))
            putting.cancel()
            with contextlib.suppress(CancelledError):  # it may have been done
                await putting
            await store.when_clean()
            both = [os.urandom(size), os.urandom(size)]
            await gatherResults([store.put("both", both[0]), other.put("both", both[1])])
            corrupt += await store.get("both") not in both
        self.tell(corrupt=corrupt, orphans=await self.orphans(store))
        assert corrupt == 0
        assert self.figures["orphans"] == 0

    @sized
    async def test_p12_the_client_is_killed(self, size: int, kills: int) -> None:
        """A client is killed in the midst of a put; what it leaves behind is found and dropped."""
        server, store = await self.made()
        data = os.urandom(1000)
        await store.put("kept", data)
        left = 0
        for _ in range(kills):
            child = Child(reactor, "objects", url=server.url, store=STORE, size=size, steps=2)
            await child.next()  # before the first byte
            child.say(go_on=True)
            await child.next()
            while not await self.orphans(store):
                await turns(0.01)
            await child.kill()
            left += await self.orphans(store)
            dropped = await store.purge_orphans(older_than=0)
            assert dropped == 1
        self.tell(left=left, orphans=await self.orphans(store))
        assert left > 0, "nothing was left behind: this shows nothing"
        assert self.figures["orphans"] == 0
        assert await store.get("kept") == data
        with pytest.raises(txnats.NatsError):
            await store.get("object")
