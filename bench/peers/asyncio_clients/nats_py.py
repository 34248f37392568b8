"""nats-py. Its handlers are always ``async def``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nats
from nats.aio.client import Client

from bench.job import Job
from bench.peers.asyncio_clients.roles import AsyncioPeer, Facts
from bench.peers.measure import counting_coroutine


async def receive(client: Client, job: Job, done: Callable[[Facts], None]) -> Any:
    return await client.subscribe(
        job.subject, cb=counting_coroutine(job, done), pending_msgs_limit=0, pending_bytes_limit=0
    )


async def subscribe(client: Client, subject: str) -> Any:
    return await client.subscribe(subject, cb=ignore)


async def ignore(_message: object) -> None:
    """A handler: it is never called here."""


if __name__ == "__main__":
    AsyncioPeer(package="nats-py", connect=nats.connect, receive=receive, subscribe=subscribe).run()
