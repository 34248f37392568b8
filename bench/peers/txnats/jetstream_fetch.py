"""txnats: fetch 256 messages at a time and acknowledge each."""

from __future__ import annotations

from twisted.internet import task
from twisted.internet.interfaces import IReactorTime

import txnats
from bench.job import CONSUMER, STREAM, Job
from bench.peers import measure
from txnats.jetstream import JetStream
from txnats.jetstream.consume.pull import Pull


async def main(reactor: IReactorTime, job: Job) -> None:
    client = await txnats.connect(reactor, job.url)
    consumer = Pull(JetStream(client), STREAM, CONSUMER)
    watch = measure.Stopwatch()
    await fetch(consumer, job, job.warm)
    await client.flush()
    watch.start()
    await fetch(consumer, job, job.count)
    await client.flush()
    measure.tell("txnats", {"messages": job.count, **watch.stop()})
    await client.close()


async def fetch(consumer: Pull, job: Job, count: int) -> None:
    left = count
    while left:
        messages = await consumer.fetch(min(left, job.in_flight))
        for message in messages:
            message.ack()
        left -= len(messages)


if __name__ == "__main__":
    task.react(lambda reactor: main(reactor, measure.job()))
