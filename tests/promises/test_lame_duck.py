"""P35: a server that is shut down in good order is left before it goes."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

import txnats
from tests.promises.promise import Promise, apart, reactor, sized, turns, until
from txnats import Message
from txnats.server import Cluster, ClusterMember, NatsServer
from txnats.testing import ChaosProxy


@pytest.mark.usefixtures("make_server")
class LameDuck(Promise):
    @pytest.fixture(autouse=True)
    def see_logs(self, live_servers: list[NatsServer]) -> None:
        self.live_servers = live_servers

    async def cluster(self) -> Cluster:
        cluster = Cluster(jetstream=False)
        self.addCleanup(apart, cluster.stop)
        await apart(cluster.start)
        for server in cluster.servers:
            self.live_servers.append(server)
            self.addCleanup(self.live_servers.remove, server)
        return cluster

    @sized
    async def test_p35_lame_duck(self, times: int, in_flight: int) -> None:
        """No request fails, and a queue group sees neither a gap nor a duplicate, while all move to another server.

        Requests, answered after a few milliseconds, and numbered publishes go on all the time.
        """
        cluster = await self.cluster()
        names = [server.config.name for server in cluster.servers]
        clients = [await self.client(cluster.urls[0]) for _ in range(4)]
        requester, responder, publisher, member = clients
        answers: Counter[str] = Counter()
        numbers: list[int] = []

        async def answer(message: Message) -> None:
            await deferLater(reactor, 0.003, lambda: None)
            message.respond(message.payload)

        responder.subscribe("ask", answer, queue="responders", concurrency=1000)
        member.subscribe("numbers", lambda message: numbers.append(int(message.payload)), queue="members")
        await responder.flush()
        await member.flush()
        going_on = True
        published = 0

        async def ask() -> None:
            while going_on:
                try:
                    await requester.request("ask", b"?", timeout=5.0)
                    answers["answered"] += 1
                except txnats.NatsError as error:
                    answers[type(error).__name__] += 1
                    self.tell(**{f"error_{type(error).__name__}": str(error)})
                    await turns(0.01)

        async def publish() -> None:
            nonlocal published
            while going_on:
                publisher.publish("numbers", b"%d" % published)
                published += 1
                await turns(0.001)

        working: list[Deferred[None]] = [Deferred.fromCoroutine(ask()) for _ in range(in_flight)]
        working.append(Deferred.fromCoroutine(publish()))
        slowest = 0.0
        try:
            for _ in range(times):
                await self.more(answers, 10 * in_flight)
                index = names.index(requester.server_info.server_name)
                start = reactor.seconds()
                await apart(cluster.servers[index].lame_duck)
                await until(lambda: all(names.index(each.server_info.server_name) != index for each in clients))  # noqa: B023
                slowest = max(slowest, reactor.seconds() - start)
                await self.more(answers, 10 * in_flight)
                # What it still had for us is here, or it would never let us go: nothing more is wanted of it.
                await until(lambda: all(len(each._session._open) == 1 for each in clients))
                await apart(cluster.kill, index)
                await apart(cluster.restart, index)
        finally:
            going_on = False
            await gatherResults(working)
        await publisher.flush()
        await member.flush()
        count = Counter(numbers)
        self.tell(
            times=times,
            answered=answers.pop("answered"),
            failed=answers.total(),
            seconds_to_move=round(slowest, 3),
            published=published,
            missing=published - len(count),
            twice=count.total() - len(count),
            moves=sum(each.statistics.reconnects for each in clients),
        )
        assert not answers, answers
        assert len(count) == count.total() == published

    @sized
    async def test_p35_distant_servers(self, latency: float, in_flight: int) -> None:
        """Requests that are in flight when their asker moves are answered, though the servers hear late of its move."""
        left = self.make_server(name="left", monitoring=True, cluster=ClusterMember(name="two"))
        assert left.config.cluster is not None
        proxy = ChaosProxy(reactor, left.host, left.config.cluster.port).start()
        self.addCleanup(proxy.close)
        route = f"nats-route://127.0.0.1:{proxy.port}"
        right = await apart(partial(self.make_server, name="right", cluster=ClusterMember(name="two", routes=(route,))))
        proxy.to_server.latency = proxy.to_client.latency = latency
        requester, responder = await self.client(left.url), await self.client(right.url)

        async def answer(message: Message) -> None:
            await deferLater(reactor, 0.003, lambda: None)
            message.respond(message.payload)

        responder.subscribe("ask", answer, concurrency=1000)
        await responder.flush()
        await self.reached(requester)
        answers: Counter[str] = Counter()
        going_on = True

        async def ask(number: int) -> None:
            # Spread over the time that an answer takes, so that some of them are at each point of their way.
            await turns(2 * latency * number / in_flight)
            while going_on:
                try:
                    await requester.request("ask", b"?", timeout=2.0)
                    answers["answered"] += 1
                except txnats.NatsError as error:
                    answers[type(error).__name__] += 1

        working = [Deferred.fromCoroutine(ask(number)) for number in range(in_flight)]
        try:
            await self.more(answers, 3 * in_flight)
            await apart(left.lame_duck)
            await until(lambda: requester.server_info.server_name == "right")
            await self.more(answers, 3 * in_flight)
        finally:
            going_on = False
            await gatherResults(working)
        self.tell(answered=answers.pop("answered"), failed=answers.total(), one_way=latency)
        assert not answers, answers

    async def reached(self, client: txnats.Client) -> None:
        """Wait until the servers know of the responder."""
        for _ in range(100):
            try:
                await client.request("ask", timeout=1.0)
            except txnats.NoResponders:
                await turns(0.05)
            else:
                return
        raise AssertionError("the servers do not become one cluster")

    async def more(self, answers: Counter[str], count: int) -> None:
        """Wait for so many more answers."""
        wanted = answers.total() + count
        await until(lambda: answers.total() >= wanted)
