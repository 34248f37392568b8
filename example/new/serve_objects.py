#!/usr/bin/env python3
"""Serve an object store by HTTP: GET /name, with range requests. A slow reader makes the NATS server wait."""

import argparse
import re
from urllib.parse import unquote

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.logger import Logger
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

import txnats
from txnats import objectstore
from txnats.jetstream import JetStream

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--url", default="nats://127.0.0.1:4222")
parser.add_argument("--store", default="files", help="it is made if it is not there")
parser.add_argument("--port", type=int, default=8080)
options = parser.parse_args()
log = Logger()


class Objects(Resource):
    isLeaf = True

    def __init__(self, store):
        super().__init__()
        self.store = store

    def render_GET(self, request):
        gone = request.notifyFinish()
        serving = Deferred.fromCoroutine(serve(self.store, request))
        gone.addErrback(lambda _: serving.cancel())  # the reader has left: so does the consumer on the server
        serving.addErrback(lambda failure: log.failure("a request failed", failure) if not gone.called else None)
        return NOT_DONE_YET


async def serve(store, request):
    try:
        info = await store.info(unquote(request.path.decode().lstrip("/")) or "index.html")
    except txnats.NatsError as error:
        request.setResponseCode(404 if isinstance(error, objectstore.ObjectNotFound) else 400)
        request.write(f"{error.what}\n".encode())
        request.finish()
        return
    start, end = part(request.getHeader("range"), info.size)
    if start >= end and info.size:
        request.setResponseCode(416)
        request.setHeader("content-range", f"bytes */{info.size}")
        request.finish()
        return
    if end - start < info.size:
        request.setResponseCode(206)
        request.setHeader("content-range", f"bytes {start}-{end - 1}/{info.size}")
    request.setHeader("content-length", str(end - start))
    request.setHeader("accept-ranges", "bytes")
    request.setHeader("etag", f'"{info.nuid}"')
    writing = Writing(request)
    try:
        async with await store.read(info.name, start=start, length=end - start) as chunks:
            async for chunk in chunks:
                await writing.write(chunk)
    except objectstore.ObjectStoreError:
        request.loseConnection()  # too late for another status: an answer that is cut short is no good one
        raise
    writing.end()


class Writing:
    """Writes to a request no faster than its reader reads."""

    def __init__(self, request):
        self.request = request
        self.room = None
        request.registerProducer(self, True)

    async def write(self, data):
        self.request.write(data)
        if self.room is not None:
            await self.room

    def end(self):
        self.request.unregisterProducer()
        self.request.finish()

    def pauseProducing(self):
        self.room = self.room or Deferred()

    def resumeProducing(self):
        room, self.room = self.room, None
        if room is not None:
            room.callback(None)

    def stopProducing(self):
        pass  # notifyFinish tells


def part(header, size):
    """The first byte that is wanted, and the one behind the last."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", header or "")
    if match is None or not any(match.groups()):
        return 0, size
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


async def main(reactor):
    client = await txnats.connect(reactor, options.url)
    store = await objectstore.create_or_update(JetStream(client), objectstore.StoreConfig(options.store))
    listening = reactor.listenTCP(options.port, Site(Objects(store)), interface="127.0.0.1")
    reactor.addSystemEventTrigger("before", "shutdown", client.drain)
    print(f"serving {options.store} on http://127.0.0.1:{listening.getHost().port}/", flush=True)
    await client.when_closed()


react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
