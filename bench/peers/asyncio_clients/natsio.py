"""natsio (Python 3.13). A handler may be plain or ``async def``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from bench.job import Job
from bench.peers.asyncio_clients.roles import AsyncioPeer, Facts
from bench.peers.measure import Stopwatch, counting_coroutine, counting_handler

NO_LIMIT = 2**62

natsio = import_module("natsio")  # by name: it is not installed where the types are checked


async def receive(client: Any, job: Job, done: Callable[[Facts], None]) -> Any:
    counting = counting_coroutine if job.handler == "async" else counting_handler
    return client.subscribe(
        job.subject, cb=counting(job, done), pending_msgs_limit=NO_LIMIT, pending_bytes_limit=NO_LIMIT
    )


async def subscribe(client: Any, subject: str) -> Any:
    return client.subscribe(subject, cb=ignore)


def ignore(_message: object) -> None:
    """A handler: it is never called here."""


async def jetstream_publish(client: Any, job: Job) -> Facts:
    """Publish into a stream: one at a time, or with the client's own window."""
    config = import_module("natsio.jetstream").StreamConfig(name="BENCH", subjects=[job.subject])
    jetstream = client.jetstream(publish_async_max_pending=job.in_flight, publish_async_stall_wait=60.0)
    await jetstream.create_stream(config)
    watch = Stopwatch()
    await _store(jetstream, job, job.warm)
    watch.start()
    await _store(jetstream, job, job.count)
    return {"messages": job.count, **watch.stop()}


async def _store(jetstream: Any, job: Job, count: int) -> None:
    subject, payload = job.subject, job.payload
    if job.in_flight == 1:
        for _ in range(count):
            await jetstream.publish(subject, payload)
        return
    for _ in range(count):
        await jetstream.publish_async(subject, payload)
    await jetstream.publish_async_complete(60.0)


if __name__ == "__main__":
    AsyncioPeer(
        package="natsio",
        connect=natsio.connect,
        receive=receive,
        subscribe=subscribe,
        more={"jetstream_publish": jetstream_publish},
    ).run()
