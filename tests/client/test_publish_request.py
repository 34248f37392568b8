from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

import txnats
from tests.client.harness import Net, Outcome
from txnats import Message


@pytest.fixture
def net() -> Net:
    return Net()


def answering(*payloads: bytes) -> Callable[[Message], None]:
    """A handler that answers several times."""

    def answer(message: Message) -> None:
        for payload in payloads:
            message.respond(payload)

    return answer


BAD_SUBJECTS: list[Any] = [
    "", " ", "a b", "a\tb", "a\r\nPING", "a\n", "\0", "a..b", ".a", "a.", "a.*", ">", "a.>", "*", b"a b", b"",
    b"a\r\nb", None, 5, ["a"], {}, 1.5, "\ud800 ", "a" * 5000, "\x7f",
]  # fmt: skip


@pytest.mark.parametrize("subject", BAD_SUBJECTS, ids=repr)
def test_nothing_is_written_for_a_bad_subject_or_reply(net: Net, subject: Any) -> None:
    client = net.client()
    before = len(net.pipe.log)
    with pytest.raises(txnats.InvalidSubject):
        client.publish(subject, b"x")
    if subject is not None:
        with pytest.raises(txnats.InvalidSubject):
            client.publish("good", b"x", reply=subject)
    assert isinstance(Outcome(client.request(subject)).error, txnats.InvalidSubject)
    with pytest.raises(txnats.InvalidSubject):
        client.request_many(subject)
    net.wait(0.3)
    assert net.pipe.log[before:].count(b"PUB") == 0
    assert client.statistics.messages_out == client.statistics.bytes_out == client.statistics.requests == 0
    net.end(client)


@pytest.mark.parametrize("subject", ["", "a b", "a*", "a.b>", ">.a", "a\r\n", "a..b", ".", None, 5, b"\n"], ids=repr)
def test_bad_subscriptions(net: Net, subject: Any) -> None:
    client = net.client()
    before = bytes(net.pipe.log)
    with pytest.raises(txnats.InvalidSubject):
        client.subscribe(subject)
    if subject is not None:
        bad: list[Any] = [subject] if subject not in ("a*", "a.b>", ">.a", "a..b", ".") else []
        for queue in bad:
            with pytest.raises(txnats.InvalidSubject):
                client.subscribe("good", queue=queue)
    net.settle()
    assert bytes(net.pipe.log) == before
    assert client.statistics.subscriptions == 0


@pytest.mark.parametrize(
    "options",
    [
        {"max_messages": 0}, {"max_messages": -1}, {"max_messages": True}, {"max_messages": "1"}, {"max_messages": 1.5},
        {"concurrency": 0}, {"concurrency": True}, {"concurrency": 2.0}, {"handler": 5}, {"key": 5},
        {"key": len, "handler": None},
        {"concurrency": 2, "handler": None}, {"slow_policy": "odd"}, {"pending_messages": 0}, {"pending_bytes": -1},
        {"pending_messages": "9"}, {"pending_messages": None, "queue": 5},
    ],
    ids=repr,
)  # fmt: skip
def test_bad_subscribe_options(net: Net, options: dict[str, Any]) -> None:
    client = net.client()
    before = bytes(net.pipe.log)
    with pytest.raises(txnats.InvalidArgument):
        client.subscribe("a", **{"handler": print, **options})
    net.settle()
    assert bytes(net.pipe.log) == before
    assert client.statistics.subscriptions == 0


@pytest.mark.parametrize("payload", [None, 5, [1], {"a": 1}, object()], ids=str)
def test_bad_payloads(net: Net, payload: Any) -> None:
    client = net.client()
    with pytest.raises(txnats.InvalidArgument):
        client.publish("a", payload)
    assert isinstance(Outcome(client.request("a", payload)).error, txnats.InvalidArgument)
    assert client.statistics.requests == 0
    with pytest.raises(txnats.InvalidArgument):
        client.request_many("a", payload)
    net.end(client)


@pytest.mark.parametrize("payload", [b"x", "x", bytearray(b"x"), memoryview(b"x")])
def test_good_payloads(net: Net, payload: Any) -> None:
    client = net.client()
    client.publish("a", payload)
    if isinstance(payload, bytearray):
        payload[:] = b"y"
    net.settle()
    assert net.pipe.published == [(b"a", None, b"x")]


