"""Fill a stream with what a receiver is to read, and make the consumer that it reads by."""

from __future__ import annotations

from twisted.internet import task
from twisted.internet.interfaces import IReactorTime

import txnats
from bench.job import CONSUMER, STREAM, Job
from bench.peers import measure
from txnats.jetstream import ConsumerConfig, JetStream, StreamConfig

IN_FLIGHT = 1000


async def main(reactor: IReactorTime, job: Job) -> None:
    client = await txnats.connect(reactor, job.url)
    js = JetStream(client, timeout=60.0)
    stream = await js.create_stream(StreamConfig(name=STREAM, subjects=[job.subject], storage="memory"))
    # As much as may be out: the server is not to be the one that waits.
    await stream.create_consumer(ConsumerConfig(durable_name=CONSUMER, max_ack_pending=20_000))
    async with js.publisher(max_in_flight=IN_FLIGHT) as publisher:
        for _ in range(job.warm + job.count):
            await publisher.publish(job.subject, job.payload)
    await client.close()


if __name__ == "__main__":
    task.react(lambda reactor: main(reactor, measure.job()))
