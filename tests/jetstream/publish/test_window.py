"""A publisher's window, in memory, on a Clock; the rest of its story is in test_publish."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.python.failure import Failure

import txnats
from tests.client.harness import Failures, Outcome
from tests.jetstream.publish.stream import OK, Stream, error
from txnats.jetstream.errors import WrongLastSequence
from txnats.jetstream.publish import window
from txnats.jetstream.publish.errors import PublisherStopped, PublishesFailed
from txnats.jetstream.publish.window import Publisher, Sent

REFUSED = error(400, 10071, "wrong last sequence: 1")


@pytest.fixture
def stream() -> Iterator[Stream]:
    stream = Stream()
    stream.answer = lambda _: None
    yield stream
    stream.end()


def publish(stream: Stream, publisher: Publisher, *arguments: Any, **options: Any) -> Outcome:
    outcome = Outcome(publisher.publish("s.a", *arguments, **options))
    stream.settle()
    return outcome


def tell(stream: Stream, number: int, payload: bytes = b'{"stream":"S","seq":1}') -> None:
    stream.net.pipe.msg(stream.replies[number], payload)
    stream.settle()


def test_room_is_given_out_when_half_of_the_window_is_free(stream: Stream) -> None:
    publisher = stream.js.publisher(max_in_flight=4)
    calls = [publish(stream, publisher) for _ in range(7)]
    assert [call.fired for call in calls] == [True] * 4 + [False] * 3
    tell(stream, 0)
    assert len(stream.seen) == 4
    tell(stream, 1)
    assert [call.fired for call in calls] == [True] * 6 + [False]
    assert len(stream.seen) == 6
    publisher.abandon()


def test_the_fate_of_one_of_them_before_and_after(stream: Stream) -> None:
    publisher = stream.js.publisher(stop_on_failure=False)
    good, bad = publish(stream, publisher).value, publish(stream, publisher).value
    assert isinstance(good, Sent)
    before = [Outcome(sent.done()) for sent in (good, bad, good)]
    before[2].deferred.cancel()
    known = [good.is_done]
    tell(stream, 0)
    tell(stream, 1, REFUSED)
    assert [*known, good.is_done] == [False, True]
    assert before[0].value is good.ack is Outcome(good.done()).value
    assert isinstance(before[1].error, WrongLastSequence)
    assert before[1].error is bad.error is Outcome(bad.done()).error
    failed = Outcome(publisher.flush()).error
    assert isinstance(failed, PublishesFailed)
    assert failed.failures == (bad,)
    assert Outcome(publisher.close()).value is None


def test_a_failure_turns_away_those_that_wait(stream: Stream) -> None:
    publisher = stream.js.publisher(max_in_flight=1)
    publish(stream, publisher)
    waiting = publish(stream, publisher)
    tell(stream, 0, REFUSED)
    assert isinstance(waiting.error, PublisherStopped)
    assert isinstance(waiting.error.cause, WrongLastSequence)
    assert isinstance(publish(stream, publisher).error, PublisherStopped)
    assert isinstance(Outcome(publisher.flush()).error, PublishesFailed)
    # It was told: the publisher can be used again.
    assert publish(stream, publisher).fired
    publisher.abandon()


def test_on_failure_may_raise(stream: Stream) -> None:
    def raising(_: Sent) -> None:
        raise ZeroDivisionError

    with Failures() as seen:
        publisher = stream.js.publisher(on_failure=raising)
        publish(stream, publisher)
        tell(stream, 0, REFUSED)
    failure = seen[0]["log_failure"]
    assert isinstance(failure, Failure)
    assert failure.check(ZeroDivisionError)
    assert (publisher.in_flight, publisher.failed) == (0, 1)


def test_what_cannot_be_sent_takes_no_room(stream: Stream) -> None:
    class Odd(dict[str, str]):
        def items(self) -> Any:
            raise ZeroDivisionError

    publisher = stream.js.publisher(max_in_flight=1)
    for call in (
        Outcome(publisher.publish("s.*")),
        Outcome(publisher.publish("s.a", 5)),  # type: ignore[arg-type]
        Outcome(publisher.publish("s.a", message_id="")),
    ):
        assert isinstance(call.error, txnats.InvalidArgument)
    publish(stream, publisher)
    late, good = publish(stream, publisher, b"x" * 2_000_000), publish(stream, publisher)
    tell(stream, 0)
    assert isinstance(late.error, txnats.PayloadTooLarge)
    assert good.fired
    publisher.abandon()


def test_the_calls_that_wait_are_bounded(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "MOST_WAITERS", 2)
    publisher = stream.js.publisher(max_in_flight=1)
    for _ in range(3):
        publish(stream, publisher)
    assert isinstance(publish(stream, publisher).error, txnats.InvalidArgument)
    closing = Outcome(publisher.close())
    publisher.abandon()
    assert closing.fired


def test_what_was_abandoned_is_not_said_to_be_stored(stream: Stream) -> None:
    publisher = stream.js.publisher()
    sent = publish(stream, publisher).value
    flushing = Outcome(publisher.flush())
    publisher.abandon()
    for call in (flushing, Outcome(publisher.flush()), Outcome(publisher.close()), Outcome(sent.done())):
        assert isinstance(call.error, PublisherStopped)
    finished = stream.js.publisher()
    publish(stream, finished)
    tell(stream, 1)
    finished.abandon()
    assert Outcome(finished.close()).value is None


@pytest.mark.parametrize(
    "options", [{"max_in_flight": 0}, {"max_bytes_in_flight": 0}, {"timeout": -1}, {"on_failure": 5}]
)
def test_options_that_make_no_sense(stream: Stream, options: dict[str, Any]) -> None:
    with pytest.raises(txnats.InvalidOption):
        stream.js.publisher(**options)


def test_a_window_over_a_lost_connection(stream: Stream) -> None:
    publisher = stream.js.publisher(max_in_flight=10)
    calls = [publish(stream, publisher, message_id=str(number)) for number in range(20)]
    stream.net.server.up = False
    stream.net.pipe.cut()
    stream.wait(3, 0.1)
    stream.net.server.up = True
    stream.answer = lambda _: OK
    stream.wait(5, 0.1)
    assert all(call.value.ack for call in calls)
    assert publisher.stored == 20
