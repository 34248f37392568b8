"""txnats: the memory that many subscriptions take."""

from __future__ import annotations

import gc

from twisted.internet import task
from twisted.internet.interfaces import IReactorTime

import txnats
from bench.job import Job
from bench.peers import measure


async def main(reactor: IReactorTime, job: Job) -> None:
    client = await txnats.connect(reactor, job.url)
    await client.flush()
    watch = measure.Stopwatch()
    gc.collect()
    before = measure.rss_bytes()
    watch.start()
    kept = []
    for number in range(job.count):
        kept.append(client.subscribe(f"{job.subject}.{number}", ignore))
        if number % 1000 == 999:
            await client.flush(timeout=60.0)
    await client.flush(timeout=60.0)
    facts = watch.stop()
    gc.collect()
    measure.tell("txnats", {"messages": len(kept), "value": measure.rss_bytes() - before, **facts})
    await client.close()


def ignore(_message: object) -> None:
    """A handler: it is never called here."""


if __name__ == "__main__":
    task.react(lambda reactor: main(reactor, measure.job()))
