"""``txnats.aio`` in asyncio tasks on a real server: futures, iterators, coroutine handlers, cancelling both ways."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from twisted.internet.defer import CancelledError as DeferredCancelled
from twisted.internet.defer import Deferred

import txnats
import txnats.aio
from txnats.aio import kv, objectstore, services
from txnats.aio import loop as loops
from txnats.aio.jetstream import ConsumerConfig, JetStream, StreamConfig
from txnats.aio.outcome import Outcome
from txnats.facade.errors import WrongLoop
from txnats.nuid import next_nuid
from txnats.server import NatsServer

PATIENCE = 20.0


def in_loop(test: Callable[[txnats.aio.Client], Coroutine[Any, Any, None]]) -> Callable[[NatsServer], None]:
    """A test in ``asyncio.run``, given a client; everything has to be gone when the loop ends."""

    async def main(url: str) -> None:
        async with asyncio.timeout(PATIENCE), txnats.aio.connect(url) as client:
            await test(client)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not loops._homes

    def run(nats_server: NatsServer) -> None:
        asyncio.run(main(nats_server.url), debug=True)
        gc.collect()

    return run


# ---------------------------------------------------------------------- the core


@in_loop
async def test_a_request_gives_a_future(client: txnats.aio.Client) -> None:
    async def answer(message: txnats.aio.Message) -> None:
        await asyncio.sleep(0)
        reply = await client.request("name", message.payload)
        message.respond(b"hello " + reply.payload)

    client.subscribe("greet.*", answer)
    client.subscribe("name", lambda message: message.respond(message.payload.upper()))
    future = client.request("greet.joe", b"joe")
    assert isinstance(future, asyncio.Future)
    assert (await future).payload == b"hello JOE"
    both = await asyncio.gather(client.request("name", b"a"), client.request("name", b"b"))
    assert [each.payload for each in both] == [b"A", b"B"]
    with pytest.raises(txnats.NoResponders):
        await client.request("nobody")
    with pytest.raises(txnats.InvalidSubject):
        client.publish("a b")


@in_loop
async def test_a_loop_takes_messages_and_leaves(client: txnats.aio.Client) -> None:
    subscription = client.subscribe("many")
    for number in range(5):
        client.publish("many", b"%d" % number)
    seen = []
    async for message in subscription:
        seen.append(message.payload)
        if len(seen) == 3:
            break
    assert seen == [b"0", b"1", b"2"]
    assert await subscription.when_done() == txnats.EndReason.UNSUBSCRIBED


@in_loop
async def test_a_cancelled_task_loses_no_message(client: txnats.aio.Client) -> None:
    subscription = client.subscribe("next")
    task = asyncio.create_task(_next(subscription))
    await asyncio.sleep(0)
    assert task.cancel()
    client.publish("next", b"kept")
    await client.flush()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await subscription.next(timeout=PATIENCE)).payload == b"kept"
    client.subscribe("silent", lambda message: None)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.request("silent", timeout=PATIENCE), 0.02)
    assert client.statistics.requests == 0


async def _next(subscription: txnats.aio.Subscription) -> txnats.aio.Message:
    return await subscription.next()


def test_cancelling_a_future_cancels_its_deferred_at_once() -> None:
    async def main() -> None:
        cancelled: list[Deferred[int]] = []
        outcome = Outcome(Deferred(cancelled.append), str, asyncio.get_running_loop())
        assert outcome.cancel()
        assert len(cancelled) == 1
        assert not outcome.cancel()
        done: Deferred[int] = Deferred(cancelled.append)
        outcome = Outcome(done, str, asyncio.get_running_loop())
        done.callback(7)
        assert not outcome.cancel()
        assert await outcome == "7"
        broken: Outcome[int] = Outcome(_fired("x"), int, asyncio.get_running_loop())
        with pytest.raises(ValueError, match="invalid literal"):
            await broken

    asyncio.run(main())


def _fired(value: Any) -> Deferred[Any]:
    deferred: Deferred[Any] = Deferred()
    deferred.callback(value)
    return deferred


@in_loop
async def test_a_cancelled_deferred_cancels_the_task(client: txnats.aio.Client) -> None:
    """A drain that runs out of time gives its handlers up; so does a lease that is lost."""
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            ended.set_result("cancelled")
            raise

    home = loops.loop_home()
    deferred = home.work(work())
    await asyncio.sleep(0)
    deferred.addErrback(lambda failure: failure.trap(asyncio.CancelledError, DeferredCancelled))
    deferred.cancel()
    assert await ended == "cancelled"


@in_loop
async def test_a_handler_may_drain_its_client(client: txnats.aio.Client) -> None:
    report: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def stop(message: txnats.aio.Message) -> None:
        await asyncio.sleep(0)
        report.set_result(await client.drain(timeout=PATIENCE))

    client.subscribe("stop", stop)
    client.publish("stop")
    assert (await report).abandoned == 0
    assert await client.when_closed() is None


@in_loop
async def test_a_handler_that_fails_is_told(client: txnats.aio.Client) -> None:
    events = client.events()

    async def bad(message: txnats.aio.Message) -> None:
        await asyncio.sleep(0)
        raise KeyError(message.subject)

    client.subscribe("bad", bad)
    client.publish("bad")
    async for event in events:
        if isinstance(event, txnats.events.HandlerFailed):
            assert isinstance(event.error, KeyError)
            break
    with pytest.raises(txnats.InvalidArgument, match="key is a coroutine function"):
        client.subscribe("a", print, key=bad)  # type: ignore[arg-type]  # that is the point


@in_loop
async def test_a_call_outside_of_the_loop_says_so(client: txnats.aio.Client) -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(WrongLoop, match=r"Client\.publish was called outside"):
        await asyncio.get_running_loop().run_in_executor(pool, client.publish, "a")


def test_connect_asks_for_a_loop() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        txnats.aio.connect("nats://127.0.0.1:4222")


def test_a_connection_that_cannot_be_leaves_nothing() -> None:
    async def main() -> None:
        with pytest.raises(txnats.ConnectionProblem):
            await txnats.aio.connect("nats://127.0.0.1:1")
        with pytest.raises(txnats.InvalidOption):
            await txnats.aio.connect()
        with pytest.raises(txnats.ConnectionProblem):
            async with txnats.aio.connect("nats://127.0.0.1:1"):
                raise AssertionError("it is not entered")
        await asyncio.sleep(0)
        assert not loops._homes

    asyncio.run(main(), debug=True)


def test_a_loop_that_ended_with_a_client_open_is_forgotten(nats_server: NatsServer) -> None:
    async def forget() -> None:
        await txnats.aio.connect(nats_server.url)

    async def main() -> None:
        async with txnats.aio.connect(nats_server.url) as client:
            assert len(loops._homes) == 1
            await client.flush()
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(forget())
    (home,) = loops._homes.values()
    (left,) = [each for each in home.reactor.getReaders() if each is not home.reactor.waker]
    asyncio.run(main())
    assert left.socket.fileno() == -1
    assert not loops._homes


def test_a_loop_that_cannot_wait_for_sockets_says_so() -> None:
    def add_reader(*_: object) -> None:
        raise NotImplementedError

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.get_loop().add_reader = add_reader  # type: ignore[assignment, method-assign]  # as of the loop that Windows has
        with pytest.raises(txnats.InvalidOption, match="cannot use a"):
            runner.run(_connect())


async def _connect() -> None:
    await txnats.aio.connect("nats://127.0.0.1:4222")


# ---------------------------------------------------------------------- what stands on it


@in_loop
async def test_jetstream(client: txnats.aio.Client) -> None:
    js = JetStream(client)
    name = next_nuid()
    stream = await js.create_stream(StreamConfig(name=name, subjects=[f"{name}.>"]))
    acks = await asyncio.gather(*(js.publish(f"{name}.a", b"%d" % number) for number in range(5)))
    assert sorted(ack.sequence for ack in acks) == [1, 2, 3, 4, 5]
    consumer = await stream.create_consumer(ConsumerConfig(durable_name="worker"))
    first, second = await consumer.fetch(2)
    await first.ack_sync()
    second.ack()
    async with consumer.messages() as messages:
        async for message in messages:
            message.ack()
            if message.metadata.pending == 0:
                break
    assert name in [each async for each in js.stream_names()]
    got: asyncio.Queue[bytes] = asyncio.Queue()

    async def handle(message: txnats.aio.jetstream.JsMessage) -> None:
        await got.put(message.payload)
        await message.ack_sync()

    consuming = consumer.consume(handle)
    async with js.publisher(max_in_flight=4) as publisher:
        sent = [await publisher.publish(f"{name}.b", b"x") for _ in range(10)]
    assert [(await each.done()).sequence for each in sent] == [*range(6, 16)]
    assert [await got.get() for _ in range(10)] == [b"x"] * 10
    await consuming.drain()
    await js.delete_stream(name)


@in_loop
async def test_buckets(client: txnats.aio.Client) -> None:
    bucket = await kv.create(JetStream(client), kv.BucketConfig(next_nuid(), limit_marker_ttl=1.0))
    assert await bucket.put("a", b"1") == 1
    assert (await bucket.get("a")).value == b"1"
    async with bucket.watch("*") as watcher:
        await watcher.ready
        assert (await watcher.next()).key == "a"
    assert await bucket.keys().collect() == ["a"]

    async def work() -> int:
        await asyncio.sleep(0)
        return await bucket.put("b", b"2")

    async with bucket.lease("lock", ttl=5.0) as lease:
        assert await lease.guard(work()) > 2
        with pytest.raises(kv.LeaseHeld):
            await bucket.lease("lock", ttl=5.0, timeout=0).acquire()


@in_loop
async def test_objects(client: txnats.aio.Client) -> None:
    store = await objectstore.create(JetStream(client), objectstore.StoreConfig(next_nuid()))

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(3):
            await asyncio.sleep(0)
            yield b"x" * 1000

    assert (await store.put("made", pieces())).size == 3000
    assert await store.get("made") == b"x" * 3000
    async with store.read("made", start=10, length=20) as reader:
        assert b"".join([piece async for piece in reader]) == b"x" * 20

    async def failing() -> AsyncIterator[bytes]:
        yield b"x"
        raise OSError("the disk is gone")

    with pytest.raises(objectstore.SourceFailed, match="the disk is gone"):
        await store.put("never", failing())


@in_loop
async def test_services(client: txnats.aio.Client) -> None:
    async with services.Service.start(client, name="adder", version="1.0.0") as service:

        @service.endpoint("add")
        async def add(request: services.Request) -> bytes:
            await asyncio.sleep(0)
            return b"%d" % sum(map(int, request.payload.split()))

        assert (await services.call(client, "add", b"1 2 3")).payload == b"6"
        assert [each.name async for each in services.discover(client, "adder")] == ["adder"]
    assert service.is_stopped
