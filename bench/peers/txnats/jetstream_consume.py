"""txnats: consume with a plain handler that acknowledges each message."""

from __future__ import annotations

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

import txnats
from bench.job import CONSUMER, STREAM, Job
from bench.peers import measure
from txnats.jetstream import JetStream
from txnats.jetstream.consume.pull import Pull
from txnats.jetstream.message import JsMessage


async def main(reactor: IReactorTime, job: Job) -> None:
    client = await txnats.connect(reactor, job.url)
    done: Deferred[dict[str, float]] = Deferred()
    count = measure.counting_handler(job, done.callback)

    def handle(message: JsMessage) -> None:
        message.ack()
        count(message)

    consuming = Pull(JetStream(client), STREAM, CONSUMER).consume(handle)
    measure.tell("txnats", await done)
    consuming.stop()
    await client.close()


if __name__ == "__main__":
    task.react(lambda reactor: main(reactor, measure.job()))
