"""A message of a consumer: settled once, with the bytes that came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from twisted.internet.defer import CancelledError, Deferred

import txnats
from tests.client.harness import Outcome
from txnats import InvalidArgument, Message, OutboxFull, RequestTimeout
from txnats.jetstream.message import JsMessage, Settled
from txnats.message import Origin, Publish

REPLY = b"$JS.ACK.ORDERS.worker.1.100.7.1795551869123456789.42"


class FakeClient:
    def __init__(self) -> None:
        self.sent: list[tuple[bytes, bytes]] = []
        self.asked: list[tuple[bytes, bytes, Deferred[Message]]] = []
        self.full = False

    def answer(self, subject: bytes, payload: bytes) -> None:
        if self.full:
            raise OutboxFull(waiting=1, limit=1, what="full", hint="")
        self.sent.append((subject, payload))

    def request(self, subject: bytes, payload: bytes, *, timeout: float | None = None) -> Deferred[Message]:
        deferred: Deferred[Message] = Deferred()
        self.asked.append((subject, payload, deferred))
        return deferred


def delivered(reply: bytes | None = REPLY) -> tuple[JsMessage, FakeClient]:
    client = FakeClient()
    origin = Origin(cast(Publish, None), cast(Any, None), client.answer)
    return JsMessage(Message(b"orders.1", 1, reply, b"body", None, origin), cast(txnats.Client, client)), client


def test_it_shows_the_message() -> None:
    message, _ = delivered()
    assert (message.subject, message.payload, message.size) == ("orders.1", b"body", 4)
    assert (message.reply, list(message.headers)) == (REPLY.decode(), [])
    assert message.metadata.stream_sequence == 100
    assert "ORDERS #100" in repr(message)


@pytest.mark.parametrize(
    ("settle", "body", "settled"),
    [
        (lambda m: m.ack(), b"+ACK", Settled.ACK),
        (lambda m: m.nak(), b"-NAK", Settled.NAK),
        (lambda m: m.nak(1.5), b'-NAK {"delay":1500000000}', Settled.NAK),
        (lambda m: m.nak(0), b"-NAK", Settled.NAK),
        (lambda m: m.term(), b"+TERM", Settled.TERM),
        (lambda m: m.term("spoiled"), b"+TERM spoiled", Settled.TERM),
    ],
)
def test_it_is_settled_once(settle: Callable[[JsMessage], Any], body: bytes, settled: Settled) -> None:
    message, client = delivered()
    settle(message)
    settle(message)
    message.ack()
    message.nak(3)
    message.in_progress()
    assert client.sent == [(REPLY, body)]
    assert message.settled is settled


def test_work_may_be_in_progress_again_and_again() -> None:
    message, client = delivered()
    message.in_progress()
    message.in_progress()
    message.ack()
    assert [body for _, body in client.sent] == [b"+WPI", b"+WPI", b"+ACK"]


def test_what_could_not_be_sent_is_not_settled() -> None:
    message, client = delivered()
    client.full = True
    for settle in (message.ack, message.nak, message.term):
        with pytest.raises(OutboxFull):
            settle()
    assert message.settled is None
    client.full = False
    message.ack()
    assert client.sent == [(REPLY, b"+ACK")]


def test_an_ack_that_is_confirmed() -> None:
    message, client = delivered()
    results: list[Any] = []
    message.ack_sync().addCallback(results.append)
    message.ack()
    assert (results, client.sent, client.asked[0][:2]) == ([], [], (REPLY, b"+ACK"))
    client.asked[0][2].callback(Message(b"_INBOX", 1, None, b""))
    message.ack_sync().addCallback(results.append)
    assert results == [None, None]
    assert len(client.asked) == 1


def test_an_ack_that_is_not_confirmed_can_be_repeated() -> None:
    message, client = delivered()
    results: list[Any] = []
    message.ack_sync(0.1).addErrback(lambda failure: results.append(failure.type))
    client.asked[0][2].errback(RequestTimeout("x", timeout=0.1))
    assert results == [RequestTimeout]
    assert message.settled is None
    message.ack()
    assert client.sent == [(REPLY, b"+ACK")]


@pytest.mark.parametrize("known", [True, False])
def test_whoever_asks_again_waits_for_the_same_answer(*, known: bool) -> None:
    message, client = delivered()
    first, second, third = (Outcome(message.ack_sync()) for _ in range(3))
    third.deferred.cancel()
    assert (second.fired, len(client.asked)) == (False, 1)
    if known:
        client.asked[0][2].callback(Message(b"_INBOX", 1, None, b""))
        assert first.value is second.value is None
    else:
        client.asked[0][2].errback(RequestTimeout("x", timeout=0.1))
        assert type(first.error) is type(second.error) is RequestTimeout
    assert message.settled is (Settled.ACK if known else None)


def test_the_request_ends_when_nobody_waits_any_longer() -> None:
    message, client = delivered()
    first, second = Outcome(message.ack_sync()), Outcome(message.ack_sync())
    first.deferred.cancel()
    assert (second.fired, len(client.asked), message.settled) == (False, 1, Settled.ACK)
    second.deferred.cancel()
    assert all(isinstance(each.results[0].value, CancelledError) for each in (first, second))
    assert (client.asked[0][2].called, message.settled) == (True, None)
    message.ack()
    assert client.sent == [(REPLY, b"+ACK")]


def test_who_is_told_may_look_at_the_others() -> None:
    message, client = delivered()
    first, second = message.ack_sync(), message.ack_sync()
    seen: list[Any] = []

    async def look() -> None:
        for each in (second, first):
            try:
                await each
            except RequestTimeout as error:
                seen.append(type(error))

    Deferred.fromCoroutine(look())
    client.asked[0][2].errback(RequestTimeout("x", timeout=0.1))
    assert seen == [RequestTimeout, RequestTimeout]


def test_a_negative_delay_is_refused() -> None:
    message, client = delivered()
    with pytest.raises(InvalidArgument):
        message.nak(-1)
    assert (message.settled, client.sent) == (None, [])


def test_a_message_of_no_consumer() -> None:
    message, client = delivered(None)
    with pytest.raises(InvalidArgument):
        _ = message.metadata
    for settle in (message.ack, message.nak, message.term, message.in_progress):
        with pytest.raises(InvalidArgument):
            settle()
    results: list[Any] = []
    message.ack_sync().addErrback(lambda failure: results.append(failure.type))
    assert results == [InvalidArgument]
    assert (client.asked, client.sent, message.settled) == ([], [], None)
    assert "orders.1" in repr(message)


def test_a_message_is_small() -> None:
    message, _ = delivered()
    assert not hasattr(message, "__dict__")
