"""nats-core (Python 3.13). It has no handlers: one iterates over a subscription."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any

from bench.job import Job
from bench.peers.asyncio_clients.roles import AsyncioPeer, Facts
from bench.peers.measure import counting_handler

client_module = import_module("nats.client")  # by name: it is not installed where the types are checked


async def receive(client: Any, job: Job, done: Callable[[Facts], None]) -> Any:
    subscription = await client.subscribe(job.subject, max_pending_messages=None, max_pending_bytes=None)
    return asyncio.create_task(iterate(subscription, counting_handler(job, done)))


async def iterate(subscription: Any, handle: Callable[[object], None]) -> None:
    async for message in subscription:
        handle(message)


async def subscribe(client: Any, subject: str) -> Any:
    return await client.subscribe(subject)


if __name__ == "__main__":
    AsyncioPeer(package="nats-core", connect=client_module.connect, receive=receive, subscribe=subscribe).run()
