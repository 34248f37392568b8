"""The fate of one publish, whatever its stream and its connection do; in memory, on a Clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import CancelledError

import txnats
from tests.jetstream.publish.stream import NOBODY, OK, Stream, error
from txnats.jetstream.errors import (
    JetStreamError,
    JetStreamNotEnabled,
    JetStreamUnavailable,
    NoStreamForSubject,
    PublishOutcomeUnknown,
    WrongLastSequence,
)
from txnats.jetstream.publish.ack import PubAck


@pytest.fixture
def stream() -> Iterator[Stream]:
    stream = Stream()
    yield stream
    assert stream.js.outgoing.flying == []
    stream.end()


def answers(*said: Any, then: Any = OK) -> Any:
    """These in their order, then always the same."""
    return lambda number: said[number - 1] if number <= len(said) else then


# ---------------------------------------------------------------------- stored


def test_stored_at_once(stream: Stream) -> None:
    assert stream.publish(payload=b"hello").value == PubAck(stream="S", sequence=1)
    assert stream.seen == [b"hello"]


def test_a_buffer_may_change_behind_it(stream: Stream) -> None:
    stream.answer = answers(NOBODY)
    buffer = bytearray(b"before")
    outcome = stream.publish(payload=buffer)  # type: ignore[arg-type]
    buffer[:] = b"after!"
    stream.wait(1)
    assert outcome.value.sequence == 2
    assert stream.seen == [b"before"] * 2


@pytest.mark.parametrize("said", [NOBODY, error(503, 10008), error(500, 10009), error(503, 10163), error(429, 10167)])
def test_what_passes_is_waited_for_without_a_message_id_too(stream: Stream, said: Any) -> None:
    stream.answer = answers(said, said, said)
    outcome = stream.publish()
    stream.wait(1)
    assert outcome.value.sequence == 4


def test_an_election(stream: Stream) -> None:
    stream.answer = lambda _: NOBODY if stream.net.clock.seconds() < 7.5 else OK
    stream.names = None
    outcome = stream.publish()
    stream.wait(7.4)
    assert not outcome.fired
    stream.wait(0.5)
    assert outcome.value.stream == "S"


def test_the_earlier_copy_is_about_to_be_stored(stream: Stream) -> None:
    stream.answer = answers(None, error(409, 10158, "duplicate message id is in process"))
    outcome = stream.publish(message_id="1")
    stream.wait(2.9)
    assert outcome.value.sequence == 3


# ---------------------------------------------------------------------- not stored


def test_no_stream_is_told_after_two_tries(stream: Stream) -> None:
    stream.answer, stream.names = answers(then=NOBODY), []
    outcome = stream.publish("s.lost")
    stream.wait(0.3)
    assert isinstance(outcome.error, NoStreamForSubject)
    assert outcome.error.subject == "s.lost"
    assert (len(stream.seen), stream.asked) == (2, 1)


def test_no_answer_to_the_question_is_no_answer(stream: Stream) -> None:
    stream.answer, stream.names = answers(then=NOBODY), None
    outcome = stream.publish()
    stream.wait(5)
    assert not outcome.fired
    assert 2 <= stream.asked <= 3
    stream.names = []
    stream.wait(5)
    assert isinstance(outcome.error, NoStreamForSubject)


def test_a_time_that_ends_during_the_question_is_no_doubt(stream: Stream) -> None:
    stream.answer = lambda _: NOBODY
    stream.names = None
    outcome = stream.publish(timeout=0.4)
    stream.wait(0.6)
    assert stream.asked == 1
    assert isinstance(outcome.error, JetStreamUnavailable)
    assert "None" not in str(outcome.error)


def test_many_share_the_question(stream: Stream) -> None:
    stream.answer, stream.names = answers(then=NOBODY), []
    outcomes = [stream.publish() for _ in range(20)]
    stream.wait(0.3)
    assert {type(outcome.error) for outcome in outcomes} == {NoStreamForSubject}
    assert stream.asked == 1


def test_there_is_no_jetstream_here() -> None:
    stream = Stream()
    stream.net.server.info["jetstream"] = False
    stream.net.pipe.send(stream.net.server.greeting())
    stream.settle()
    stream.answer, stream.names = answers(then=NOBODY), NOBODY
    outcome = stream.publish()
    stream.wait(3)
    assert isinstance(outcome.error, JetStreamNotEnabled)
    stream.end()


def test_a_stream_without_a_leader_until_the_time_is_over(stream: Stream) -> None:
    stream.answer = answers(then=NOBODY)
    outcome = stream.publish(timeout=1.0)
    stream.wait(1.0)
    assert isinstance(outcome.error, JetStreamUnavailable)
    assert "within 1 s" in str(outcome.error)
    assert stream.asked == 1


def test_a_refusal_is_its_own_error(stream: Stream) -> None:
    stream.answer = answers(error(400, 10071, "wrong last sequence: 4"))
    outcome = stream.publish()
    assert isinstance(outcome.error, WrongLastSequence)
    assert outcome.error.last_sequence == 4
    assert outcome.error.where == "s.a"


def test_a_number_in_no_list_keeps_its_words(stream: Stream) -> None:
    stream.answer = answers(error(400, 99_999, "something new"))
    refused = stream.publish().error
    assert type(refused) is JetStreamError
    assert (refused.err_code, refused.description) == (99_999, "something new")


def test_nothing_is_sent_of_what_cannot_be(stream: Stream) -> None:
    for options in (
        {"subject": "s.*"},
        {"payload": b"x" * 2_000_000},
        {"payload": 5},
        {"message_id": ""},
        {"message_id": "a\r\nb"},
        {"ttl": 0.5},
        {"timeout": -1},
        {"headers": {"a b": "c"}},
    ):
        assert isinstance(stream.publish(**options).error, txnats.InvalidArgument), options
    assert stream.seen == []


def test_a_denied_subject() -> None:
    stream = Stream()
    stream.net.server.denied = {"s.no"}
    assert isinstance(stream.publish("s.no", message_id="1").error, txnats.PermissionDenied)
    stream.end()


# ---------------------------------------------------------------------- nobody knows


def test_silence_without_a_message_id(stream: Stream) -> None:
    stream.answer = answers(then=None)
    outcome = stream.publish()
    stream.wait(14.9, 0.1)
    assert not outcome.fired
    stream.wait(0.2)
    assert isinstance(outcome.error, PublishOutcomeUnknown)
    assert outcome.error.subject == "s.a"
    assert "message_id" in outcome.error.hint
    assert len(stream.seen) == 1


def test_silence_with_a_message_id_is_broken_by_further_copies(stream: Stream) -> None:
    stream.answer = answers(None, None)
    outcome = stream.publish(message_id="1")
    stream.wait(6, 0.1)
    assert outcome.value.sequence == 3
    assert stream.client.statistics.requests == 0


def test_a_late_answer_to_the_first_copy_counts(stream: Stream) -> None:
    stream.answer = answers(then=None)
    outcome = stream.publish(message_id="1")
    stream.wait(3, 0.1)
    assert len(stream.seen) == 2
    stream.net.pipe.msg(stream.replies[0], b'{"stream":"S","seq":1}')
    stream.settle()
    assert outcome.value.sequence == 1


def test_a_time_that_ends_while_copies_are_in_doubt(stream: Stream) -> None:
    stream.answer = answers(None, then=NOBODY)
    outcome = stream.publish(message_id="1", timeout=4.0)
    stream.wait(4.1, 0.05)
    assert isinstance(outcome.error, PublishOutcomeUnknown)
    assert outcome.error.hint == "publish it again with the same message_id"


def test_a_refused_copy_behind_a_silent_one(stream: Stream) -> None:
    stream.answer = answers(None, error(400, 10071, "wrong last sequence: 1"))
    outcome = stream.publish(message_id="1")
    stream.wait(3, 0.1)
    assert isinstance(outcome.error, PublishOutcomeUnknown)
    assert isinstance(outcome.error.cause, WrongLastSequence)


@pytest.mark.parametrize("payload", [b"hello", b"", b'{"type":"io.nats.x"}'])
def test_somebody_else_answers(stream: Stream, payload: bytes) -> None:
    stream.answer = answers(then=payload)
    outcome = stream.publish(message_id="1")
    assert isinstance(outcome.error, PublishOutcomeUnknown)
    assert "no acknowledgement" in str(outcome.error)


# ---------------------------------------------------------------------- the connection


def test_a_lost_connection_without_a_message_id(stream: Stream) -> None:
    stream.answer = answers(None)
    outcome = stream.publish()
    stream.net.pipe.cut()
    assert isinstance(outcome.error, PublishOutcomeUnknown)
    stream.settle()
    assert len(stream.seen) == 1


def test_a_lost_connection_with_a_message_id(stream: Stream) -> None:
    stream.answer = answers(None)
    outcome = stream.publish(message_id="1")
    stream.net.server.up = False
    stream.net.pipe.cut()
    stream.wait(5, 0.1)
    assert not outcome.fired
    assert len(stream.seen) == 1
    stream.net.server.up = True
    stream.wait(5, 0.1)
    assert outcome.value.sequence == 2
    assert len(stream.seen) == 2


def test_what_is_published_while_there_is_no_connection_goes_to_the_next(stream: Stream) -> None:
    stream.net.server.up = False
    stream.net.pipe.cut()
    stream.settle()
    outcomes = [stream.publish(), stream.publish(message_id="2")]
    stream.net.server.up = True
    stream.wait(3, 0.1)
    assert [outcome.value.sequence for outcome in outcomes] == [1, 2]
    assert len(stream.seen) == 2


def test_no_connection_until_the_time_is_over(stream: Stream) -> None:
    stream.net.server.up = False
    stream.net.pipe.cut()
    stream.settle()
    outcome = stream.publish(message_id="1", timeout=3.0)
    stream.wait(3.1, 0.1)
    assert isinstance(outcome.error, PublishOutcomeUnknown)
    stream.net.server.up = True
    stream.wait(6, 0.1)


def test_a_closed_client() -> None:
    stream = Stream()
    stream.answer, stream.names = (lambda number: None if number == 1 else NOBODY), None
    waiting, refused = stream.publish(), stream.publish()
    stream.end()
    assert isinstance(waiting.error, PublishOutcomeUnknown)
    assert isinstance(waiting.error.cause, txnats.ClientClosed)
    assert isinstance(refused.error, txnats.ClientClosed)
    assert isinstance(stream.publish().error, txnats.ClientClosed)


def test_the_inbox_is_denied() -> None:
    stream = Stream()
    stream.net.server.denied = {stream.client._requests.inbox}
    stream.answer = answers(then=None)
    outcome = stream.publish()
    assert isinstance(outcome.error, PublishOutcomeUnknown)
    assert isinstance(outcome.error.cause, txnats.PermissionDenied)
    stream.end()


# ---------------------------------------------------------------------- the caller


def test_cancelling_forgets_it(stream: Stream) -> None:
    stream.answer = answers(then=None)
    outcome = stream.publish(message_id="1")
    outcome.deferred.cancel()
    assert isinstance(outcome.error, CancelledError)
    stream.wait(5, 0.1)
    assert len(stream.seen) == 1
    assert stream.client.statistics.requests == 0


def test_each_has_its_own_time(stream: Stream) -> None:
    stream.answer = answers(then=None)
    long = [stream.publish(timeout=9.0), stream.publish(timeout=9.0)]
    short = [stream.publish(timeout=1.0 + number / 1000) for number in range(200)]
    stream.wait(1.3, 0.1)
    assert all(outcome.fired for outcome in short)
    assert not any(outcome.fired for outcome in long)
    stream.wait(8, 0.5)
    assert all(outcome.fired for outcome in long)


def test_contexts_come_and_go_without_a_trace() -> None:
    import gc

    from txnats.jetstream.context import JetStream

    stream = Stream()
    hub = stream.client._hub
    before = len(hub._streams)
    for _ in range(50):
        JetStream(stream.client).publish("s.a", b"x").addErrback(lambda _: None)
        stream.settle()
    gc.collect()
    assert len(hub._streams) <= before + 1
    stream.end()


def test_a_further_copy_that_finds_no_room_is_sent_later() -> None:
    stream = Stream(reconnect=txnats.ReconnectOptions(buffer=0))
    stream.answer = answers(NOBODY)
    stream.names = None
    outcome = stream.publish(message_id="1")
    stream.net.server.up = False
    stream.net.pipe.cut()
    assert isinstance(stream.publish().error, txnats.OutboxFull)
    stream.wait(1, 0.05)
    assert not outcome.fired
    stream.net.server.up = True
    stream.wait(3, 0.05)
    assert outcome.value.sequence == 2
    stream.end()
