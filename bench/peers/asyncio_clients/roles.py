"""The roles of an asyncio client. Nothing stands between the measured loops and the client's own methods."""

from __future__ import annotations

import asyncio
import gc
import ssl
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, Protocol

from bench.job import HEADERS, Job
from bench.peers import measure

Facts = dict[str, float]


class Client(Protocol):
    """What these clients have in common."""

    def publish(self, subject: str, payload: bytes, *, headers: Any = None) -> Awaitable[Any]: ...
    def request(self, subject: str, payload: bytes, *, timeout: float) -> Awaitable[Any]: ...
    def flush(self, timeout: int) -> Awaitable[Any]: ...
    def close(self) -> Awaitable[Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncioPeer:
    """One client.

    Attributes:
        package: Its name on the package index.
        connect: URL, and ``tls`` where it is wanted, to a connected client.
        receive: Subscribe so that the job's messages are counted, without pending limits, and be at the server.
        subscribe: Subscribe and give what has to be kept.
        more: Further roles, which this client alone can do, by their names.
    """

    package: str
    connect: Callable[..., Awaitable[Any]]
    receive: Callable[[Any, Job, Callable[[Facts], None]], Awaitable[Any]]
    subscribe: Callable[[Any, str], Awaitable[Any]]
    more: Mapping[str, Callable[[Any, Job], Awaitable[Facts]]] = field(default_factory=dict)

    def run(self) -> None:
        """Do the role and the job on the command line, and tell the result."""
        asyncio.run(self._run(sys.argv[1], Job.read(sys.argv[2:])))

    async def _run(self, role: str, job: Job) -> None:
        secure = {"tls": ssl.create_default_context(cafile=job.ca)} if job.ca else {}
        client = await self.connect(job.url, **secure)
        if role in self.more:
            facts = await self.more[role](client, job)
        else:
            shared = {
                "publish": publish,
                "subscribe": subscribe,
                "both": both,
                "request": request,
                "memory": memory,
            }
            facts = await shared[role](self, client, job)
        measure.tell(self.package, facts)
        await client.close()


async def publish(_peer: AsyncioPeer, client: Client, job: Job) -> Facts:
    """Publish, and end with a flush; ``publish`` itself waits when the client's buffer is full."""
    watch = measure.Stopwatch()
    await _publish(client, job, job.warm)
    watch.start()
    await _publish(client, job, job.count)
    return {"messages": job.count, **watch.stop()}


async def _publish(client: Client, job: Job, count: int) -> None:
    subject, payload, headers = job.subject, job.payload, HEADERS if job.headers else None
    for _ in range(count):
        await client.publish(subject, payload, headers=headers)
    await client.flush(60)


async def subscribe(peer: AsyncioPeer, client: Client, job: Job) -> Facts:
    """Count the messages that a feeder sends."""
    done: asyncio.Future[Facts] = asyncio.get_running_loop().create_future()
    kept = await peer.receive(client, job, done.set_result)
    await client.flush(60)
    measure.ready()
    facts = await done
    del kept
    return facts


async def both(peer: AsyncioPeer, client: Client, job: Job) -> Facts:
    """Publish and receive one's own messages."""
    await _send_and_receive(peer, client, replace(job, subject=f"{job.subject}.warm"), job.warm)
    return {"messages": job.count, **await _send_and_receive(peer, client, job, job.count)}


async def _send_and_receive(peer: AsyncioPeer, client: Client, job: Job, count: int) -> Facts:
    """From the first publish until the last of them is back."""
    done: asyncio.Future[Facts] = asyncio.get_running_loop().create_future()
    kept = await peer.receive(client, replace(job, warm=1, count=count - 1), done.set_result)
    await client.flush(60)
    watch = measure.Stopwatch()
    watch.start()
    await _publish(client, job, count)
    await done
    facts = watch.stop()
    del kept
    return facts


async def request(_peer: AsyncioPeer, client: Client, job: Job) -> Facts:
    """Send requests, a fixed number of them in flight."""
    watch = measure.Stopwatch()
    await _ask(client, job, job.warm)
    watch.start()
    latencies = await _ask(client, job, job.count)
    return {"messages": len(latencies), **watch.stop(), **measure.latency_facts(latencies)}


async def _ask(client: Client, job: Job, count: int) -> list[float]:
    latencies: list[float] = []
    share = count // job.in_flight
    await asyncio.gather(*(_one_after_another(client, job, share, latencies) for _ in range(job.in_flight)))
    return latencies


async def _one_after_another(client: Client, job: Job, count: int, latencies: list[float]) -> None:
    subject, payload = job.subject, job.payload
    for _ in range(count):
        began = perf_counter()
        await client.request(subject, payload, timeout=2.0)
        latencies.append(perf_counter() - began)


async def memory(peer: AsyncioPeer, client: Client, job: Job) -> Facts:
    """Hold many subscriptions and say what they take."""
    await client.flush(60)
    watch = measure.Stopwatch()
    gc.collect()
    before = measure.rss_bytes()
    watch.start()
    kept = []
    for number in range(job.count):
        kept.append(await peer.subscribe(client, f"{job.subject}.{number}"))
        if number % 1000 == 999:
            await client.flush(60)
    await client.flush(60)
    facts = watch.stop()
    gc.collect()
    return {"messages": len(kept), "value": measure.rss_bytes() - before, **facts}
