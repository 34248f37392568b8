"""nats-py. Its handlers are always ``async def``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import nats
from nats.aio.client import Client

from bench.job import CONSUMER, STREAM, Job
from bench.peers.asyncio_clients.buckets import Buckets
from bench.peers.asyncio_clients.roles import AsyncioPeer, Facts
from bench.peers.measure import Stopwatch, counting_coroutine


async def receive(client: Client, job: Job, done: Callable[[Facts], None]) -> Any:
    return await client.subscribe(
        job.subject, cb=counting_coroutine(job, done), pending_msgs_limit=0, pending_bytes_limit=0
    )


async def subscribe(client: Client, subject: str) -> Any:
    return await client.subscribe(subject, cb=ignore)


async def ignore(_message: object) -> None:
    """A handler: it is never called here."""


async def jetstream_publish(client: Client, job: Job) -> Facts:
    """Publish into a stream: one at a time, or with the client's own window."""
    jetstream = client.jetstream(publish_async_max_pending=job.in_flight)
    await jetstream.add_stream(name="BENCH", subjects=[job.subject])
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
        await jetstream.publish_async(subject, payload, wait_stall=60.0)
    await jetstream.publish_async_completed()


async def jetstream_fetch(client: Client, job: Job) -> Facts:
    """Fetch messages and acknowledge each; it has no other way to pull for long."""
    jetstream = client.jetstream()
    pulling = await jetstream.pull_subscribe_bind(CONSUMER, STREAM)
    watch = Stopwatch()
    await _fetch(pulling, job, job.warm)
    await client.flush(60)
    watch.start()
    await _fetch(pulling, job, job.count)
    await client.flush(60)
    return {"messages": job.count, **watch.stop()}


async def _fetch(pulling: Any, job: Job, count: int) -> None:
    while count:
        messages = await pulling.fetch(min(count, job.in_flight))
        for message in messages:
            await message.ack()
        count -= len(messages)


async def jetstream_ordered(client: Client, job: Job) -> Facts:
    """Read a stream in order, with a callback."""
    done: asyncio.Future[Facts] = asyncio.get_running_loop().create_future()
    counting = counting_coroutine(job, done.set_result)
    subscription = await client.jetstream().subscribe(
        job.subject, stream=STREAM, cb=counting, ordered_consumer=True, pending_msgs_limit=0, pending_bytes_limit=0
    )
    facts = await done
    del subscription
    return facts


async def bucket(client: Client) -> Any:
    return await client.jetstream().create_key_value(bucket="BENCH", direct=True)


async def store(client: Client) -> Any:
    return await client.jetstream().create_object_store("BENCH")


async def watch(keys: Any) -> Any:
    return await keys.watchall()


async def get(objects: Any, name: str) -> bytes:
    data: bytes = (await objects.get(name)).data
    return data


if __name__ == "__main__":
    AsyncioPeer(
        package="nats-py",
        connect=nats.connect,
        receive=receive,
        subscribe=subscribe,
        more={
            "jetstream_publish": jetstream_publish,
            "jetstream_fetch": jetstream_fetch,
            "jetstream_consume": jetstream_fetch,
            "jetstream_ordered": jetstream_ordered,
            **Buckets(bucket=bucket, store=store, watch=watch, get=get).roles(),
        },
    ).run()
