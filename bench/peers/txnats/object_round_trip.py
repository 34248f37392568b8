"""txnats: put an object of ``count`` times ``size`` bytes and get it back."""

from __future__ import annotations

from twisted.internet import task
from twisted.internet.interfaces import IReactorTime

import txnats
from bench.job import Job
from bench.peers import measure
from txnats import objectstore
from txnats.jetstream import JetStream


async def main(reactor: IReactorTime, job: Job) -> None:
    client = await txnats.connect(reactor, job.url)
    store = await objectstore.create(JetStream(client), objectstore.StoreConfig("BENCH"))
    data = job.payload * job.count
    watch = measure.Stopwatch()
    watch.start()
    await store.put("object", data)
    got = await store.get("object")
    facts = watch.stop()
    assert got == data
    measure.tell("txnats", {"messages": job.count, **facts})
    await client.close()


if __name__ == "__main__":
    task.react(lambda reactor: main(reactor, measure.job()))
