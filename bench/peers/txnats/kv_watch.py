"""txnats: watch a bucket that holds many keys, up to the end of the initial values."""

from __future__ import annotations

from twisted.internet import task
from twisted.internet.defer import gatherResults
from twisted.internet.interfaces import IReactorTime

import txnats
from bench.job import Job
from bench.peers import measure
from txnats import kv
from txnats.jetstream import JetStream

AT_A_TIME = 500


async def main(reactor: IReactorTime, job: Job) -> None:
    client = await txnats.connect(reactor, job.url)
    bucket = await kv.create(JetStream(client), kv.BucketConfig("BENCH"))
    for start in range(0, job.count, AT_A_TIME):
        end = min(start + AT_A_TIME, job.count)
        await gatherResults([bucket.put(f"key.{number}", job.payload) for number in range(start, end)])
    watch = measure.Stopwatch()
    watch.start()
    seen = 0

    def handle(_entry: kv.Entry) -> None:
        nonlocal seen
        seen += 1

    watcher = bucket.watch(handler=handle)
    await watcher.ready
    facts = watch.stop()
    watcher.stop()
    measure.tell("txnats", {"messages": seen, **facts})
    await client.close()


if __name__ == "__main__":
    task.react(lambda reactor: main(reactor, measure.job()))
