"""txnats: requests, a fixed number of them in flight."""

from __future__ import annotations

from time import perf_counter

from twisted.internet import task
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime

import txnats
from bench.job import Job
from bench.peers import measure


async def main(reactor: IReactorTime, job: Job) -> None:
    client = await txnats.connect(reactor, job.url, tls=txnats.TlsOptions(ca=job.ca) if job.ca else None)
    watch = measure.Stopwatch()
    await ask(client, job, job.warm)
    watch.start()
    latencies = await ask(client, job, job.count)
    facts = watch.stop()
    measure.tell("txnats", {"messages": len(latencies), **facts, **measure.latency_facts(latencies)})
    await client.close()


async def ask(client: txnats.Client, job: Job, count: int) -> list[float]:
    """Send ``count`` requests and give the seconds that each took."""
    latencies: list[float] = []
    share = count // job.in_flight
    await gatherResults(
        [Deferred.fromCoroutine(one_after_another(client, job, share, latencies)) for _ in range(job.in_flight)]
    )
    return latencies


async def one_after_another(client: txnats.Client, job: Job, count: int, latencies: list[float]) -> None:
    subject, payload = job.subject, job.payload
    for _ in range(count):
        began = perf_counter()
        await client.request(subject, payload, timeout=2.0)
        latencies.append(perf_counter() - began)


if __name__ == "__main__":
    task.react(lambda reactor: main(reactor, measure.job()))