def test_payload_limits_count_headers(net: Net) -> None:
    net.server.info["max_payload"] = 100
    client = net.client()
    client.publish("a", b"x" * 100)
    with pytest.raises(txnats.PayloadTooLarge) as caught:
        client.publish("a", b"x" * 101)
    assert (caught.value.size, caught.value.limit) == (101, 100)
    block = b"NATS/1.0\r\nA: b\r\n\r\n"
    client.publish("a", b"x" * (100 - len(block)), headers={"A": "b"})
    with pytest.raises(txnats.PayloadTooLarge):
        client.publish("a", b"x" * (101 - len(block)), headers={"A": "b"})
    assert isinstance(Outcome(client.request("a", b"x" * 101)).error, txnats.PayloadTooLarge)
    with pytest.raises(txnats.PayloadTooLarge):
        client.request_many("a", b"x" * 101)
    net.settle()
    assert [len(payload) for _, _, payload in net.pipe.published] == [100, 100]
    assert client.statistics.bytes_out == 200
    assert client.statistics.requests == 0
    net.end(client)


@pytest.mark.parametrize("size", [0, 4095 - 18, 4096 - 18, 4097 - 18, 100_000])
def test_payloads_of_any_size_have_headers_and_are_counted_with_them(net: Net, size: int) -> None:
    client = net.client()
    sub = client.subscribe("a")
    net.settle()
    client.publish("a", b"x" * size, headers={"K": "v"})
    net.settle()
    message = Outcome(sub.next()).value
    assert (message.payload, message.headers["K"]) == (b"x" * size, "v")
    assert client.statistics.bytes_out == size + 18
    net.end(client)


def test_headers_arrive_as_they_were_sent(net: Net) -> None:
    client = net.client()
    sub = client.subscribe("a")
    pairs = [("B", "1"), ("a", "é"), ("B", "2"), ("empty", "")]
    client.publish("a", b"x", reply="r", headers=pairs)
    net.settle()
    message = Outcome(sub.next()).value
    assert list(message.headers.items()) == pairs
    assert (message.reply, message.payload) == ("r", b"x")


def test_statistics(net: Net) -> None:
    client = net.client()
    sub = client.subscribe("a")
    client.publish("a", b"12345")
    net.settle()
    now = client.statistics
    assert (now.messages_in, now.bytes_in, now.messages_out, now.bytes_out) == (1, 5, 1, 5)
    assert now.subscriptions == 1
    assert now.socket_bytes_in > 20
    net.pipe.cut()
    net.wait(1)
    assert client.statistics.messages_in == 1
    assert client.statistics.reconnects == 1
    sub.unsubscribe()
    assert client.statistics.subscriptions == 0


# Requests


def test_each_outcome(net: Net) -> None:
    net.server.no_responders = False
    client = net.client()
    client.subscribe("good", lambda message: message.respond(message.payload))
    client.subscribe("twice", answering(b"1", b"2"))
    client.subscribe("silent", lambda _: None)
    good, twice = Outcome(client.request("good", b"x")), Outcome(client.request("twice"))
    silent, cancelled = Outcome(client.request("silent", timeout=1)), Outcome(client.request("silent", timeout=1))
    cancelled.deferred.cancel()
    net.settle()
    assert good.value.payload == b"x"
    assert twice.value.payload == b"1"
    assert isinstance(cancelled.error, CancelledError)
    net.wait(1.1)
    assert isinstance(silent.error, txnats.RequestTimeout)
    assert not silent.error.link_lost
    closed = Outcome(client.request("silent"))
    client.close()
    net.settle()
    assert isinstance(closed.error, txnats.ClientClosed)
    assert isinstance(Outcome(client.request("good")).error, txnats.ClientClosed)
    assert client.statistics.requests == 0
    net.nothing_left()


def test_a_timeout_tells_of_a_lost_link(net: Net) -> None:
    net.server.no_responders = False
    client = net.client()
    asked = Outcome(client.request("a", timeout=3))
    net.settle()
    net.pipe.cut()
    net.wait(3.1)
    assert isinstance(asked.error, txnats.RequestTimeout)
    assert asked.error.link_lost
    after = Outcome(client.request("a", timeout=1))
    net.wait(1.1)
    assert isinstance(after.error, txnats.RequestTimeout)
    assert not after.error.link_lost


