"""txnats: write a key, one at a time or many in flight."""

from __future__ import annotations

from twisted.internet import task
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime

import txnats
from bench.job import Job
from bench.peers import measure
from txnats import kv
from txnats.jetstream import JetStream


async def main(reactor: IReactorTime, job: Job) -> None:
    client = await txnats.connect(reactor, job.url)
    bucket = await kv.create(JetStream(client), kv.BucketConfig("BENCH"))
    watch = measure.Stopwatch()
    await write(bucket, job, job.warm)
    watch.start()
    await write(bucket, job, job.count)
    measure.tell("txnats", {"messages": job.count, **watch.stop()})
    await client.close()


async def write(bucket: kv.Bucket, job: Job, count: int) -> None:
    share = count // job.in_flight
    await gatherResults([Deferred.fromCoroutine(one_by_one(bucket, job, share)) for _ in range(job.in_flight)])


async def one_by_one(bucket: kv.Bucket, job: Job, count: int) -> None:
    payload = job.payload
    for _ in range(count):
        await bucket.put("key", payload)


if __name__ == "__main__":
    task.react(lambda reactor: main(reactor, measure.job()))
