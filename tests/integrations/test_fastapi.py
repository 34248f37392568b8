"""FastAPI under uvicorn: ``txnats.aio`` in the loop that uvicorn runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

import txnats
import txnats.aio
from txnats.aio import loop as loops
from txnats.aio import services
from txnats.server import NatsServer

for package in ("fastapi", "uvicorn", "httpx"):
    pytest.importorskip(package)

import fastapi  # noqa: E402
import httpx  # noqa: E402
import uvicorn  # noqa: E402
from fastapi.responses import StreamingResponse  # noqa: E402

PATIENCE = 20.0


def make_app(url: str) -> fastapi.FastAPI:
    @asynccontextmanager
    async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[None]:
        async with txnats.aio.connect(url, name="web") as app.state.client:
            yield

    app = fastapi.FastAPI(lifespan=lifespan)

    @app.get("/add/{one}/{two}")
    async def add(one: int, two: int) -> int:
        reply = await services.call(app.state.client, "add", f"{one} {two}")
        return int(reply.payload)

    @app.exception_handler(txnats.NoResponders)
    async def nobody(request: object, error: Exception) -> fastapi.Response:
        return fastapi.Response("nobody is there", 503)

    @app.get("/events/{subject}")
    async def events(subject: str) -> StreamingResponse:
        subscription = app.state.client.subscribe(subject)

        async def lines() -> AsyncIterator[bytes]:
            async with subscription:
                yield b": begins\n\n"
                async for message in subscription:
                    yield b"data: %b\n\n" % message.payload

        return StreamingResponse(lines(), media_type="text/event-stream")

    return app


async def tell(url: str) -> None:
    server = uvicorn.Server(uvicorn.Config(make_app(url), port=0, log_level="warning", timeout_graceful_shutdown=5))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
        assert not serving.done()
    port = server.servers[0].sockets[0].getsockname()[1]
    async with (
        txnats.aio.connect(url) as backend,
        services.Service.start(backend, name="adder", version="1.0.0") as service,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as http,
    ):

        @service.endpoint("add")
        async def add(request: services.Request) -> bytes:
            await asyncio.sleep(0)
            return b"%d" % sum(map(int, request.payload.split()))

        await backend.flush()
        answers = await asyncio.gather(*(http.get(f"/add/{number}/1") for number in range(20)))
        assert [answer.json() for answer in answers] == [*range(1, 21)]
        async with http.stream("GET", "/events/news") as response:
            chunks = response.aiter_text()
            assert await anext(chunks) == ": begins\n\n"
            backend.publish("news", b"one")
            assert await anext(chunks) == "data: one\n\n"
        await service.stop()
        assert (await http.get("/add/1/2")).status_code == 503
    server.should_exit = True
    await serving
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not loops._homes


def test_an_app_asks_a_service(nats_server: NatsServer) -> None:
    asyncio.run(asyncio.wait_for(tell(nats_server.url), PATIENCE))
