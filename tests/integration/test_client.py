"""The client against a real server, on the reactor that trial runs."""

from __future__ import annotations

import gc
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, UNIXServerEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

import txnats
from txnats import Message, events
from txnats.server import NatsServer

reactor: Any = _reactor
FAST = txnats.ReconnectOptions(first_wait=0.02, max_wait=0.1)


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for a condition."""
    end = reactor.seconds() + seconds
    while not condition():
        assert reactor.seconds() < end, "it did not come true in time"
        await deferLater(reactor, 0.005, lambda: None)


async def error_of(deferred: Deferred[Any]) -> Exception:
    try:
        result = await deferred
    except Exception as error:
        return error
    raise AssertionError(f"it gave {result!r}")


def answering(*payloads: bytes) -> Callable[[Message], None]:
    """A handler that answers several times."""

    def answer(message: Message) -> None:
        for payload in payloads:
            message.respond(payload)

    return answer


class Forwarder(Protocol):
    """Passes bytes between its peer and a port, through ``cut`` on the way to the client."""

    transport: Any

    def __init__(self, port: int, cut: Callable[[bytes], list[bytes]]) -> None:
        self.port = port
        self.cut = cut
        self.other: _Inner | None = None
        self.early: list[bytes] = []
        self.queue: list[bytes] = []

    def connectionMade(self) -> None:
        there = _Inner(self)
        connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", self.port), there).addCallback(self.joined)

    def joined(self, other: _Inner) -> None:
        self.other = other
        for data in self.early:
            other.transport.write(data)

    def dataReceived(self, data: bytes) -> None:
        if self.other is None:
            self.early.append(data)
        else:
            self.other.transport.write(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.queue.clear()
        if self.other is not None:
            self.other.transport.loseConnection()

    def deliver(self, data: bytes) -> None:
        idle = not self.queue
        self.queue += self.cut(data)
        if idle and self.queue:
            reactor.callLater(0, self.turn)

    def turn(self) -> None:
        """A few slices a turn, each written by itself with Nagle off."""
        for _ in range(20):
            if not self.queue:
                return
            self.transport.write(self.queue.pop(0))
        if self.queue:
            reactor.callLater(0, self.turn)


class _Inner(Protocol):
    transport: Any

    def __init__(self, outer: Forwarder) -> None:
        self.outer = outer

    def dataReceived(self, data: bytes) -> None:
        self.outer.deliver(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.outer.transport.loseConnection()


class ForwarderFactory(Factory):
    noisy = False

    def __init__(self, port: int, cut: Callable[[bytes], list[bytes]]) -> None:
        self.made: list[Forwarder] = []
        self.port = port
        self.cut = cut

    def buildProtocol(self, addr: object) -> Forwarder:
        self.made.append(Forwarder(self.port, self.cut))
        return self.made[-1]


def whole(data: bytes) -> list[bytes]:
    return [data]


def slices(data: bytes) -> list[bytes]:
    chance = random.Random(len(data))
    parts = []
    while data:
        size = chance.randint(1, 7)
        parts.append(data[:size])
        data = data[size:]
    return parts


class Story(TestCase):
    timeout = 60
    server: NatsServer
    make_server: Callable[..., NatsServer]

    def tearDown(self) -> Any:
        gc.collect()

    async def client(self, server: NatsServer | None = None, **options: Any) -> txnats.Client:
        client = await txnats.connect(reactor, (server or self.server).url, **{"reconnect": FAST, **options})
        self.addCleanup(client.close)
        return client

    def subscriptions(self) -> int:
        """Those of clients, as the server counts them."""
        connections = self.server.monitor("/connz")["connections"]
        return sum(connection["subscriptions"] for connection in connections)


@pytest.mark.usefixtures("class_server", "make_server")
class Styles(Story):
    """The same program three times; trial sees that nothing is left."""

    def test_callbacks(self) -> Deferred[None]:
        def connected(client: txnats.Client) -> Deferred[Any]:
            client.subscribe("svc.callbacks", lambda message: message.respond(message.payload.upper()))

            def answered(reply: Message) -> Deferred[Any]:
                self.assertEqual(reply.payload, b"HELLO")
                return client.drain()

            return client.request("svc.callbacks", b"hello").addCallback(answered)

        return txnats.connect(reactor, self.server.url).addCallback(connected)

    @inlineCallbacks
    def test_inline_callbacks(self) -> Any:
        client = yield txnats.connect(reactor, self.server.url)
        client.subscribe("svc.inline", lambda message: message.respond(message.payload.upper()))
        reply = yield client.request("svc.inline", b"hello")
        self.assertEqual(reply.payload, b"HELLO")
        report = yield client.drain()
        self.assertEqual(report.handled, 1)

    async def test_coroutine(self) -> None:
        async with await txnats.connect(reactor, self.server.url) as client:

            async def handler(message: Message) -> None:
                await client.flush()
                message.respond(message.payload.upper())

            client.subscribe("svc.coroutine", handler)
            reply = await client.request("svc.coroutine", b"hello")
        self.assertEqual(reply.payload, b"HELLO")


@pytest.mark.usefixtures("class_server", "make_server")
class Basics(Story):
    async def test_no_responders_and_headers_and_rtt(self) -> None:
        client = await self.client()
        self.assertIsInstance(await error_of(client.request("nobody.here")), txnats.NoResponders)
        sub = client.subscribe("h")
        await sub.ready()
        client.publish("h", "text", headers=[("K", "1"), ("K", "ü")], reply="r")
        message = await sub.next(timeout=2)
        self.assertEqual(message.headers.get_all("K"), ["1", "ü"])
        self.assertGreater(await client.rtt(), 0)
        self.assertEqual(client.server_info.server_id, self.server.monitor("/varz")["server_id"])

    async def test_a_queue_group_shares(self) -> None:
        clients = [await self.client() for _ in range(4)]
        counts = [0] * 4

        def handler(number: int) -> Callable[[Message], None]:
            def count(message: Message) -> None:
                counts[number] += 1
                message.respond(b"%d" % number)

            return count

        for number, client in enumerate(clients):
            await client.subscribe("work", handler(number), queue="g").ready()
        asking = await self.client()
        replies = await gatherResults([asking.request("work") for _ in range(200)])
        self.assertEqual(sum(counts), 200)
        self.assertEqual(len(replies), 200)
        self.assertTrue(all(counts))

    async def test_break_out_of_every_iterator_leaves_nothing(self) -> None:
        client = await self.client()
        await client.flush()
        await until(lambda: self.subscriptions() == 0)
        files = len(psutil.Process().net_connections())

        async def read(stream: Any) -> None:
            async for _ in stream:
                break

        timers = len(reactor.getDelayedCalls())
        sub = client.subscribe("a")
        client.publish("a", b"1")
        await read(sub)
        responder = client.subscribe("svc", answering(b"1", b"2"))
        await read(client.request_many("svc"))
        stream = client.events()
        reactor.callLater(0, client._hub.tell, events.ServerErrorReported("x"))
        await read(stream)
        async with client.subscribe("b") as other:
            client.publish("b", b"1")
            await other.next()
        responder.unsubscribe()
        await client.flush()
        self.assertEqual(client.statistics.subscriptions, 0)
        self.assertEqual(client._hub._streams, set())
        await until(lambda: self.subscriptions() == 0)
        self.assertLessEqual(len(reactor.getDelayedCalls()), timers + 1)  # a barrier may be due
        self.assertEqual(len(psutil.Process().net_connections()), files)

    async def test_max_payload_of_the_server(self) -> None:
        server = self.make_server(max_payload=1000)
        client = await self.client(server)
        sub = client.subscribe("a")
        client.publish("a", b"x" * 1000)
        with self.assertRaises(txnats.PayloadTooLarge):
            client.publish("a", b"x" * 1001)
        with self.assertRaises(txnats.PayloadTooLarge):
            client.publish("a", b"x" * 990, headers={"a": "b"})
        await client.flush()
        self.assertEqual(len((await sub.next(1)).payload), 1000)
        self.assertEqual(client.statistics.reconnects, 0)

    async def test_a_payload_as_large_as_may_be(self) -> None:
        client = await self.client()
        sub = client.subscribe("big")
        payload = os.urandom(client.server_info.max_payload)
        client.publish("big", payload)
        self.assertEqual((await sub.next(5)).payload, payload)

    async def test_pedantic_and_verbose(self) -> None:
        client = await self.client(pedantic=True, verbose=True, name="loud")
        sub = client.subscribe("a")
        for _ in range(10):
            client.publish("a")
        self.assertEqual(len(await sub.collect(10)), 10)

    async def test_no_echo(self) -> None:
        client = await self.client(echo=False)
        sub = client.subscribe("a")
        client.publish("a")
        await client.flush()
        self.assertEqual(sub.pending, 0)


@pytest.mark.usefixtures("class_server", "make_server")
class Errors(Story):
    async def test_nobody_listens(self) -> None:
        error = await error_of(txnats.connect(reactor, "nats://127.0.0.1:1"))
        self.assertIsInstance(error, txnats.NoServersLeft)
        self.assertIn("nats://127.0.0.1:1: connection refused", str(error))
        self.assertIn("is a nats-server running there", str(error))

    async def test_no_such_host(self) -> None:
        error = await error_of(txnats.connect(reactor, "nats://no.such.host.invalid", timeout=5))
        self.assertIsInstance(error, txnats.NoServersLeft)
        self.assertIn("the host name is not known", str(error))

    async def test_something_else_listens(self) -> None:
        class Http(Protocol):
            transport: Any

            def connectionMade(self) -> None:
                self.transport.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

            def dataReceived(self, data: bytes) -> None:
                asked.append(data)

        asked: list[bytes] = []
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(Factory.forProtocol(Http))
        self.addCleanup(port.stopListening)
        error = await error_of(txnats.connect(reactor, f"nats://127.0.0.1:{port.getHost().port}"))
        self.assertIn("HTTP", str(error))
        self.assertEqual(asked, [])

    async def test_nobody_speaks(self) -> None:
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(Factory.forProtocol(Protocol))
        self.addCleanup(port.stopListening)
        error = await error_of(txnats.connect(reactor, f"127.0.0.1:{port.getHost().port}", timeout=0.2))
        self.assertIn("no INFO within 0.2 s", str(error))

    async def test_a_wrong_password(self) -> None:
        server = self.make_server(user="joe", password="right")
        url = server.url.replace("nats://", "nats://joe:wrong@")
        if "@" in server.url:
            url = f"nats://joe:wrong@127.0.0.1:{server.port}"
        error = await error_of(txnats.connect(reactor, url))
        self.assertIsInstance(error, txnats.AuthenticationRefused)
        self.assertIn("Authorization Violation", str(error))
        self.assertNotIn("wrong", str(error))
        bare = await error_of(txnats.connect(reactor, f"127.0.0.1:{server.port}"))
        self.assertIsInstance(bare, txnats.AuthenticationRefused)
        good = await txnats.connect(
            reactor, f"127.0.0.1:{server.port}", auth=txnats.UserPassword("joe", "right"), reconnect=FAST
        )
        await good.close()

    async def test_permissions_hit_just_what_they_name(self) -> None:
        server = self.make_server(
            extra='authorization { users = [{user: a, password: b, permissions: {publish: {deny: ["no.>"]}, '
            'subscribe: {deny: ["no.>", "q.* q"]}}}] }'
        )
        client = await txnats.connect(
            reactor, f"127.0.0.1:{server.port}", auth=txnats.UserPassword("a", "b"), reconnect=FAST
        )
        self.addCleanup(client.close)
        yes, no = client.subscribe("yes"), client.subscribe("no.sub")
        group, plain = client.subscribe("q.1", queue="q"), client.subscribe("q.1")
        self.assertIsInstance(await error_of(no.ready()), txnats.PermissionDenied)
        self.assertIsInstance(await error_of(group.ready()), txnats.PermissionDenied)
        await yes.ready()
        await plain.ready()
        self.assertIsInstance(await error_of(client.request("no.req")), txnats.PermissionDenied)
        client.publish("no.pub")
        self.assertIsInstance(await error_of(client.flush()), txnats.PermissionDenied)
        await client.flush()
        self.assertEqual(client.status, "connected")
        self.assertEqual(client.statistics.reconnects, 0)

    async def test_cancelling_connect_leaves_nothing(self) -> None:
        for turns in range(6):
            connecting = txnats.connect(reactor, self.server.url)
            for _ in range(turns):
                await deferLater(reactor, 0, lambda: None)
            connecting.cancel()
            try:
                client = await connecting
            except txnats.NatsError:
                continue
            except Exception as error:
                self.assertEqual(type(error).__name__, "CancelledError")
                continue
            await client.close()
        await until(lambda: self.server.monitor("/connz")["num_connections"] == 0)


@pytest.mark.usefixtures("class_server", "make_server")
class Reconnecting(Story):
    async def test_kill_and_restart_brings_subscriptions_back(self) -> None:
        server = self.make_server()
        told: list[events.Event] = []
        client = await self.client(server, on_event=told.append)
        got: list[str] = []
        client.subscribe("plain", lambda message: got.append("plain"))
        client.subscribe("shared", lambda message: got.append("one"), queue="g")
        client.subscribe("shared", lambda message: got.append("two"), queue="g")
        limited = client.subscribe("limited", lambda message: got.append("limited"), max_messages=5)
        for _ in range(3):
            client.publish("limited")
        await client.flush()
        self.assertEqual(got, ["limited"] * 3)
        got.clear()
        server.kill()
        await until(lambda: client.status == "reconnecting")
        client.publish("plain", b"kept while down")
        server.start()
        await until(lambda: client.status == "connected")
        for _ in range(5):
            client.publish("limited")
        client.publish("shared")
        await client.flush()
        await until(lambda: len(got) >= 4)
        self.assertEqual(got.count("limited"), 2)
        self.assertEqual(got.count("plain"), 1)
        self.assertEqual(got.count("one") + got.count("two"), 1)
        self.assertEqual(await limited.when_done(), "max_messages reached")
        kinds = [type(event) for event in told]
        self.assertEqual(kinds[:2], [events.Connected, events.Disconnected])
        self.assertEqual(kinds[-1], events.Reconnected)

    async def test_requests_fly_during_a_reconnect(self) -> None:
        server = self.make_server()
        client = await self.client(server)
        responder = await self.client(server)
        responder.subscribe("svc", lambda message: message.respond(message.payload), queue="g")
        await responder.flush()
        answered = 0
        for number in range(3):
            asked = [client.request("svc", b"%d" % number, timeout=10) for _ in range(20)]
            server.kill()
            await until(lambda: client.status == "reconnecting" and responder.status == "reconnecting")
            asked += [client.request("svc", b"%d" % number, timeout=3) for _ in range(20)]
            server.start()
            await until(lambda: client.status == "connected" and responder.status == "connected")
            await responder.flush()  # the server has read that it listens
            asked += [client.request("svc", b"%d" % number, timeout=10) for _ in range(20)]
            for each in asked[:40]:
                each.addErrback(lambda failure: failure.trap(txnats.RequestFailed, Exception) and None)
            for each in asked[40:]:
                self.assertEqual((await each).payload, b"%d" % number)
                answered += 1
            for each in asked[:40]:
                each.cancel()
            await until(lambda: client.statistics.requests == 0)
        self.assertEqual(answered, 60)

    async def test_suspended_server_is_noticed(self) -> None:
        server = self.make_server()
        told: list[events.Event] = []
        client = await self.client(
            server, on_event=told.append, ping=txnats.PingOptions(interval=0.2, max_outstanding=1), timeout=0.3
        )
        server.suspend()
        await until(lambda: client.status == "reconnecting")
        server.resume()
        await until(lambda: client.status == "connected")
        lost = next(event for event in told if isinstance(event, events.Disconnected))
        self.assertIsInstance(lost.reason, txnats.StaleConnection)

    async def test_drain_and_close_while_the_server_is_gone(self) -> None:
        server = self.make_server()
        one, two = await self.client(server), await self.client(server)
        one.subscribe("a", lambda _: None)
        server.kill()
        await until(lambda: one.status == two.status == "reconnecting")
        one.publish("a")
        report = await one.drain(timeout=0.3)
        self.assertEqual(report.unsent, 1)
        await two.close()


@pytest.mark.usefixtures("class_server", "make_server")
class Ways(Story):
    async def forward(self, cut: Callable[[bytes], list[bytes]]) -> int:
        factory = ForwarderFactory(self.server.port, cut)
        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
        self.addCleanup(self._stop, port, factory)
        return int(port.getHost().port)

    async def _stop(self, port: Any, factory: ForwarderFactory) -> None:
        await port.stopListening()
        for made in factory.made:
            made.transport.loseConnection()
        await until(lambda: self.server.monitor("/connz")["num_connections"] == 0)

    async def test_a_server_that_sends_a_few_bytes_at_a_time(self) -> None:
        port = await self.forward(slices)
        client = await txnats.connect(reactor, f"nats://127.0.0.1:{port}", timeout=10)
        chance = random.Random(1)
        words = [
            b"\r\nMSG ",
            b"a 1 5\r\n",
            b"HMSG a 1 5 5\r\n",
            b"\r\n",
            b"PING\r\n",
            b"-ERR 'x'\r\n",
            b"x",
            b"\0",
            b"\r",
        ]
        sent = [b"".join(chance.choices(words, k=chance.randint(0, 12))) for _ in range(150)]
        sub = client.subscribe("a")
        for number, payload in enumerate(sent):
            client.publish("a", payload, headers={"n": str(number)} if number % 3 == 0 else None)
        got = await sub.collect(len(sent))
        self.assertEqual([message.payload for message in got], sent)
        self.assertEqual([message.headers.get("n") for message in got[:4]], ["0", None, None, "3"])
        self.assertEqual(client.statistics.reconnects, 0)
        await client.close()

    async def test_a_unix_socket(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "nats.sock"
            factory = ForwarderFactory(self.server.port, whole)
            port = await UNIXServerEndpoint(reactor, str(path)).listen(factory)
            client = await txnats.connect(reactor, f"unix:{path}", reconnect=FAST)
            client.subscribe("u", lambda message: message.respond(b"over a file"))
            self.assertEqual((await client.request("u")).payload, b"over a file")
            factory.made[0].transport.loseConnection()
            await until(lambda: client.statistics.reconnects == 1)
            self.assertEqual((await client.request("u")).payload, b"over a file")
            await client.close()
            await self._stop(port, factory)

    async def test_an_endpoint_of_ones_own(self) -> None:
        client = await txnats.connect(reactor, TCP4ClientEndpoint(reactor, "127.0.0.1", self.server.port))
        await client.flush()
        await client.close()

    async def test_an_endpoint_string(self) -> None:
        client = await txnats.connect(reactor, f"tcp:127.0.0.1:{self.server.port}")
        await client.flush()
        await client.close()

    async def test_a_list_whose_first_is_dead(self) -> None:
        client = await txnats.connect(
            reactor, f"127.0.0.1:1, {self.server.url}", reconnect=txnats.ReconnectOptions(shuffle=False)
        )
        await client.flush()
        await client.close()


@pytest.mark.usefixtures("class_server", "make_server")
class Scale(Story):
    async def test_a_hundred_thousand_subscriptions_come_and_go(self) -> None:
        client = await self.client()
        process = psutil.Process()

        async def round_() -> int:
            def handler(_: Message) -> None: ...

            subs = [client.subscribe(f"s.{number}", handler) for number in range(100_000)]
            await client.flush(30)
            self.assertEqual(client.statistics.subscriptions, 100_000)
            memory = process.memory_info().rss
            for sub in subs:
                sub.unsubscribe()
            del sub
            subs.clear()
            await client.flush(30)
            self.assertEqual(client.statistics.subscriptions, 0)
            return memory

        before = process.memory_info().rss
        first = await round_()
        gc.collect()
        objects = len(gc.get_objects())
        second = await round_()
        gc.collect()
        self.assertLess(len(gc.get_objects()) - objects, 1000)
        self.assertLess((first - before) / 100_000, 3000)
        self.assertLess(second - first, 20 * 1024 * 1024)
        await until(lambda: self.subscriptions() == 0)
