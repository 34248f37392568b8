"""``txnats.blocking`` on a real server: results, iterators, handlers in threads, and what must not hang."""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import Any

import pytest

import txnats
import txnats.blocking
from txnats.blocking import kv, objectstore, partitioned, services
from txnats.blocking.jetstream import ConsumerConfig, JetStream, JsMessage, StreamConfig
from txnats.facade.errors import CalledFromReactor
from txnats.nuid import next_nuid
from txnats.server import NatsServer

PATIENCE = 20.0


@pytest.fixture
def client(nats_server: NatsServer) -> Iterator[txnats.blocking.Client]:
    with txnats.blocking.connect(nats_server.url) as client:
        yield client


@pytest.fixture
def js(client: txnats.blocking.Client) -> JetStream:
    return JetStream(client)


# ---------------------------------------------------------------------- the core


def test_a_request_gives_its_reply(client: txnats.blocking.Client) -> None:
    threads: Queue[str] = Queue()

    def answer(message: txnats.blocking.Message) -> None:
        threads.put(threading.current_thread().name)
        assert message.headers.get("From") == "here"
        # It may block: this asks another handler and waits.
        message.respond(b"hello " + client.request("name", message.payload).payload)

    client.subscribe("greet.*", answer)
    client.subscribe("name", lambda message: message.respond(message.payload.upper()))
    reply = client.request("greet.joe", b"joe", headers={"From": "here"})
    assert (reply.payload, type(reply)) == (b"hello JOE", txnats.blocking.Message)
    assert threads.get() not in ("MainThread", "txnats-reactor")


def test_an_error_is_raised(client: txnats.blocking.Client) -> None:
    with pytest.raises(txnats.NoResponders):
        client.request("nobody")
    with pytest.raises(txnats.InvalidSubject):
        client.publish("a b")


def test_a_loop_takes_messages_and_leaves(client: txnats.blocking.Client) -> None:
    subscription = client.subscribe("many")
    for number in range(5):
        client.publish("many", b"%d" % number)
    seen = []
    for message in subscription:
        seen.append(message.payload)
        if len(seen) == 3:
            break
    del message
    assert seen == [b"0", b"1", b"2"]
    assert subscription.when_done(timeout=PATIENCE) == txnats.EndReason.UNSUBSCRIBED
    assert not subscription.is_active

    def twice(message: txnats.blocking.Message) -> None:
        message.respond(b"1")
        message.respond(b"2")

    client.subscribe("twice", twice)
    assert [each.payload for each in client.request_many("twice", max_messages=2)] == [b"1", b"2"]


def test_what_has_no_timeout_is_given_one(client: txnats.blocking.Client) -> None:
    with pytest.raises(txnats.OperationTimeout, match=r"Client\.when_closed took longer than 0\.05 s"):
        client.when_closed(timeout=0.05)
    with pytest.raises(txnats.InvalidArgument):
        client.when_closed(timeout=-1)
    with pytest.raises(txnats.OperationTimeout):
        client.subscribe("silent").next(timeout=0.05)
    assert client.status is txnats.Status.CONNECTED


def test_leaving_drains_and_an_exception_closes(nats_server: NatsServer) -> None:
    handled: Queue[bytes] = Queue()
    with txnats.blocking.connect(nats_server.url) as client:
        client.subscribe("last", lambda message: handled.put(message.payload))
        client.publish("last", b"one")
    assert client.status is txnats.Status.CLOSED
    assert handled.get(timeout=PATIENCE) == b"one"
    with pytest.raises(KeyError), txnats.blocking.connect(nats_server.url) as client:
        raise KeyError("mine")
    assert client.when_closed() is None


def test_a_handler_may_drain_its_client(nats_server: NatsServer) -> None:
    client = txnats.blocking.connect(nats_server.url)
    reports: Queue[Any] = Queue()
    client.subscribe("stop", lambda message: reports.put(client.drain(timeout=PATIENCE)))
    client.publish("stop")
    assert reports.get(timeout=PATIENCE).abandoned == 0
    assert client.when_closed(timeout=PATIENCE) is None


