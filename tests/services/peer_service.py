"""A service of nats-py, as a process: ``python peer_service.py URL``. It runs until its standard input ends."""

from __future__ import annotations

import asyncio
import sys

import nats
from nats.micro import add_service
from nats.micro.request import Request
from nats.micro.service import EndpointConfig, ServiceConfig


async def double(request: Request) -> None:
    try:
        await request.respond(str(2 * int(request.data)).encode())
    except ValueError as error:
        await request.respond_error("400", "not a number", data=str(error).encode())


async def main(url: str) -> None:
    client = await nats.connect(url)
    service = await add_service(client, ServiceConfig(name="doubler", version="2.1.0", description="doubles"))
    group = service.add_group(name="math")
    await group.add_endpoint(EndpointConfig(name="double", handler=double, metadata={"unit": "m"}))
    await client.flush()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await service.stop()
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
