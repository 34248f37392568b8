"""txnats: publish into a stream, one at a time or with a window."""

from __future__ import annotations

import json

from twisted.internet import task
from twisted.internet.interfaces import IReactorTime

import txnats
from bench.job import Job
from bench.peers import measure
from txnats.jetstream.context import JetStream


async def main(reactor: IReactorTime, job: Job) -> None:
    client = await txnats.connect(reactor, job.url)
    js = JetStream(client)
    await js.api.call("STREAM.CREATE.BENCH", json.dumps({"name": "BENCH", "subjects": [job.subject]}).encode())
    watch = measure.Stopwatch()
    await store(js, job, job.warm)
    watch.start()
    await store(js, job, job.count)
    measure.tell("txnats", {"messages": job.count, **watch.stop()})
    await client.close()


async def store(js: JetStream, job: Job, count: int) -> None:
    subject, payload = job.subject, job.payload
    if job.in_flight == 1:
        for _ in range(count):
            await js.publish(subject, payload)
        return
    async with js.publisher(max_in_flight=job.in_flight) as publisher:
        for _ in range(count):
            await publisher.publish(subject, payload)


if __name__ == "__main__":
    task.react(lambda reactor: main(reactor, measure.job()))
