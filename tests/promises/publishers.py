"""Publishers on a cluster that is being hurt, and what its stream holds in the end."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from statistics import median
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

import txnats
from tests.promises.promise import Promise, apart, until
from txnats.jetstream.context import JetStream
from txnats.server import Cluster, NatsServer

reactor: Any = _reactor
STREAM = "P"
SUBJECT = "p.a"
DOWN = 0.7
STOPPED = 6.0


class Publisher:
    """Publishes one message after the other, each with an id of its own.

    Attributes:
        acked: Ids that a stream has, by its word.
        errors: What became of the others, by the name of the error.
        answered: When the last of them was published.
        slowest: Most seconds that a publish took.
        with_copies: Acknowledgements of what an earlier copy had stored.
    """

    def __init__(self, client: txnats.Client, name: str, timeout: float) -> None:
        self._js = JetStream(client, timeout=timeout)
        self._name = name
        self._stopping = False
        self.acked: set[str] = set()
        self.errors: Counter[str] = Counter()
        self.slowest = 0.0
        self.answered = 0.0
        self.with_copies = 0
        self.done = Deferred.fromCoroutine(self._run())

    def stop(self) -> None:
        self._stopping = True

    async def _run(self) -> None:
        number = 0
        while not self._stopping:
            number += 1
            name, began = f"{self._name}-{number}", reactor.seconds()
            try:
                ack = await self._js.publish(SUBJECT, name.encode(), message_id=name)
            except txnats.NatsError as error:
                self.errors[type(error).__name__] += 1
            else:
                self.acked.add(name)
                self.with_copies += ack.duplicate
                self.answered = began
            self.slowest = max(self.slowest, reactor.seconds() - began)
            await deferLater(reactor, 0.002, lambda: None)


class Hurt:
    """A cluster, its stream with three replicas, and publishers that go on while its servers are killed.

    Attributes:
        recoveries: Seconds from each blow until every publisher had an acknowledgement again.
    """

    def __init__(self, test: Promise, cluster: Cluster, client: txnats.Client, publishers: list[Publisher]) -> None:
        self._test = test
        self._cluster = cluster
        self._random = Random(7)
        self.js = JetStream(client, timeout=30.0)
        self.publishers = publishers
        self.recoveries: list[float] = []

    @classmethod
    async def start(cls, test: Promise, *, publishers: int, timeout: float = 15.0) -> Hurt:
        """Start all of it; it ends with the test."""
        cluster = Cluster()
        test.addCleanup(apart, cluster.stop)
        await apart(cluster.start)
        client = await test.client(cluster.urls)
        js = JetStream(client, timeout=30.0)
        config = {"name": STREAM, "subjects": ["p.>"], "num_replicas": 3, "storage": "file"}
        await js.api.call(f"STREAM.CREATE.{STREAM}", json.dumps(config).encode())
        started = [Publisher(await test.client(cluster.urls), f"p{number}", timeout) for number in range(publishers)]
        hurt = cls(test, cluster, client, started)
        await until(lambda: all(publisher.acked for publisher in started))
        return hurt

    async def kill(self, server: NatsServer | None = None) -> None:
        """``kill -9`` of a server, a random one if none is named, which is started again a little later."""
        index = self._random.randrange(3) if server is None else list(self._cluster.servers).index(server)
        await apart(self._cluster.kill, index)
        began = reactor.seconds()
        restarting = Deferred.fromCoroutine(self._restart(index))
        await self._recovered(began)
        await restarting
        await self._whole()

    async def stop_leader(self) -> None:
        """SIGSTOP of the stream's leader, and SIGCONT a while later."""
        server = await self.leader()
        server.suspend()
        began = reactor.seconds()
        await deferLater(reactor, STOPPED, server.resume)
        await self._recovered(began)
        await self._whole()

    async def leader(self) -> NatsServer:
        """The server that leads the stream."""
        told = await self.js.api.call(f"STREAM.INFO.{STREAM}")
        return next(each for each in self._cluster.servers if each.config.name == told["cluster"]["leader"])

    async def end(self) -> None:
        """Let the publishers finish."""
        for publisher in self.publishers:
            publisher.stop()
        for publisher in self.publishers:
            await publisher.done

    def figures(self, stored: Counter[str]) -> dict[str, Any]:
        """What has happened, for the line of figures."""
        acked = set().union(*(publisher.acked for publisher in self.publishers))
        errors: Counter[str] = sum((publisher.errors for publisher in self.publishers), Counter())
        return {
            "acked": len(acked),
            "lost": len(acked - set(stored)),
            "duplicated": sum(count - 1 for count in stored.values()),
            "surfaced": dict(errors),
            "errors": errors.total(),
            "found_by_a_retry": sum(publisher.with_copies for publisher in self.publishers),
            "slowest_publish": round(max(publisher.slowest for publisher in self.publishers), 2),
            "recovery_p50": round(median(self.recoveries), 2) if self.recoveries else 0.0,
            "recovery_max": round(max(self.recoveries, default=0.0), 2),
        }

    async def stored(self) -> Counter[str]:
        """Every message of the stream, by its payload, and how often it is there."""
        return await stored(self.js, STREAM)

    async def _restart(self, index: int) -> None:
        await deferLater(reactor, DOWN, lambda: None)
        await apart(self._cluster.restart, index)

    async def _recovered(self, began: float) -> None:
        """Until every publisher has had an acknowledgement of something that it published after the blow."""
        await until(lambda: all(publisher.answered > began for publisher in self.publishers), 60)
        self.recoveries.append(reactor.seconds() - began)

    async def _whole(self) -> None:
        """Until all replicas follow: with one of them behind, a second blow would stop the stream by right."""
        end = reactor.seconds() + 60
        while True:
            cluster = (await self.js.api.call(f"STREAM.INFO.{STREAM}"))["cluster"]
            if len(cluster["replicas"]) == 2 and all(each["current"] for each in cluster["replicas"]):
                return
            assert reactor.seconds() < end, cluster
            await deferLater(reactor, 0.1, lambda: None)


async def stored(js: JetStream, stream: str) -> Counter[str]:
    """Every message of a stream, by its payload, and how often it is there."""
    state = (await js.api.call(f"STREAM.INFO.{stream}"))["state"]
    found: Counter[str] = Counter()
    inbox = js.client.new_inbox()
    js.client.subscribe(inbox, lambda message: found.update([message.payload.decode()]))
    config = {"deliver_subject": inbox, "ack_policy": "none", "deliver_policy": "all", "mem_storage": True}
    request = {"stream_name": stream, "config": config}
    await js.api.call(f"CONSUMER.CREATE.{stream}", json.dumps(request).encode())
    await until(lambda: found.total() >= state["messages"], 60)
    return found
