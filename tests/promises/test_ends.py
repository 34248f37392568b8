"""P13: drain and close end in every state, in time, and lose no message that was received."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

import txnats
from tests.client.harness import Net, Outcome
from tests.promises.promise import Promise, reactor, sized, turns, until
from txnats import Message


class Run:
    """One life of a client in memory: things happen in random order, and it is asked to end somewhere on the way."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.net = Net()
        self.handled = 0
        self.working: list[Deferred[None]] = []
        self.asked: list[Deferred[Any]] = []
        self.outcomes: list[Outcome] = []
        self.ends = 0

    def go(self) -> tuple[int, int]:
        """How many messages came and how many of them were handled or told as abandoned."""
        chance, net = self.chance, self.net
        if chance.random() < 0.2:
            net.server.up = False
        elif chance.random() < 0.2:
            net.server.slow = True
        reconnect = txnats.ReconnectOptions(retry_on_first_connect=True, max_wait=1)
        options = txnats.connecting.Options(endpoint_factory=net.endpoint, reconnect=reconnect)
        client, session = txnats.connecting.build(net.clock, "nats://host:4222", options)
        self.outcomes.append(Outcome(session.start()))
        self.client = client
        plain = client.subscribe("plain", self.plain)
        slow = client.subscribe("slow", self.slow, concurrency=chance.choice((1, 3)))
        read = client.subscribe("read")
        ending = client.subscribe("ending", lambda _: self.end())
        steps = [self.message] * 5 + [self.cut, self.flip, self.finish, self.wait, self.end, self.cancel, self.ask]
        for _ in range(chance.randrange(3, 25)):
            chance.choice(steps)()
            if chance.random() < 0.7:
                net.settle()
        if not self.ends:
            self.end()
        for each in [*self.working]:
            if not each.called:
                each.callback(None)
        # More than each deadline together: connecting, draining, closing.
        net.wait(10, 0.5)
        self.outcomes.append(Outcome(client.close()))
        net.wait(5, 0.5)
        assert all(outcome.fired for outcome in self.outcomes), "somebody waits for ever"
        assert client.status is txnats.Status.CLOSED
        assert client.statistics.requests == client.statistics.subscriptions == 0
        net.nothing_left()
        del read, ending
        return plain.delivered + slow.delivered, plain.handled + slow.handled

    def plain(self, _: Message) -> None:
        self.handled += 1

    def slow(self, _: Message) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        self.working.append(done)
        return done

    def message(self) -> None:
        pipes = self.net.open_pipes()
        subject = self.chance.choice(
            ("plain", "slow", "read", "ending") if self.chance.random() < 0.3 else ("plain", "slow")
        )
        if pipes and any(entry[0] == subject for entry in pipes[-1].subs.values()):
            pipes[-1].msg(subject, *[b"x"] * self.chance.randrange(1, 4))

    def cut(self) -> None:
        for pipe in self.net.open_pipes():
            pipe.cut()

    def flip(self) -> None:
        server = self.net.server
        if self.chance.random() < 0.5:
            server.up = not server.up
        else:
            server.pongs = not server.pongs

    def finish(self) -> None:
        for each in self.working:
            if not each.called:
                each.callback(None)

    def wait(self) -> None:
        self.net.wait(self.chance.choice((0.01, 0.3, 2.0)), 0.1)

    def ask(self) -> None:
        for asked in (self.client.flush(1.0), self.client.request("nobody", timeout=1.0), self.client.ready_to_write()):
            self.outcomes.append(Outcome(asked))

    def end(self) -> None:
        self.ends += 1
        client = self.client
        way = self.chance.randrange(4)
        if way == 0:
            asked: Deferred[Any] = client.close()
        elif way == 1:
            asked = client.drain(self.chance.choice((0.0, 0.5, 5.0)))
        elif way == 2:
            asked = client.when_closed()
        else:
            active = client._active()
            asked = self.chance.choice(active).drain(1.0) if active else client.close()
        self.asked.append(asked)
        self.outcomes.append(Outcome(asked))

    def cancel(self) -> None:
        if self.asked:
            self.chance.choice(self.asked).cancel()


@pytest.mark.usefixtures("make_server")
class Ends(Promise):
    @sized
    async def test_p13_every_end(self, runs: int) -> None:
        """Whatever happens, everybody who waits is told, and no socket and no timer is left."""
        received = handled = 0
        for seed in range(runs):
            try:
                came, done = Run(seed).go()
            except BaseException as error:
                self.tell(hangs=1, failing_seed=seed)
                raise AssertionError(f"seed {seed}") from error
            received += came
            handled += done
        self.tell(runs=runs, hangs=0, received=received, handled=handled)
        assert 0 < handled <= received

    @sized
    async def test_p13_drain_under_load(self, messages: int) -> None:
        """Drained in the midst of a flow: all that was received is handled, all that handlers published is sent."""
        server = self.make_server()
        publisher = await self.client(server.url)
        witness = await self.client(server.url)
        client = await self.client(server.url)
        seen: Counter[str] = Counter()
        witness.subscribe("done", lambda _: seen.update(["done"]))

        async def work(message: Message) -> None:
            if len(message.payload) % 7 == 0:
                await deferLater(reactor, 0.001, lambda: None)
            client.publish("done", message.payload)

        subscription = client.subscribe("work", work, concurrency=50)
        await client.flush()
        await witness.flush()

        async def publish() -> None:
            for number in range(messages):
                publisher.publish("work", b"%d" % number * (number % 9))
                if number % 100 == 99:
                    await publisher.ready_to_write()
                    await turns()

        publishing = Deferred.fromCoroutine(publish())
        await until(lambda: subscription.handled > messages // 10)
        report = await client.drain()
        await publishing
        await witness.flush()
        self.tell(
            published=messages,
            received=subscription.delivered,
            handled=report.handled,
            abandoned=report.abandoned,
            unsent=report.unsent,
            witnessed=seen.total(),
        )
        assert report.handled == subscription.delivered == seen.total()
        assert report.abandoned == report.unsent == 0
