"""The digest of pieces, whoever works it out and when."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from txnats.objectstore import hashing
from txnats.objectstore.chunking import digest_text
from txnats.objectstore.hashing import MOST_WAITING, WORTH_A_THREAD, Hashing, threads_of


class Threads:
    """Threads that work when they are told to."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Callable[[], bool], Deferred[bool]]] = []

    def run(self, work: Callable[[], bool]) -> Deferred[bool]:
        done: Deferred[bool] = Deferred()
        self.jobs.append((work, done))
        return done

    def work(self) -> bool:
        """One of them; whether there was anything to do."""
        work, done = self.jobs.pop(0)
        worked = work()
        done.callback(worked)
        return worked


def digest_of(made: Hashing) -> Deferred[str]:
    return Deferred.fromCoroutine(made.digest())


def expected(pieces: list[bytes]) -> str:
    return digest_text(sha256(b"".join(pieces)).digest())


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), max_size=12))
def test_it_is_that_of_all_in_order(steps: list[tuple[int, bool, bool]]) -> None:
    with patch.object(hashing, "WORTH_A_THREAD", 4):
        check_in_order(steps)


def check_in_order(steps: list[tuple[int, bool, bool]]) -> None:
    threads = Threads()
    made = Hashing(threads.run)
    pieces = []
    for number, (size, works, catches_up) in enumerate(steps):
        piece = bytes([number]) * (2 * size)
        pieces.append(piece)
        made.add(piece)
        assert len(threads.jobs) <= len(pieces)
        if works and threads.jobs:
            threads.work()
        if catches_up:
            assert Deferred.fromCoroutine(made.catch_up()).called, "no thread has begun anything"
    found = digest_of(made)
    assert found.called
    assert found.result == expected(pieces)
    while threads.jobs:
        assert not threads.work()


def test_what_is_small_needs_no_thread() -> None:
    threads = Threads()
    made = Hashing(threads.run)
    made.add(bytes(WORTH_A_THREAD - 1))
    assert threads.jobs == []
    assert digest_of(made).result == expected([bytes(WORTH_A_THREAD - 1)])


def test_without_threads() -> None:
    assert threads_of(Clock()) is None
    made = Hashing(None)
    made.add(bytes(2 * MOST_WAITING))
    assert not made.is_behind
    assert digest_of(made).result == expected([bytes(2 * MOST_WAITING)])


def test_what_a_thread_has_begun_is_waited_for_and_then_the_next_begins() -> None:
    threads = Threads()
    made = Hashing(threads.run)
    piece = bytes(WORTH_A_THREAD)
    made.add(piece)
    work, done = threads.jobs.pop()
    assert work()  # it has begun, and has not told yet
    for _ in range(MOST_WAITING // WORTH_A_THREAD):
        assert not made.is_behind
        made.add(piece)
    assert made.is_behind
    waiting = Deferred.fromCoroutine(made.catch_up())
    fired: list[None] = []
    waiting.addCallback(fired.append)
    assert fired == []
    done.callback(True)
    assert len(fired) == 1
    assert made._size == 0, "the next has begun"
    found = digest_of(made)
    assert found.result == expected([piece] * (1 + MOST_WAITING // WORTH_A_THREAD))


def test_a_thread_that_fails_is_told() -> None:
    threads = Threads()
    made = Hashing(threads.run)
    made.add(bytes(WORTH_A_THREAD))
    work, done = threads.jobs.pop()
    assert work()
    told: list[BaseException] = []
    digest_of(made).addCallbacks(str, lambda failure: told.append(failure.value))
    done.errback(MemoryError())
    assert [type(each) for each in told] == [MemoryError]


class InThreads(TestCase):
    async def test_by_the_reactor(self) -> None:
        pieces = [bytes([number]) * hashing.WORTH_A_THREAD for number in range(20)]
        made = Hashing(threads_of(reactor))
        for piece in pieces:
            made.add(piece)
            if made.is_behind:
                await made.catch_up()
        assert await made.digest() == expected(pieces)
