"""P36 and P37: nothing is left behind."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

import psutil
import pytest
from twisted.internet.defer import gatherResults
from twisted.logger import globalLogBeginner, globalLogPublisher

import txnats
from tests.promises.promise import Promise, apart, reactor, sized, until
from txnats import Message

OF_CANCELLED_CALLS = 250
"""The reactor keeps some 50 cancelled calls, with what they would call, before it sweeps them out. A connection that
stays behind in each round is far more, also in the small size."""

CLEAN = """
import gc, sys
import txnats
assert "twisted.internet.reactor" not in sys.modules, "a reactor was installed"
assert "twisted.internet.selectreactor" not in sys.modules
heavy = sorted(name for name in sys.modules if name.split(".")[0] in {"hypothesis", "nats", "pytest", "rich"})
print(len([name for name in sys.modules if name.startswith("txnats")]), heavy)
"""


class Kept(NamedTuple):
    """What the process holds."""

    objects: int
    files: int
    timers: int
    rss: int


def kept() -> Kept:
    for _ in range(3):
        gc.collect()
    process = psutil.Process()
    return Kept(len(gc.get_objects()), process.num_fds(), len(reactor.getDelayedCalls()), process.memory_info().rss)


@pytest.mark.usefixtures("make_server")
class Leaks(Promise):
    async def grow(self, rounds: int, once: Callable[[int], Awaitable[object]], at_once: int) -> None:
        """Do it for a tenth, look, do the rest, look again."""
        # Twisted keeps log events until logging begins, which in a test it never does.
        history = globalLogBeginner._initialBuffer
        globalLogPublisher.removeObserver(history)
        self.addCleanup(globalLogPublisher.addObserver, history)
        await once(max(at_once, rounds // 10))
        before = kept()
        done = 0
        while done < rounds:
            await once(at_once)
            done += at_once
        after = kept()
        self.tell(
            rounds=done,
            objects=after.objects - before.objects,
            files=after.files - before.files,
            timers=after.timers - before.timers,
            rss_bytes_a_round=round((after.rss - before.rss) / done, 2),
        )
        assert after.objects - before.objects < OF_CANCELLED_CALLS + done // 1000
        assert after.files == before.files
        assert after.timers <= before.timers + 1

    @sized
    async def test_p36_reconnects(self, rounds: int) -> None:
        server = self.make_server()
        client = await self.client(server.url, reconnect=txnats.ReconnectOptions(first_wait=0, max_wait=0))
        client.subscribe("kept", lambda _: None)

        async def once(count: int) -> None:
            for _ in range(count):
                before = client.statistics.reconnects
                client.publish("kept")
                client.reconnect()
                await until(lambda: client.statistics.reconnects > before)  # noqa: B023
                await client.flush()

        await self.grow(rounds, once, 10)

    @sized
    async def test_p36_requests(self, rounds: int) -> None:
        server = self.make_server()
        client = await self.client(server.url)
        client.subscribe("ask", lambda message: message.respond(message.payload))

        async def once(count: int) -> None:
            for start in range(0, count, 100):
                await gatherResults([client.request("ask", b"%d" % (start + each)) for each in range(100)])

        await self.grow(rounds, once, 100)
        assert client.statistics.requests == 0

    @sized
    async def test_p36_subscriptions(self, rounds: int) -> None:
        server = self.make_server()
        client = await self.client(server.url)

        async def once(count: int) -> None:
            for number in range(count):
                client.subscribe(f"one.{number % 100}", lambda _: None).unsubscribe()
            await client.flush()

        await self.grow(rounds, once, 100)
        assert client.statistics.subscriptions == 0

    @sized
    async def test_p37_a_closed_client_goes(self) -> None:
        """Nothing keeps a closed client alive: not the reactor, nor a handler that knows it, nor its streams."""
        server = self.make_server()
        client = await txnats.connect(reactor, server.url)

        def answer(message: Message, client: txnats.Client = client) -> None:
            message.respond(client.status.value)

        client.subscribe("ask", answer)
        stream = client.events()
        await client.request("ask")
        await client.close()
        gone = weakref.ref(client._session)
        del client, stream, answer
        await until(lambda: gc.collect() >= 0 and gone() is None, 2)

    @sized
    async def test_p37_importing_is_clean(self) -> None:
        """``import txnats`` installs no reactor and loads nothing that it does not need."""
        command = [sys.executable, "-c", CLEAN]
        run = await apart(partial(subprocess.run, command, capture_output=True, text=True, check=False))
        assert run.returncode == 0, run.stderr
        assert run.stderr == ""
        assert run.stdout.split(" ", 1)[1].strip() == "[]"
