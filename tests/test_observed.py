"""Hooks: told of what a client does, and harmless."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import globalLogPublisher

from txnats import Client, InvalidOption, InvalidSubject, Message, NoResponders, RequestTimeout
from txnats.hooks import Kind, Observation, Operation
from txnats.jetstream import JetStream, JsMessage
from txnats.observed import ObservedClient
from txnats.testing import World

pytest_plugins = ["txnats.testing.fixtures"]
current: ContextVar[str] = ContextVar("current", default="nobody")


class Seen(Observation):
    def __init__(self, log: list[tuple[Any, ...]], operation: Operation) -> None:
        self.log = log
        self.operation = operation

    @contextmanager
    def _active(self) -> Iterator[None]:
        token = current.set(self.operation.subject)
        yield
        current.reset(token)

    def active(self) -> AbstractContextManager[object]:
        return self._active()

    def ended(self, error: BaseException | None) -> None:
        self.log.append((self.operation.kind, self.operation.subject, error and type(error)))


def watched(nats: World, **options: Any) -> tuple[Client, list[tuple[Any, ...]]]:
    log: list[tuple[Any, ...]] = []

    def hook(operation: Operation) -> Observation:
        if operation.kind is not Kind.HANDLE:
            operation.headers.set("From", operation.kind.value)
        return Seen(log, operation)

    return nats.run(nats.connect(hooks=[hook], **options)), log


def test_without_hooks_there_is_a_plain_client(nats: World) -> None:
    assert type(nats.run(nats.connect())) is Client
    assert type(watched(nats)[0]) is ObservedClient


def test_publishes_and_requests(nats: World) -> None:
    client, log = watched(nats)
    nats.server.answer("price", b"2.50")
    nats.server.answer("silent")
    client.publish("a", b"1", headers={"A": "1"})
    client.publish("b", "text")
    assert nats.run(client.request("price")).payload == b"2.50"
    with pytest.raises(NoResponders):
        nats.run(client.request("nobody"))
    with pytest.raises(RequestTimeout):
        nats.run(client.request("silent"))
    with pytest.raises(InvalidSubject):
        client.publish("a b")
    assert log == [
        (Kind.PUBLISH, "a", None),
        (Kind.PUBLISH, "b", None),
        (Kind.REQUEST, "price", None),
        (Kind.REQUEST, "nobody", NoResponders),
        (Kind.REQUEST, "silent", RequestTimeout),
        (Kind.PUBLISH, "a b", InvalidSubject),
    ]
    told = nats.published()
    assert told[0].headers.items() == (("A", "1"), ("From", "publish"))
    assert told[2].headers.items() == (("From", "request"),)


def test_handlers_of_each_kind(nats: World) -> None:
    client, log = watched(nats)
    who: list[str] = []

    def plain(message: Message) -> None:
        who.append(current.get())
        message.respond(b"")

    async def coroutine(message: Message) -> None:
        await deferLater(nats.clock, 1.0)
        who.append(current.get())
        if message.payload:
            raise ZeroDivisionError

    def deferred(message: Message) -> Deferred[None]:
        return deferLater(nats.clock, 2.0)

    def failing(message: Message) -> None:
        raise KeyError

    client.subscribe("plain.*", plain)
    client.subscribe("coroutine", coroutine)
    client.subscribe("deferred", deferred)
    client.subscribe("failing", failing)
    nats.run(client.flush())
    for subject in ("coroutine", "deferred", "failing"):
        nats.server.publish(subject)
    nats.server.publish("plain.1", reply="inbox")
    nats.server.publish("coroutine", b"fail")
    nats.advance(5.0)
    assert current.get() == "nobody"
    assert who == ["plain.1", "coroutine", "coroutine"]
    assert log == [
        (Kind.HANDLE, "failing", KeyError),
        (Kind.ANSWER, "inbox", None),
        (Kind.HANDLE, "plain.1", None),
        (Kind.HANDLE, "coroutine", None),
        (Kind.HANDLE, "deferred", None),
        (Kind.HANDLE, "coroutine", ZeroDivisionError),
    ]


def test_the_pattern_of_a_handled_message(nats: World) -> None:
    seen: list[Operation] = []
    client = nats.run(nats.connect(hooks=[seen.append]))
    client.subscribe("orders.*", lambda message: None)
    nats.run(client.flush())
    nats.server.publish("orders.1", b"xy", headers={"A": "1"})
    nats.settle()
    (operation,) = seen
    assert (operation.subject, operation.pattern, operation.size) == ("orders.1", "orders.*", 2)
    assert operation.headers.items() == (("A", "1"),)


def test_a_hook_that_fails_harms_nothing(nats: World) -> None:
    class Bad(Observation):
        def active(self) -> AbstractContextManager[object]:
            raise ZeroDivisionError

        def ended(self, error: BaseException | None) -> None:
            raise ZeroDivisionError

    class BadWithin(Observation):
        @contextmanager
        def _active(self) -> Iterator[None]:
            yield
            raise ZeroDivisionError

        def active(self) -> AbstractContextManager[object]:
            return self._active()

    def raising(operation: Operation) -> Observation:
        raise ZeroDivisionError

    logged: list[Any] = []
    observer: Any = logged.append
    globalLogPublisher.addObserver(observer)
    handled: list[bytes] = []
    log: list[tuple[Any, ...]] = []
    hooks = [raising, lambda _: Bad(), lambda _: BadWithin(), lambda _: None, lambda each: Seen(log, each)]
    try:
        client = nats.run(nats.connect(hooks=hooks))
        client.subscribe("a", lambda message: handled.append(message.payload))
        client.publish("a", b"1")
        nats.run(client.flush())
    finally:
        globalLogPublisher.removeObserver(observer)
    assert handled == [b"1"]
    assert log == [(Kind.PUBLISH, "a", None), (Kind.HANDLE, "a", None)]
    failures = [event["log_failure"].type for event in logged if "log_failure" in event]
    assert failures == [ZeroDivisionError] * 6


@pytest.mark.parametrize("hooks", ["text", [5], 5, None])
def test_what_is_no_hook(nats: World, hooks: Any) -> None:
    with pytest.raises(InvalidOption, match="hooks"):
        nats.run(nats.connect(hooks=hooks))


def test_many_replies_are_one_request(nats: World) -> None:
    client, log = watched(nats)
    nats.server.answer("who", b"1", b"2", b"3")
    replies = nats.run(client.request_many("who", max_messages=2, headers={"A": "1"}).collect())
    assert [each.payload for each in replies] == [b"1", b"2"]
    with pytest.raises(NoResponders):
        nats.run(client.request_many("nobody").collect())
    left = client.request_many("who")
    left.close()
    with pytest.raises(InvalidSubject):
        client.request_many("a b")
    assert log == [
        (Kind.REQUEST, "who", None),
        (Kind.REQUEST, "nobody", NoResponders),
        (Kind.REQUEST, "who", None),
        (Kind.REQUEST, "a b", InvalidSubject),
    ]
    assert nats.published("who")[0].headers.items() == (("A", "1"), ("From", "request"))


def test_messages_that_are_read(nats: World) -> None:
    client, log = watched(nats)
    subscription = client.subscribe("news.*")
    nats.run(client.flush())
    nats.server.publish("news.1")
    nats.server.publish("news.2")
    assert nats.run(subscription.next()).subject == "news.1"
    assert log == [(Kind.RECEIVE, "news.1", None)]
    assert [each.subject for each in nats.run(subscription.collect(1))] == ["news.2"]
    waiting = subscription.next()
    waiting.cancel()
    waiting.addErrback(lambda _: None)
    nats.server.publish("news.3")
    nats.settle()
    subscription.unsubscribe()
    assert log[1:] == [(Kind.RECEIVE, "news.2", None)]


def test_answers_have_one_pattern(nats: World) -> None:
    seen: list[Operation] = []
    client = nats.run(nats.connect(hooks=[seen.append]))
    client.subscribe("a", lambda message: message.respond(b"yes", headers={"A": "1"}))
    nats.run(client.request("a"))
    answer = next(each for each in seen if each.kind is Kind.ANSWER)
    assert answer.subject.startswith("_INBOX.")
    assert (answer.pattern, answer.headers.items()) == ("(reply)", (("A", "1"),))


def test_jetstream_in_its_own_kinds(nats: World) -> None:
    seen: list[tuple[Kind, str]] = []
    client = nats.run(nats.connect(hooks=[lambda each: seen.append((each.kind, each.pattern))]))
    orders = nats.jetstream.add_stream("ORDERS", ["orders.>"])
    orders.add_consumer("worker")
    js = JetStream(client)

    async def main() -> None:
        consumer = await (await js.stream("ORDERS")).consumer("worker")
        del seen[:]
        for number in range(4):
            await js.publish(f"orders.{number}")
        assert seen == [(Kind.STORE, f"orders.{number}") for number in range(4)]
        del seen[:]
        for message in await consumer.fetch(2, max_wait=1.0):
            message.ack()
        await (await consumer.next(max_wait=1.0)).ack_sync()
        consuming = consumer.consume(JsMessage.nak)
        await client.flush()
        await consuming.drain()

    nats.run(main())
    pull, receive = (Kind.PULL, "$JS.API.CONSUMER.MSG.NEXT.ORDERS.worker"), (Kind.RECEIVE, "ORDERS > worker")
    settle, handle = (Kind.SETTLE, "ORDERS > worker"), (Kind.HANDLE, "ORDERS > worker")
    assert seen[:7] == [pull, receive, receive, settle, settle, pull, receive]
    assert seen[7:11] == [settle, pull, handle, settle]
