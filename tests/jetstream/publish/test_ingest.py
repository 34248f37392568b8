"""A fast batch whose stream has a bad time; in memory, on a Clock."""

from __future__ import annotations

from typing import Any

import pytest

import txnats
from tests.client.harness import Outcome
from tests.jetstream.publish.stream import NOBODY, Stream, error
from txnats.jetstream.errors import NoStreamForSubject, NotSupported
from txnats.jetstream.publish.errors import IngestFailed
from txnats.jetstream.publish.ingest import FastIngest
from txnats.jetstream.publish.ingest_rules import Gap, Gaps

OPEN = b'{"type":"ack","seq":0,"msgs":2}'


class Ingesting(Stream):
    """One batch, which the stream has opened with an answer for every two messages."""

    def __init__(self, *, gaps: Gaps = "fail", first: Any = OPEN, **options: Any) -> None:
        super().__init__(**options)
        self.told: list[Any] = []
        self.answer = lambda number: first if number == 1 else None
        self.ingest: FastIngest = self.js.fast_ingest(gaps=gaps, on_loss=self.told.append)
        self.first = self.add()

    def add(self) -> Outcome:
        outcome = Outcome(self.ingest.add("s.a", b"x"))
        self.settle()
        return outcome

    def say(self, payload: bytes) -> None:
        self.net.pipe.msg(self.replies[-1], payload)
        self.settle()

    def finished(self, count: int) -> bytes:
        return b'{"stream":"S","seq":%d,"batch":"%b","count":%d}' % (count, self.ingest.batch.encode(), count)

    def end(self) -> None:
        super().end()
        assert self.client.statistics.subscriptions == 0


def test_it_waits_for_the_stream() -> None:
    stream = Ingesting()
    assert stream.first.value == 1
    added = [stream.add() for _ in range(6)]
    assert [each.fired for each in added] == [True, True, False, False, False, False]
    assert stream.ingest.added == 4
    stream.say(b'{"type":"ack","seq":2,"msgs":2}')
    assert stream.ingest.acknowledged == 2
    assert stream.ingest.added == 6
    committing = Outcome(stream.ingest.commit())
    stream.settle()
    assert stream.replies[-1].endswith(".7.3.$FI")
    stream.say(stream.finished(6))
    assert committing.value.count == 6
    stream.end()


def test_a_gap_ends_it() -> None:
    stream = Ingesting()
    stream.add()
    stream.say(b'{"type":"gap","last_seq":2,"seq":3}')
    assert stream.told == [Gap(2, 2)]
    committing = Outcome(stream.ingest.commit())
    stream.say(stream.finished(1))
    assert isinstance(committing.error, IngestFailed)
    assert (committing.error.stored, committing.error.batch) == (1, stream.ingest.batch)
    assert committing.error.ack is not None
    assert isinstance(stream.add().error, IngestFailed)
    stream.end()


def test_a_gap_is_told_and_it_goes_on() -> None:
    stream = Ingesting(gaps="ok")
    stream.add()
    stream.say(b'{"type":"gap","last_seq":2,"seq":4}')
    assert (stream.ingest.lost, stream.told) == (2, [Gap(2, 3)])
    committing = Outcome(stream.ingest.commit())
    stream.settle()
    stream.say(stream.finished(2))
    assert committing.value.count == 2
    stream.end()


def test_pings_bring_lost_answers_again() -> None:
    stream = Ingesting()
    waiting = [stream.add() for _ in range(4)]
    stream.wait(2, 0.1)
    assert stream.replies[-1].endswith(".4.4.$FI")
    assert not waiting[-1].fired
    stream.say(b'{"type":"ack","seq":4,"msgs":2}')
    assert waiting[-1].value == 5
    stream.ingest.abandon()
    stream.end()


def test_a_stream_that_has_forgotten_it() -> None:
    stream = Ingesting()
    stream.say(error(400, 10208, "batch publish ID unknown"))
    assert isinstance(stream.add().error, IngestFailed)
    stream.end()


