"""txnats: publish and receive one's own messages, in one client."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

import txnats
from bench.job import Job
from bench.peers import measure
from bench.peers.txnats.publish import publish


async def main(reactor: IReactorTime, job: Job) -> None:
    client = await txnats.connect(reactor, job.url)
    await send_and_receive(client, replace(job, subject=f"{job.subject}.warm"), job.warm)
    measure.tell("txnats", {"messages": job.count, **await send_and_receive(client, job, job.count)})
    await client.close()


async def send_and_receive(client: txnats.Client, job: Job, count: int) -> dict[str, float]:
    """From the first publish until the last of them is back."""
    done: Deferred[dict[str, float]] = Deferred()
    counting = measure.counting_handler(replace(job, warm=1, count=count - 1), done.callback)
    await client.subscribe(job.subject, counting).ready()
    watch = measure.Stopwatch()
    watch.start()
    await publish(client, job, count)
    await done
    return watch.stop()


if __name__ == "__main__":
    task.react(lambda reactor: main(reactor, measure.job()))
