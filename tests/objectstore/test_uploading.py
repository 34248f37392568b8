"""Chunks stay in order, whatever becomes of each."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from txnats.errors import NatsError
from txnats.jetstream import PubAck
from txnats.objectstore.sources import source_of
from txnats.objectstore.uploading import Upload


class Place:
    """A stream that gives the sequences that it is told to give."""

    def __init__(self, sequences: list[int]) -> None:
        self.sequences = sequences
        self.held: dict[int, bytes] = {}
        self.removed: list[int] = []
        self.ids: list[str] = []

    def publish(self, subject: str, chunk: bytes, *, message_id: str, timeout: float | None) -> Deferred[PubAck]:
        assert subject == "chunks"
        self.ids.append(message_id)
        sequence = self.sequences.pop(0)
        if sequence == 0:
            return fail(NatsError("refused"))
        self.held[sequence] = chunk
        return succeed(PubAck(stream="S", sequence=sequence))

    def delete_message(self, sequence: int, *, erase: bool) -> Deferred[None]:
        assert not erase
        self.removed.append(sequence)
        del self.held[sequence]
        return succeed(None)


def upload(place: Any, data: bytes) -> tuple[Upload, Deferred[None]]:
    made = Upload(place, place, "chunks", chunk_size=1, progress=None, timeout=None)
    return made, Deferred.fromCoroutine(made.run(source_of(data)))


def test_chunks_in_order_stay() -> None:
    place = Place([1, 2, 3])
    made, running = upload(place, b"abc")
    assert running.called
    assert place.held == {1: b"a", 2: b"b", 3: b"c"}
    assert place.removed == []
    assert (made.cutter.total, made.cutter.chunks) == (3, 3)


def test_chunks_that_got_before_an_earlier_one_are_stored_again() -> None:
    place = Place([1, 5, 2, 3, 6, 7])
    _, running = upload(place, b"abcd")
    assert running.called
    assert place.removed == [2, 3]
    assert b"".join(place.held[each] for each in sorted(place.held)) == b"abcd"
    assert len(set(place.ids)) == len(place.ids), "the same id would be taken for a duplicate"


def test_a_chunk_that_fails_ends_it_and_nothing_is_left_unheard() -> None:
    place = Place([1, 0, 2])
    made, running = upload(place, b"abc")
    found: list[Any] = []
    running.addErrback(lambda failure: found.append(failure.value))
    assert isinstance(found[0], NatsError)
    assert made.settled().called
