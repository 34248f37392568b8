"""Klein and twisted.web: a request of HTTP asks a NATS service, and a subscription becomes server-sent events."""

from __future__ import annotations

from collections.abc import Callable
from socket import create_connection
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from twisted.web.iweb import IRequest
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

import txnats
from txnats import services
from txnats.server import NatsServer

pytest.importorskip("klein")

from klein import Klein

reactor: Any = _reactor


def get(url: str) -> tuple[int, bytes]:
    """Status and body; for a thread."""
    try:
        with urlopen(url, timeout=20) as response:
            return response.status, response.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


def first_lines(url: str, count: int) -> bytes:
    """So much of a body that does not end; for a thread."""
    with urlopen(url, timeout=20) as response:
        return b"".join(response.readline() for _ in range(count))


class Sum(Resource):
    """``/?numbers=1+2`` of plain twisted.web."""

    isLeaf = True

    def __init__(self, client: txnats.Client) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # of Twisted
        self.client = client

    def render_GET(self, request: Request) -> int:
        assert request.args is not None
        asking = services.call(self.client, "add", request.args[b"numbers"][0], timeout=5.0)
        # Who goes away before the answer is here leaves nothing behind.
        request.notifyFinish().addErrback(lambda _: asking.cancel())
        asking.addCallbacks(self.answered, self.refused, (request,), errbackArgs=(request,))
        return NOT_DONE_YET

    def answered(self, reply: Any, request: Request) -> None:
        request.write(reply.payload)
        request.finish()

    def refused(self, failure: Failure, request: Request) -> None:
        if failure.check(CancelledError):
            return
        request.setResponseCode(400 if failure.check(services.ServiceError) else 502)
        request.write(str(failure.value).encode())
        request.finish()


def make_app(client: txnats.Client) -> Any:
    app = Klein()

    @app.route("/add/<int:one>/<int:two>")
    async def add(request: Request, one: int, two: int) -> bytes:
        reply = await services.call(client, "add", f"{one} {two}")
        assert isinstance(reply.payload, bytes)
        return reply.payload

    @app.handle_errors(txnats.NoResponders)
    def nobody(request: IRequest, failure: Any) -> bytes:
        request.setResponseCode(503)
        return b"nobody is there"

    @app.route("/events/<subject>")
    def events(request: Request, subject: str) -> Deferred[None]:
        request.setHeader("Content-Type", "text/event-stream")
        request.write(b": begins\n\n")
        subscription = client.subscribe(subject, lambda message: request.write(b"data: %b\n\n" % message.payload))
        gone: Deferred[None] = request.notifyFinish()
        return gone.addBoth(lambda _: subscription.unsubscribe())

    return app


def add(request: services.Request) -> bytes:
    try:
        return b"%d" % sum(map(int, request.payload.split()))
    except ValueError:
        raise services.ServiceError(400, "no numbers") from None


@pytest.mark.usefixtures("class_server")
class Web(TestCase):
    server: NatsServer

    async def start(self) -> txnats.Client:
        client = await txnats.connect(reactor, self.server.url)
        self.addCleanup(client.close)
        self.service = await services.Service.start(client, name="adder", version="1.0.0")
        await self.service.add_endpoint("add", add).ready()
        return client

    def listen(self, resource: Any) -> str:
        port = reactor.listenTCP(0, Site(resource), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return f"http://127.0.0.1:{port.getHost().port}"

    async def test_twisted_web(self) -> None:
        url = self.listen(Sum(await self.start()))
        assert await deferToThread(get, f"{url}/?numbers=1+2+3") == (200, b"6")
        code, body = await deferToThread(get, f"{url}/?numbers=x")
        assert (code, b"no numbers" in body) == (400, True)
        await self.service.stop()
        assert (await deferToThread(get, f"{url}/?numbers=1"))[0] == 502

    async def test_who_goes_away_asks_no_longer(self) -> None:
        client = await self.start()
        url = self.listen(Sum(client))
        asked = client.statistics.requests
        address = url.removeprefix("http://").split(":")
        with await deferToThread(create_connection, (address[0], int(address[1])), 20.0) as socket:
            self.service.endpoints[0].subscription.unsubscribe()
            waiting = client.subscribe("add")
            socket.sendall(b"GET /?numbers=1 HTTP/1.0\r\n\r\n")
            assert (await waiting.next(timeout=20.0)).payload == b"1"
            assert client.statistics.requests == asked + 1
        await self.until(lambda: client.statistics.requests == asked)

    async def test_klein(self) -> None:
        client = await self.start()
        url = self.listen(make_app(client).resource())
        assert await deferToThread(get, f"{url}/add/40/2") == (200, b"42")
        await self.service.stop()
        assert await deferToThread(get, f"{url}/add/40/2") == (503, b"nobody is there")

    async def test_server_sent_events(self) -> None:
        client = await self.start()
        url = self.listen(make_app(client).resource())
        before = client.statistics.subscriptions
        reading = deferToThread(first_lines, f"{url}/events/news", 6)
        await self.until(lambda: client.statistics.subscriptions > before)
        client.publish("news", b"one")
        client.publish("news", b"two")
        assert await reading == b": begins\n\ndata: one\n\ndata: two\n\n"
        # Whoever went away has left no subscription.
        await self.until(lambda: client.statistics.subscriptions == before)

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await deferLater(reactor, 0.005, lambda: None)
