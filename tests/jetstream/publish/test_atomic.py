"""An atomic batch whose stream has a bad time; in memory, on a Clock."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

import txnats
from tests.client.harness import Outcome
from tests.jetstream.publish.stream import NOBODY, Stream, error
from txnats.jetstream.errors import (
    JetStreamUnavailable,
    NoStreamForSubject,
    NotSupported,
    PublishOutcomeUnknown,
    WrongLastSequence,
)
from txnats.jetstream.publish.ack import PubAck
from txnats.jetstream.publish.atomic import MOST_BYTES
from txnats.jetstream.publish.errors import BatchFailed

FIRST_OK = b""


class Batches(Stream):
    """Commits what it is sent, by the ids in the headers; ``answer`` may say otherwise."""

    def ids(self) -> list[str]:
        """The batch ids of all that was sent, in order."""
        lines = bytes(self.net.pipe.log).split(b"\r\n")
        return [line.split(b": ")[1].decode() for line in lines if line.startswith(b"Nats-Batch-Id")]

    def done(self) -> bytes:
        """The answer to the last message of the newest batch."""
        return b'{"stream":"S","seq":9,"batch":"%b","count":2}' % self.ids()[-1].encode()

    def commit(self, *said: Any, **options: Any) -> Outcome:
        """Commit two messages, which are answered so."""
        self.answer = lambda number: said[number - 1] if number <= len(said) else None
        batch = self.js.atomic_batch(**options)
        batch.add("s.a", b"1")
        batch.add("s.b", b"2")
        outcome = Outcome(batch.commit())
        self.settle()
        return outcome


@pytest.fixture
def stream() -> Any:
    stream = Batches()
    yield stream
    stream.end()


def test_stored(stream: Batches) -> None:
    stream.answer = lambda number: FIRST_OK if number == 1 else stream.done()
    batch = stream.js.atomic_batch()
    batch.add("s.a", b"1")
    batch.add("s.b", b"2")
    assert len(batch) == 2
    outcome = Outcome(batch.commit())
    stream.settle()
    assert isinstance(outcome.value, PubAck)
    assert batch.ack == outcome.value
    assert isinstance(Outcome(batch.commit()).error, txnats.InvalidArgument)


@pytest.mark.parametrize(
    "said",
    [
        [NOBODY],
        [FIRST_OK, NOBODY],
        [error(503, 10008)],
        [error(429, 10210)],
        [FIRST_OK, error(400, 10176, "batch is incomplete")],
    ],
    ids=repr,
)
def test_what_stored_nothing_is_sent_again_under_another_id(stream: Batches, said: list[Any]) -> None:
    count = len(said)
    stream.answer = lambda number: (
        said[number - 1] if number <= count else FIRST_OK if number == count + 1 else stream.done()
    )
    batch = stream.js.atomic_batch()
    batch.add("s.a", b"1")
    batch.add("s.b", b"2")
    outcome = Outcome(batch.commit())
    stream.settle()
    stream.wait(1)
    assert outcome.value.count == 2
    assert len(set(stream.ids())) == 2


def test_a_silent_start_is_sent_again(stream: Batches) -> None:
    stream.answer = lambda number: None if number == 1 else FIRST_OK if number == 2 else stream.done()
    batch = stream.js.atomic_batch()
    batch.add("s.a", b"1")
    batch.add("s.b", b"2")
    outcome = Outcome(batch.commit())
    stream.settle()
    stream.wait(4, 0.1)
    assert outcome.value.count == 2


def test_a_silent_end_is_not_known(stream: Batches) -> None:
    outcome = stream.commit(FIRST_OK, None)
    stream.wait(16, 0.1)
    assert isinstance(outcome.error, PublishOutcomeUnknown)
    assert "all of it is, or nothing" in str(outcome.error)
    assert len(set(stream.ids())) == 1


def test_no_stream(stream: Batches) -> None:
    stream.names = []
    outcome = stream.commit(*[NOBODY] * 9)
    stream.wait(1)
    assert isinstance(outcome.error, NoStreamForSubject)


def test_no_leader_until_the_time_is_over(stream: Batches) -> None:
    outcome = stream.commit(*[NOBODY] * 99, timeout=2.0)
    stream.wait(2.1, 0.05)
    assert isinstance(outcome.error, JetStreamUnavailable)


def test_a_refusal_is_its_own_error(stream: Batches) -> None:
    outcome = stream.commit(FIRST_OK, error(400, 10071, "wrong last sequence: 3"))
    assert isinstance(outcome.error, WrongLastSequence)


def test_a_server_that_knows_no_batches_is_not_sent_one() -> None:
    stream = Batches(api_level=1)
    outcome = stream.commit(FIRST_OK)
    assert isinstance(outcome.error, NotSupported)
    assert outcome.error.needed == 2
    assert stream.seen == []
    stream.end()


@pytest.mark.parametrize("said", [[b'{"stream":"S","seq":1}'], [FIRST_OK, b'{"stream":"S","seq":2}']], ids=repr)
def test_a_leader_that_stores_them_one_by_one(stream: Batches, said: list[bytes]) -> None:
    outcome = stream.commit(*said)
    assert isinstance(outcome.error, BatchFailed)
    assert "one by one" in str(outcome.error)


def test_somebody_else_answers(stream: Batches) -> None:
    assert isinstance(stream.commit(b"hello").error, BatchFailed)
    stream.seen.clear()
    assert isinstance(stream.commit(FIRST_OK, b"hello").error, PublishOutcomeUnknown)


def test_it_is_bounded_in_bytes(stream: Batches) -> None:
    batch = stream.js.atomic_batch()
    batch.add("s.a", b"x" * (MOST_BYTES - 1))
    with pytest.raises(txnats.InvalidArgument):
        batch.add("s.a", b"xx")
    assert len(batch) == 1


def test_a_closed_client() -> None:
    stream = Batches()
    outcome = stream.commit(FIRST_OK, None)
    stream.end()
    assert isinstance(outcome.error, PublishOutcomeUnknown)
    late = Outcome(Deferred.fromCoroutine(_commit_one(stream)))
    assert isinstance(late.error, txnats.ClientClosed)


async def _commit_one(stream: Batches) -> None:
    async with stream.js.atomic_batch() as batch:
        batch.add("s.a")
        batch.add("s.b")
