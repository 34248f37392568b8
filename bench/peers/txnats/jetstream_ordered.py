"""txnats: read a stream in order."""

from __future__ import annotations

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

import txnats
from bench.job import STREAM, Job
from bench.peers import measure
from txnats.jetstream import JetStream
from txnats.jetstream.consume.ordered import Ordered


async def main(reactor: IReactorTime, job: Job) -> None:
    client = await txnats.connect(reactor, job.url)
    done: Deferred[dict[str, float]] = Deferred()
    consuming = Ordered(JetStream(client), STREAM).consume(measure.counting_handler(job, done.callback))
    measure.tell("txnats", await done)
    consuming.stop()
    await client.close()


if __name__ == "__main__":
    task.react(lambda reactor: main(reactor, measure.job()))
