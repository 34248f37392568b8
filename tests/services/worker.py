"""One instance of a service, as a process: ``python worker.py URL``. SIGINT stops it; then it tells what it counted."""

from __future__ import annotations

import signal
import sys
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater, react

import txnats
from txnats.services import Request, Service


async def main(reactor: Any, url: str) -> None:
    told: Deferred[None] = Deferred()
    signal.signal(signal.SIGINT, lambda *_: reactor.callFromThread(told.callback, None))
    async with await txnats.connect(reactor, url) as client:
        service = await Service.start(client, "worker", "1.0.0")

        @service.endpoint("work", concurrency=20)
        async def work(request: Request) -> bytes:
            await deferLater(reactor, 0.001)
            return request.payload

        await service.endpoints[0].ready()
        print("ready", flush=True)
        await told
        await service.stop()
        print(msgspec.json.encode(service.stats()).decode(), flush=True)


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor, sys.argv[1])))