def test_a_handler_that_fails_is_told(nats_server: NatsServer) -> None:
    told: Queue[Any] = Queue()

    def on_event(event: txnats.events.Event) -> None:
        if isinstance(event, txnats.events.HandlerFailed):
            told.put(event)

    with txnats.blocking.connect(nats_server.url, on_event=on_event) as client:
        client.subscribe("bad", lambda message: 1 // 0)
        client.publish("bad")
        assert isinstance(told.get(timeout=PATIENCE).error, ZeroDivisionError)


def test_a_coroutine_is_no_handler(client: txnats.blocking.Client) -> None:
    async def handler(message: txnats.blocking.Message) -> None: ...

    with pytest.raises(txnats.InvalidArgument, match="the handler is a coroutine function"):
        client.subscribe("a", handler)
    with pytest.raises(txnats.InvalidArgument, match="key is a coroutine function"):
        client.subscribe("a", print, key=handler)  # type: ignore[arg-type]  # that is the point


def test_the_reactors_thread_is_not_blocked(nats_server: NatsServer) -> None:
    """What is called in the reactor's thread may publish; what would wait there says so."""
    told: Queue[Any] = Queue()
    clients: list[txnats.blocking.Client] = []

    def key(message: txnats.blocking.Message) -> str:
        try:
            clients[0].publish("told", b"by key")
            clients[0].flush()
        except BaseException as error:
            told.put(error)
        return message.subject

    with txnats.blocking.connect(nats_server.url) as client:
        clients.append(client)
        subscription = client.subscribe("told")
        client.subscribe("keyed", print, key=key)
        client.publish("keyed")
        assert isinstance(told.get(timeout=PATIENCE), CalledFromReactor)
        assert subscription.next(timeout=PATIENCE).payload == b"by key"


def test_many_threads_share_a_client(client: txnats.blocking.Client) -> None:
    client.subscribe("echo", lambda message: message.respond(message.payload), concurrency=8)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda number: client.request("echo", b"%d" % number).payload, range(200)))
    assert replies == [b"%d" % number for number in range(200)]


def test_a_connection_that_cannot_be_is_an_error() -> None:
    with pytest.raises(txnats.ConnectionProblem):
        txnats.blocking.connect("nats://127.0.0.1:1", timeout=PATIENCE)
    with pytest.raises(txnats.InvalidOption):
        txnats.blocking.connect()


def test_proxies_are_equal_when_they_stand_for_the_same(client: txnats.blocking.Client, js: JetStream) -> None:
    assert js.client == client
    assert len({js.client, client}) == 1
    others: list[object] = [js, 1]
    assert client not in others
    assert repr(client).startswith("<txnats.blocking: <Client connected")
    with pytest.raises(AttributeError, match=r"txnats\.blocking\.classes\.Client has no attribute 'clock'"):
        client.clock  # type: ignore[attr-defined]  # noqa: B018  # that is the point


def test_what_is_given_another_client_says_so(nats_server: NatsServer, client: txnats.blocking.Client) -> None:
    with pytest.raises(txnats.InvalidArgument, match=r"JetStream was given no client of txnats\.blocking"):
        JetStream(object())  # type: ignore[arg-type]  # that is the point
    with pytest.raises(txnats.InvalidArgument, match="create was given no client"):
        kv.create(None, kv.BucketConfig("x"))  # type: ignore[arg-type]  # that is the point


# ---------------------------------------------------------------------- what stands on it


def test_jetstream(js: JetStream) -> None:
    name = next_nuid()
    stream = js.create_stream(StreamConfig(name=name, subjects=[f"{name}.>"]))
    assert stream.name == name
    for number in range(6):
        assert js.publish(f"{name}.a", b"%d" % number).sequence == number + 1
    consumer = stream.create_consumer(ConsumerConfig(durable_name="worker"))
    first, second = consumer.fetch(2)
    first.ack_sync()
    second.ack()
    assert (first.metadata.stream_sequence, second.payload) == (1, b"1")
    for message in consumer.messages():
        message.ack()
        if message.metadata.pending == 0:
            break
    js.publish(f"{name}.a", b"more")
    got: Queue[bytes] = Queue()
    with pytest.raises(txnats.OperationTimeout):
        consumer.next(max_wait=0.05) and consumer.next(max_wait=0.05)

    def handle(message: JsMessage) -> None:
        got.put(message.payload)
        message.ack()

    consuming = consumer.consume(handle)
    js.publish(f"{name}.a", b"last")
    assert got.get(timeout=PATIENCE) == b"last"
    consuming.drain()
    consuming.when_done(timeout=PATIENCE)
    assert name in list(js.stream_names())
    with js.publisher(max_in_flight=4) as publisher:
        sent = [publisher.publish(f"{name}.b", b"x") for _ in range(10)]
    assert [each.done().sequence for each in sent] == [*range(9, 19)]
    with js.atomic_batch() as batch:
        batch.add(f"{name}.c", b"1")
        batch.discard()
    assert stream.snapshot().manifest().config.name == name
    js.delete_stream(name)