def test_a_request_while_down_flies_after_the_reconnect(net: Net) -> None:
    client = net.client()
    client.subscribe("svc", lambda message: message.respond(b"yes"))
    net.settle()
    net.server.up = False
    net.pipe.cut()
    net.settle()
    asked = Outcome(client.request("svc", timeout=5))
    net.server.up = True
    net.wait(2)
    assert asked.value.payload == b"yes"


def test_every_request_has_one_outcome_under_random_faults(net: Net) -> None:
    chance = random.Random(5)
    net.server.no_responders = False
    client = net.client()

    def responder(message: Message) -> None:
        for _ in range(chance.choice([0, 1, 1, 2])):
            message.respond(b"r")

    client.subscribe("a", responder)
    client.subscribe("a", responder)
    outcomes = []
    for round_ in range(300):
        for _ in range(10):
            outcome = Outcome(client.request("a", timeout=chance.choice([0.1, 1, 2])))
            outcomes.append(outcome)
            if chance.random() < 0.1:
                outcome.deferred.cancel()
        if round_ % 30 == 29:
            net.pipe.cut()
        if chance.random() < 0.3:
            net.settle()
        net.clock.advance(chance.choice([0, 0.01, 0.2]))
    net.wait(5, 0.1)
    assert all(len(outcome.results) == 1 for outcome in outcomes)
    assert client.statistics.requests == 0
    net.end(client)


def test_reentrancy_in_replies(net: Net) -> None:
    client = net.client()
    client.subscribe("a", lambda message: message.respond(b"r"))
    inner: list[Outcome] = []

    def again(_: Message) -> None:
        inner.append(Outcome(client.request("a")))
        if len(inner) == 2:
            client.close()

    client.request("a").addCallback(again)
    client.request("a").addCallback(again)
    net.settle()
    net.wait(3)
    assert len(inner) == 2
    assert all(each.fired for each in inner)
    net.nothing_left()


def test_cancelling_others_from_a_failing_request(net: Net) -> None:
    net.server.no_responders = False
    client = net.client()
    waiting = [client.request("a", timeout=1) for _ in range(5)]
    outcomes: list[Outcome] = []

    def cancel_all(failure: Any) -> Any:
        for each in waiting:
            each.cancel()
        return failure

    waiting[0].addErrback(cancel_all)
    outcomes = [Outcome(each) for each in waiting]
    client.close()
    net.settle()
    assert [len(each.results) for each in outcomes] == [1] * 5


def test_status_replies_other_than_503_are_replies(net: Net) -> None:
    net.server.no_responders = False
    client = net.client()
    asked = Outcome(client.request("a"))
    net.settle()
    (_, reply, _) = net.pipe.published[0]
    assert reply
    net.pipe.status(reply.decode(), b"408 Request Timeout")
    net.settle()
    assert (asked.value.status, asked.value.description) == (408, "Request Timeout")


def test_too_many_requests(net: Net) -> None:
    net.server.no_responders = False
    client = net.client(limits=txnats.Limits(requests=2))
    first = Outcome(client.request("a"))
    Outcome(client.request("a"))
    assert isinstance(Outcome(client.request("a")).error, txnats.OutboxFull)
    first.deferred.cancel()
    third = client.request("a")
    third.addErrback(lambda _: None)
    assert not third.called


# Many replies


def many(net: Net, count: int) -> txnats.Client:
    client = net.client()
    for _ in range(count):
        client.subscribe("q", lambda message: message.respond(b"r"))
    return client


def test_many_until_max(net: Net) -> None:
    client = many(net, 5)
    got = Outcome(client.request_many("q", max_messages=3).collect())
    net.settle()
    assert len(got.value) == 3
    assert client.statistics.subscriptions == 5
    net.end(client)


def test_many_until_the_time_is_over(net: Net) -> None:
    client = many(net, 2)
    got = Outcome(client.request_many("q", timeout=1).collect())
    net.wait(0.9)
    assert not got.fired
    net.wait(0.2)
    assert len(got.value) == 2
    net.end(client)


