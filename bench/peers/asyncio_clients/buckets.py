"""Buckets and object stores of the clients on asyncio: how each opens them is theirs, all else is alike."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.job import Job
from bench.peers.measure import Stopwatch

Facts = dict[str, float]
Open = Callable[[Any], Awaitable[Any]]
Role = Callable[[Any, Job], Awaitable[Facts]]
AT_A_TIME = 500


@dataclass(frozen=True, kw_only=True)
class Buckets:
    """What a client calls its own.

    Attributes:
        bucket: Makes a bucket from a connected client.
        store: Makes an object store.
        watch: Begins to watch a bucket: an iterator, with None at the end of the initial values.
        get: Gets an object as bytes.
    """

    bucket: Open
    store: Open
    watch: Open
    get: Callable[[Any, str], Awaitable[bytes]]

    def roles(self) -> Mapping[str, Role]:
        """The roles of the client."""
        return {
            "kv_put": self.kv_put,
            "kv_get": self.kv_get,
            "kv_watch": self.kv_watch,
            "object_put": self.object_put,
            "object_get": self.object_get,
            "object_round_trip": self.object_round_trip,
        }

    async def kv_put(self, client: Any, job: Job) -> Facts:
        keys = await self.bucket(client)

        async def one_by_one(count: int) -> None:
            for _ in range(count):
                await keys.put("key", job.payload)

        return await _measured(job, one_by_one)

    async def kv_get(self, client: Any, job: Job) -> Facts:
        keys = await self.bucket(client)
        await keys.put("key", job.payload)

        async def one_by_one(count: int) -> None:
            for _ in range(count):
                await keys.get("key")

        return await _measured(job, one_by_one)

    async def kv_watch(self, client: Any, job: Job) -> Facts:
        keys = await self.bucket(client)
        for start in range(0, job.count, AT_A_TIME):
            end = min(start + AT_A_TIME, job.count)
            await asyncio.gather(*(keys.put(f"key.{number}", job.payload) for number in range(start, end)))
        stopwatch = Stopwatch()
        stopwatch.start()
        seen = 0
        async for entry in await self.watch(keys):
            if entry is None:
                break
            seen += 1
        return {"messages": seen, **stopwatch.stop()}

    async def object_put(self, client: Any, job: Job) -> Facts:
        objects = await self.store(client)
        data = job.payload * job.count
        stopwatch = Stopwatch()
        stopwatch.start()
        await objects.put("object", data)
        return {"messages": job.count, **stopwatch.stop()}

    async def object_get(self, client: Any, job: Job) -> Facts:
        objects = await self.store(client)
        data = job.payload * job.count
        await objects.put("object", data)
        stopwatch = Stopwatch()
        stopwatch.start()
        got = await self.get(objects, "object")
        facts = stopwatch.stop()
        assert got == data
        return {"messages": job.count, **facts}

    async def object_round_trip(self, client: Any, job: Job) -> Facts:
        objects = await self.store(client)
        data = job.payload * job.count
        stopwatch = Stopwatch()
        stopwatch.start()
        await objects.put("object", data)
        got = await self.get(objects, "object")
        facts = stopwatch.stop()
        assert got == data
        return {"messages": job.count, **facts}


async def _measured(job: Job, one_by_one: Callable[[int], Awaitable[None]]) -> Facts:
    async def together(count: int) -> None:
        await asyncio.gather(*(one_by_one(count // job.in_flight) for _ in range(job.in_flight)))

    stopwatch = Stopwatch()
    await together(job.warm)
    stopwatch.start()
    await together(job.count)
    return {"messages": job.count, **stopwatch.stop()}