def test_silence_is_given_up() -> None:
    stream = Ingesting()
    committing = Outcome(stream.ingest.commit())
    stream.wait(20, 0.5)
    assert isinstance(committing.error, IngestFailed)
    assert "does not answer" in str(committing.error)
    stream.end()


def test_an_end_that_was_lost_is_said_again() -> None:
    stream = Ingesting()
    committing = Outcome(stream.ingest.commit())
    stream.settle()
    assert stream.replies[-1].endswith(".2.3.$FI")
    stream.wait(1.5, 0.5)
    assert stream.replies[-1].endswith(".1.4.$FI")
    stream.say(b'{"type":"ack","seq":0,"msgs":2}')
    stream.wait(1.0, 0.5)
    assert stream.replies[-1].endswith(".2.3.$FI")
    stream.say(stream.finished(1))
    assert committing.value.count == 1
    stream.end()


def test_answers_that_never_end_it_are_given_up() -> None:
    stream = Ingesting(timeout=3.0)
    committing = Outcome(stream.ingest.commit())
    while not committing.fired and stream.net.clock.seconds() < 10.0:
        stream.say(b'{"type":"ack","seq":0,"msgs":2}')
        stream.wait(0.5)
    assert stream.net.clock.seconds() < 4.0
    assert isinstance(committing.error, IngestFailed)
    stream.end()


def test_a_commit_that_finds_no_room_can_be_made_again() -> None:
    stream = Ingesting(reconnect=txnats.ReconnectOptions(buffer=0, first_wait=0.1, jitter=0.0))
    stream.net.server.up = False
    stream.net.pipe.cut()
    assert isinstance(Outcome(stream.ingest.commit()).error, txnats.OutboxFull)
    stream.net.server.up = True
    stream.wait(1.0)
    committing = Outcome(stream.ingest.commit())
    stream.settle()
    assert stream.replies[-1].endswith(".2.3.$FI")
    stream.say(stream.finished(1))
    assert committing.value.count == 1
    stream.end()


def test_a_window_of_refused_messages_does_not_stop_it() -> None:
    stream = Ingesting(gaps="ok")
    waiting = [stream.add() for _ in range(4)]
    assert not waiting[-1].fired
    for number in (2, 3, 4):
        stream.say(b'{"type":"err","seq":%d,"error":{"code":503,"err_code":10077}}' % number)
    assert (waiting[-1].value, stream.ingest.refused) == (5, 3)
    stream.ingest.abandon()
    stream.end()


@pytest.mark.parametrize(("names", "cause"), [([], NoStreamForSubject), (["S"], txnats.NoResponders)])
def test_nobody_takes_the_first_message(names: list[str], cause: type) -> None:
    stream = Ingesting.__new__(Ingesting)
    Stream.__init__(stream)
    stream.names = names
    stream.answer = lambda _: NOBODY
    outcome = Outcome(stream.js.fast_ingest().add("s.a"))
    stream.settle()
    assert isinstance(outcome.error, IngestFailed)
    assert isinstance(outcome.error.cause, cause)
    Stream.end(stream)


def test_a_server_that_knows_no_fast_batches_is_not_sent_one() -> None:
    stream = Ingesting(api_level=3)
    assert isinstance(stream.first.error, NotSupported)
    assert stream.seen == []
    stream.end()


def test_a_leader_that_stores_them_one_by_one() -> None:
    stream = Ingesting(first=b'{"stream":"S","seq":1}')
    assert isinstance(stream.first.error, IngestFailed)
    stream.end()


def test_somebody_else_answers() -> None:
    stream = Ingesting(first=b"hello")
    assert isinstance(stream.first.error, IngestFailed)
    stream.end()


def test_a_closed_client() -> None:
    stream = Ingesting()
    committing = Outcome(stream.ingest.commit())
    stream.end()
    assert isinstance(committing.error, IngestFailed)
    assert isinstance(stream.add().error, IngestFailed)
