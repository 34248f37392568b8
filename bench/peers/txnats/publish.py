"""txnats: publish, ask for room now and then, and end with a flush."""

from __future__ import annotations

from twisted.internet import task
from twisted.internet.interfaces import IReactorTime

import txnats
from bench.job import HEADERS, Job
from bench.peers import measure


async def main(reactor: IReactorTime, job: Job) -> None:
    client = await txnats.connect(reactor, job.url, tls=txnats.TlsOptions(ca=job.ca) if job.ca else None)
    watch = measure.Stopwatch()
    await publish(client, job, job.warm)
    watch.start()
    await publish(client, job, job.count)
    measure.tell("txnats", {"messages": job.count, **watch.stop()})
    await client.close()


async def publish(client: txnats.Client, job: Job, count: int) -> None:
    subject, payload, headers = job.subject, job.payload, HEADERS if job.headers else None
    step = job.messages_between_checks
    for done in range(0, count, step):
        for _ in range(min(step, count - done)):
            client.publish(subject, payload, headers=headers)
        await client.ready_to_write()
    await client.flush(timeout=60.0)


if __name__ == "__main__":
    task.react(lambda reactor: main(reactor, measure.job()))
