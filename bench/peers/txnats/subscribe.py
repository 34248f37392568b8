"""txnats: receive with a plain handler, or with an ``async def`` one."""

from __future__ import annotations

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

import txnats
from bench.job import Job
from bench.peers import measure


async def main(reactor: IReactorTime, job: Job) -> None:
    client = await txnats.connect(reactor, job.url, tls=txnats.TlsOptions(ca=job.ca) if job.ca else None)
    done: Deferred[dict[str, float]] = Deferred()
    counting = measure.counting_coroutine if job.handler == "async" else measure.counting_handler
    subscription = client.subscribe(job.subject, counting(job, done.callback))
    await subscription.ready()
    measure.ready()
    measure.tell("txnats", await done)
    await client.close()


if __name__ == "__main__":
    task.react(lambda reactor: main(reactor, measure.job()))