def test_many_until_it_stalls(net: Net) -> None:
    client = many(net, 0)
    slow = Deferred[None]()

    async def later(message: Message) -> None:
        await slow
        message.respond(b"late")

    client.subscribe("q", lambda message: message.respond(b"now"))
    client.subscribe("q", later)
    replies = client.request_many("q", timeout=10, stall=0.5)
    got = Outcome(replies.collect())
    net.wait(0.4)
    slow.callback(None)
    net.wait(0.4)
    assert not got.fired
    net.wait(0.2)
    assert [message.payload for message in got.value] == [b"now", b"late"]
    net.end(client)


def test_stall_counts_from_the_first_reply(net: Net) -> None:
    net.server.no_responders = False
    client = net.client()
    got = Outcome(client.request_many("q", timeout=3, stall=0.1).collect())
    net.wait(2.9)
    assert not got.fired
    net.wait(0.2)
    assert got.value == []
    net.end(client)


def test_many_until_the_last(net: Net) -> None:
    client = net.client()
    client.subscribe("q", answering(b"1", b"2", b""))
    got = Outcome(client.request_many("q", is_last=lambda message: not message.payload).collect())
    net.settle()
    assert [message.payload for message in got.value] == [b"1", b"2"]
    net.end(client)


def test_many_without_responders(net: Net) -> None:
    client = net.client()
    replies = client.request_many("q")
    got = Outcome(replies.next())
    net.settle()
    assert isinstance(got.error, txnats.NoResponders)
    assert isinstance(Outcome(replies.next()).error, txnats.NoResponders)
    net.end(client)


def test_break_takes_the_subscription_back(net: Net) -> None:
    client = many(net, 3)
    seen = []

    async def program() -> None:
        async for reply in client.request_many("q"):
            seen.append(reply)
            break

    done = Outcome(Deferred.fromCoroutine(program()))
    net.settle()
    assert done.fired
    assert len(seen) == 1
    assert client.statistics.subscriptions == 3
    net.end(client)


def test_cancelling_the_reader_takes_the_subscription_back(net: Net) -> None:
    net.server.no_responders = False
    client = net.client()

    async def program() -> None:
        async for _ in client.request_many("q", timeout=100):
            pass

    done = Outcome(Deferred.fromCoroutine(program()))
    net.settle()
    assert client.statistics.subscriptions == 1
    done.deferred.cancel()
    net.settle()
    assert isinstance(done.error, CancelledError)
    assert client.statistics.subscriptions == 0
    net.end(client)


def test_close_ends_many(net: Net) -> None:
    net.server.no_responders = False
    client = net.client()
    got = Outcome(client.request_many("q").next())
    client.close()
    net.settle()
    assert isinstance(got.error, txnats.ClientClosed)
    net.nothing_left()


def test_many_while_down_and_drain(net: Net) -> None:
    client = many(net, 1)
    net.settle()
    net.server.up = False
    net.pipe.cut()
    net.settle()
    got = Outcome(client.request_many("q", max_messages=1, timeout=5).collect())
    net.server.up = True
    net.wait(1)
    assert len(got.value) == 1
    net.end(client)


@pytest.mark.parametrize("answers", [0, 1])
def test_drain_ends_many(net: Net, answers: int) -> None:
    client = many(net, answers)
    net.server.no_responders = False
    replies = client.request_many("q", timeout=500)
    net.settle()
    first = Outcome(replies.next())
    drained = Outcome(client.drain(5))
    net.settle()
    if answers:
        assert first.value.payload == b"r"
        first = Outcome(replies.next())
    assert isinstance(first.error, txnats.ClientDraining)
    net.wait(3, 1)
    assert drained.fired
    net.nothing_left()


def test_ending_many_by_hand_is_no_error(net: Net) -> None:
    client = many(net, 1)
    replies = client.request_many("q", timeout=500)
    got = Outcome(replies.collect())
    net.settle()
    replies.close()
    assert len(got.value) == 1
    net.end(client)


def test_too_many_replies_end_with_slow_consumer(net: Net) -> None:
    client = net.client(limits=txnats.Limits(pending_messages=2))
    client.subscribe("q", answering(*[b"r"] * 5))
    replies = client.request_many("q")
    net.settle()
    got = Outcome(replies.collect())
    assert isinstance(got.error, txnats.SlowConsumer)
    net.end(client)


@pytest.mark.parametrize("bad", [0, -1, True, "3"])
def test_bad_max_of_many(net: Net, bad: Any) -> None:
    client = net.client()
    with pytest.raises(txnats.InvalidArgument):
        client.request_many("q", max_messages=bad)
    net.end(client)
