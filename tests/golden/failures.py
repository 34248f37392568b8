"""The commonest failures, each provoked as it comes about, against a real server where there can be one.

``FAILURES`` maps what an operator would call it to a coroutine that gives the error.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater

import txnats
from tests.promises.papers import Papers
from txnats import TlsOptions, events, kv
from txnats.auth.nkeys import encode_seed
from txnats.jetstream import ConsumerConfig, Expect, JetStream, StreamConfig
from txnats.server import NatsServer
from txnats.testing import World

reactor: Any = _reactor


class Place:
    """What a failure needs: servers, files, and the end of all it began."""

    def __init__(self, folder: Path, make_server: Callable[..., NatsServer], shared: NatsServer) -> None:
        self.folder = folder
        self.make_server = make_server
        self.shared = shared
        self.papers = Papers()
        self._ends: list[Callable[[], Awaitable[object]]] = []

    async def connect(self, servers: Any, **options: Any) -> txnats.Client:
        client = await txnats.connect(reactor, servers, **options)
        self._ends.append(client.close)
        return client

    async def client(self, **options: Any) -> txnats.Client:
        return await self.connect(self.shared.url, **options)

    async def jetstream(self) -> JetStream:
        return JetStream(await self.client())

    def listen(self, protocol: type[Protocol]) -> int:
        """Somebody who is no NATS server."""
        port = reactor.listenTCP(0, Factory.forProtocol(protocol), interface="127.0.0.1")

        async def stop() -> None:
            await port.stopListening()

        self._ends.append(stop)
        number: int = port.getHost().port
        return number

    def closing(self) -> Deferred[None]:
        """End all."""
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        for end in reversed(self._ends):
            await end()
        self.papers.close()


Failure = Callable[[Place], Awaitable[object]]
FAILURES: dict[str, Failure] = {}


def failure(name: str) -> Callable[[Failure], Failure]:
    """Put it into the table."""

    def put(provoke: Failure) -> Failure:
        FAILURES[name] = provoke
        return provoke

    return put


async def until(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    end = reactor.seconds() + seconds
    while not (found := condition()):
        assert reactor.seconds() < end, "it did not come true in time"
        await deferLater(reactor, 0.005, lambda: None)
    return found


# Getting there


@failure("The port is wrong: nobody listens")
async def _(place: Place) -> object:
    return await place.connect("nats://127.0.0.1:1")


@failure("The name is in no DNS")
async def _(place: Place) -> object:
    return await place.connect("nats://nats.invalid:4222")


class Web(Protocol):
    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n")


@failure("Something else listens there")
async def _(place: Place) -> object:
    return await place.connect(f"nats://127.0.0.1:{place.listen(Web)}")


@failure("It takes the connection and says nothing")
async def _(place: Place) -> object:
    return await place.connect(f"nats://127.0.0.1:{place.listen(Protocol)}", timeout=0.2)


@failure("Several servers, each with a cause of its own")
async def _(place: Place) -> object:
    locked = place.make_server(user="joe", password="right")
    servers = [
        "nats://127.0.0.1:1",
        f"nats://joe:wrong@127.0.0.1:{locked.port}",
        f"nats://127.0.0.1:{place.listen(Web)}",
        "nats://nats.invalid",
    ]
    return await place.connect(servers)


@failure("The server has as many connections as it may")
async def _(place: Place) -> object:
    server = place.make_server(max_connections=1)
    await place.connect(server.url)
    return await place.connect(server.url)


# Logging in


@failure("A login is wanted and none was given")
async def _(place: Place) -> object:
    return await place.connect(place.make_server(user="joe", password="right").url)


@failure("The password is wrong")
async def _(place: Place) -> object:
    server = place.make_server(user="joe", password="right")
    return await place.connect(f"nats://127.0.0.1:{server.port}", auth=txnats.UserPassword("joe", "wr0ng"))


@failure("The token is wrong")
async def _(place: Place) -> object:
    server = place.make_server(token="right")
    return await place.connect(f"nats://127.0.0.1:{server.port}", auth=txnats.Token("wr0ng"))


@failure("The server does not know the nkey")
async def _(place: Place) -> object:
    server = place.make_server(user="joe", password="right")
    nkey = txnats.NKey(encode_seed("U", bytes(range(32))).decode())
    return await place.connect(f"nats://127.0.0.1:{server.port}", auth=nkey)


@failure("The credentials file is not there")
async def _(place: Place) -> object:
    return await place.connect(place.shared.url, auth=txnats.CredentialsFile(place.folder / "joe.creds"))


@failure("The credentials file holds no credentials")
async def _(place: Place) -> object:
    path = place.folder / "empty.creds"
    path.write_text("hello")
    path.chmod(0o600)
    return await place.connect(place.shared.url, auth=txnats.CredentialsFile(path))


# TLS


@failure("Nobody whom we trust has signed the certificate")
async def _(place: Place) -> object:
    server = place.make_server(tls=place.papers.issue("127.0.0.1", untrusted=True).server())
    return await place.connect(server.url, tls=TlsOptions(ca=place.papers.ca))


@failure("The certificate is for another name")
async def _(place: Place) -> object:
    server = place.make_server(tls=place.papers.issue("nats.example.com").server())
    return await place.connect(server.url, tls=TlsOptions(ca=place.papers.ca))


@failure("The certificate has expired")
async def _(place: Place) -> object:
    server = place.make_server(tls=place.papers.issue("127.0.0.1", expired=True).server())
    return await place.connect(server.url, tls=TlsOptions(ca=place.papers.ca))


@failure("The server has no TLS")
async def _(place: Place) -> object:
    return await place.connect(f"tls://127.0.0.1:{place.shared.port}")


@failure("The server wants a certificate of ours")
async def _(place: Place) -> object:
    tls = place.papers.issue("127.0.0.1").server(verify=True, ca=place.papers.ca)
    server = place.make_server(tls=tls)
    return await place.connect(server.url, tls=TlsOptions(ca=place.papers.ca))


@failure("The server starts with TLS and we wait for its word")
async def _(place: Place) -> object:
    server = place.make_server(tls=place.papers.issue("127.0.0.1").server(handshake_first=True))
    return await place.connect(server.url, tls=TlsOptions(ca=place.papers.ca), timeout=0.3)


@failure("The file of the authorities is not there")
async def _(place: Place) -> object:
    return await place.connect(f"tls://127.0.0.1:{place.shared.port}", tls=TlsOptions(ca=place.folder / "ca.pem"))


# What may be done


RULES = """
authorization {
  users = [{user: joe, password: joe, permissions: {publish: "may.>", subscribe: ["may.>", "_INBOX.>"]}}]
}
"""


@failure("No permission to publish")
async def _(place: Place) -> object:
    server = place.make_server(extra=RULES)
    client = await place.connect(server.url, auth=txnats.UserPassword("joe", "joe"))
    client.publish("orders.1", b"")
    await client.flush()
    return None


@failure("No permission to subscribe")
async def _(place: Place) -> object:
    server = place.make_server(extra=RULES)
    client = await place.connect(server.url, auth=txnats.UserPassword("joe", "joe"))
    await client.subscribe("orders.*", queue="workers").ready()
    return None


@failure("A subject that NATS cannot carry")
async def _(place: Place) -> object:
    (await place.client()).publish("orders new", b"")
    return None


@failure("A pattern where a subject is wanted")
async def _(place: Place) -> object:
    (await place.client()).publish("orders.*", b"")
    return None


@failure("A message that is too large")
async def _(place: Place) -> object:
    (await place.client()).publish("orders", bytes(2_000_000))
    return None


# Requests


@failure("Nobody answers")
async def _(place: Place) -> object:
    return await (await place.client()).request("orders.new", b"")


@failure("The answer does not come in time")
async def _(place: Place) -> object:
    client = await place.client()
    client.subscribe("orders.new", lambda _: None)
    return await client.request("orders.new", b"", timeout=0.1)


# The connection


@failure("The server is gone")
async def _(place: Place) -> object:
    server = place.make_server()
    client = await place.connect(server.url)
    told: list[events.Event] = []
    client.events().call(told.append)
    server.kill()
    lost = await until(lambda: [each for each in told if isinstance(each, events.Disconnected)])
    raise lost[0].reason


@failure("The server is gone, and too much waits for it")
async def _(place: Place) -> object:
    server = place.make_server()
    client = await place.connect(server.url, reconnect=txnats.ReconnectOptions(buffer=1000))
    server.kill()
    await until(lambda: client.status is not txnats.Status.CONNECTED)
    client.publish("orders", bytes(2000))
    return None


@failure("The server is silent")
async def _(place: Place) -> object:
    world = World()
    client = world.run(world.connect(ping=txnats.PingOptions(interval=10.0)))
    world.server.faults.withhold_pongs = True
    world.advance(60.0)
    lost = [each for each in world.events if isinstance(each, events.Disconnected)]
    world.run(client.close())
    world.close()
    raise lost[0].reason


@failure("The server shuts down, and there is no other")
async def _(place: Place) -> object:
    server = place.make_server(lame_duck_duration=30.0, lame_duck_grace_period=0.1)
    client = await place.connect(server.url)
    told: list[events.Event] = []
    client.events().call(told.append)
    server.lame_duck()
    lost = await until(lambda: [each for each in told if isinstance(each, events.Disconnected)], 60.0)
    raise lost[0].reason


@failure("We read too slowly")
async def _(place: Place) -> object:
    client = await place.client()
    subscription = client.subscribe("orders", pending_messages=2, slow_policy="error")
    for _ in range(10):
        client.publish("orders", b"")
    await client.flush()
    return await subscription.collect()


@failure("The client is closed")
async def _(place: Place) -> object:
    client = await place.client()
    await client.close()
    client.publish("orders", b"")
    return None


# JetStream


@failure("There is no JetStream")
async def _(place: Place) -> object:
    client = await place.connect(place.make_server().url)
    return await JetStream(client).stream("ORDERS")


@failure("There is no such stream")
async def _(place: Place) -> object:
    return await (await place.jetstream()).stream("ORDERS")


@failure("There is no such consumer")
async def _(place: Place) -> object:
    js = await place.jetstream()
    stream = await js.create_stream(StreamConfig(name="G1", subjects=["g1.>"]))
    return await stream.consumer("worker")


@failure("No stream takes the subject")
async def _(place: Place) -> object:
    return await (await place.jetstream()).publish("unknown.1", b"")


@failure("Somebody was faster: the sequence is not the last one")
async def _(place: Place) -> object:
    js = await place.jetstream()
    await js.create_stream(StreamConfig(name="G2", subjects=["g2.>"]))
    await js.publish("g2.1", b"")
    return await js.publish("g2.1", b"", expect=Expect(last_sequence=7))


@failure("A stream of this name is set up otherwise")
async def _(place: Place) -> object:
    js = await place.jetstream()
    await js.create_stream(StreamConfig(name="G3", subjects=["g3.>"]))
    return await js.create_stream(StreamConfig(name="G3", subjects=["g3.other"]))


@failure("The consumer was deleted meanwhile")
async def _(place: Place) -> object:
    js = await place.jetstream()
    stream = await js.create_stream(StreamConfig(name="G4", subjects=["g4.>"]))
    consumer = await stream.create_consumer(ConsumerConfig(durable_name="worker"))
    reading = consumer.messages().next()
    await until_waiting(consumer)
    await stream.delete_consumer("worker")
    return await reading


async def until_waiting(consumer: Any) -> None:
    while not (await consumer.info()).num_waiting:
        pass


@failure("Whether it is stored is not known")
async def _(place: Place) -> object:
    world = World()
    client = world.run(world.connect())
    world.jetstream.add_stream("ORDERS", ["orders.>"]).withhold_acks(100)
    stored: Deferred[Any] = JetStream(client).publish("orders.1", b"", timeout=5.0)
    try:
        return world.run(stored)
    finally:
        world.close()


@failure("A key was changed by somebody else")
async def _(place: Place) -> object:
    bucket = await kv.create(await place.jetstream(), kv.BucketConfig("profiles"))
    revision = await bucket.put("joe", b"1")
    await bucket.put("joe", b"2")
    return await bucket.update("joe", b"3", revision)


# Options


@failure("No servers are named")
async def _(place: Place) -> object:
    return await place.connect(None)


@failure("A URL cannot be read")
async def _(place: Place) -> object:
    return await place.connect("http://joe:s3cret@127.0.0.1")
