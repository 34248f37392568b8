"""natsio (Python 3.13). A handler may be plain or ``async def``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from bench.job import Job
from bench.peers.asyncio_clients.roles import AsyncioPeer, Facts
from bench.peers.measure import counting_coroutine, counting_handler

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


if __name__ == "__main__":
    AsyncioPeer(package="natsio", connect=natsio.connect, receive=receive, subscribe=subscribe).run()
