"""natsio (Python 3.13). A handler may be plain or ``async def``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from bench.job import CONSUMER, STREAM, Job
from bench.peers.asyncio_clients.buckets import Buckets
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


async def jetstream_fetch(client: Any, job: Job) -> Facts:
    """Fetch messages and acknowledge each."""
    consumer = await (await client.jetstream().stream(STREAM)).consumer(CONSUMER)
    watch = Stopwatch()
    await _fetch(consumer, job, job.warm)
    await client.flush(60)
    watch.start()
    await _fetch(consumer, job, job.count)
    await client.flush(60)
    return {"messages": job.count, **watch.stop()}


async def _fetch(consumer: Any, job: Job, count: int) -> None:
    while count:
        messages = await consumer.fetch(min(count, job.in_flight))
        for message in messages:
            await message.ack()
        count -= len(messages)


async def jetstream_consume(client: Any, job: Job) -> Facts:
    """Read by the loop that refills itself, and acknowledge each message."""
    consumer = await (await client.jetstream().stream(STREAM)).consumer(CONSUMER)
    facts: list[Facts] = []
    count = counting_handler(job, facts.append)
    async with consumer.consume() as messages:
        async for message in messages:
            await message.ack()
            count(message)
            if facts:
                break
    return facts[0]


async def jetstream_ordered(client: Any, job: Job) -> Facts:
    """Read a stream in order."""
    ordered = (await client.jetstream().stream(STREAM)).ordered_consumer()
    facts: list[Facts] = []
    count = counting_handler(job, facts.append)
    async for message in ordered.messages():
        count(message)
        if facts:
            break
    await ordered.stop()
    return facts[0]


async def bucket(client: Any) -> Any:
    config = import_module("natsio.kv").KeyValueConfig(bucket="BENCH")
    return await client.jetstream().create_key_value(config)


async def store(client: Any) -> Any:
    config = import_module("natsio.objectstore").ObjectStoreConfig(bucket="BENCH")
    return await client.jetstream().create_object_store(config)


async def watch(keys: Any) -> Any:
    return keys.watch()


async def get(objects: Any, name: str) -> bytes:
    data: bytes = await objects.get_bytes(name)
    return data


if __name__ == "__main__":
    AsyncioPeer(
        package="natsio",
        connect=natsio.connect,
        receive=receive,
        subscribe=subscribe,
        more={
            "jetstream_publish": jetstream_publish,
            "jetstream_fetch": jetstream_fetch,
            "jetstream_consume": jetstream_consume,
            "jetstream_ordered": jetstream_ordered,
            **Buckets(bucket=bucket, store=store, watch=watch, get=get).roles(),
        },
    ).run()