def test_buckets(js: JetStream) -> None:
    bucket = kv.create(js, kv.BucketConfig(next_nuid(), limit_marker_ttl=1.0))
    assert bucket.put("a", b"1") == 1
    assert bucket.get("a").value == b"1"
    assert bucket.get_many("a")["a"].value == b"1"
    changes: Queue[int] = Queue()
    bucket.on_change("b", lambda entry: changes.put(entry.revision))
    with bucket.watch("*") as watcher:
        watcher.ready  # noqa: B018  # waits
        assert watcher.next(timeout=PATIENCE).key == "a"
        bucket.put("b", b"2")
        assert watcher.next(timeout=PATIENCE).value == b"2"
    assert changes.get(timeout=PATIENCE) == 2
    assert sorted(bucket.keys()) == ["a", "b"]
    with pytest.raises(kv.KeyNotFound):
        bucket.get("c")
    with bucket.lease("lock", ttl=5.0) as lease:
        assert lease.is_held
        assert not hasattr(lease, "guard")
    assert bucket.with_codec(kv.base64_keys()).put("key with spaces", b"") > 0


def test_objects(js: JetStream) -> None:
    store = objectstore.create(js, objectstore.StoreConfig(next_nuid()))
    read: Queue[str] = Queue()

    def pieces() -> Iterator[bytes]:
        for _ in range(3):
            read.put(threading.current_thread().name)
            yield b"x" * 1000

    assert store.put("made", pieces()).size == 3000
    assert read.get() != "txnats-reactor"
    assert store.get("made") == b"x" * 3000
    assert store.put("bytes", b"abc").size == 3
    seen: list[int] = []
    assert store.put("file", io.BytesIO(b"abc" * 10), progress=lambda done, total: seen.append(done)).size == 30
    assert seen
    target = io.BytesIO()
    store.get("file", target)
    assert target.getvalue() == b"abc" * 10
    with store.read("made", start=10, length=20) as reader:
        assert b"".join(reader) == b"x" * 20
    assert sorted(info.name for info in store.list()) == ["bytes", "file", "made"]

    def failing() -> Iterator[bytes]:
        yield b"x"
        raise OSError("the disk is gone")

    with pytest.raises(objectstore.SourceFailed, match="the disk is gone"):
        store.put("never", failing())


def test_services(client: txnats.blocking.Client) -> None:
    with services.Service.start(client, name="adder", version="1.0.0") as service:

        @service.endpoint("add")
        def add(request: services.Request) -> bytes:
            return b"%d" % sum(map(int, request.payload.split()))

        assert callable(add)
        assert [each.name for each in service.endpoints] == ["add"]
        service.add_group("v2").add_endpoint("fail", functools.partial(_refuse, 404))
        assert services.call(client, "add", b"1 2 3").payload == b"6"
        with pytest.raises(services.ServiceError, match="no such thing"):
            services.call(client, "v2.fail")
        assert [each.name for each in services.discover(client, "adder")] == ["adder"]
        assert [each.num_requests for each in service.stats().endpoints or ()] == [1, 1]
    assert service.is_stopped


def _refuse(code: int, request: services.Request) -> None:
    request.respond_error(code, "no such thing")


def test_partitioned_groups(js: JetStream) -> None:
    name = next_nuid()
    js.create_stream(StreamConfig(name=name, subjects=[f"{name}.*"]))
    filters = [partitioned.PartitioningFilter(f"{name}.*", [1])]
    group = partitioned.create_elastic(js, name, "packers", 2, filters=filters)
    assert group.add("one").members == ["one"]
    got: Queue[bytes] = Queue()

    def handle(message: partitioned.GroupMessage) -> None:
        got.put(message.payload)
        message.ack()

    member = group.consume("one", handler=handle)
    js.publish(f"{name}.1", b"x")
    assert got.get(timeout=PATIENCE) == b"x"
    member.stop()
    group.delete()
