"""The end of the initial values is told once, wherever it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from txnats.jetstream.watching.initial import End, InitialValues


def begun(pending: int, last: int | None = None) -> InitialValues:
    initial = InitialValues()
    assert initial.created(pending) is (pending == 0)
    if last is not None:
        initial.stream_ends_at(last)
    return initial


def test_nothing_there_is_the_end() -> None:
    initial = begun(0)
    assert initial.is_over
    assert initial.seen(9, 0) is End.NOT_HERE


def test_the_last_one_that_was_counted() -> None:
    initial = begun(3, 10)
    assert [initial.seen(*each) for each in ((2, 2), (5, 1), (10, 0))] == [End.NOT_HERE, End.NOT_HERE, End.AFTER]


def test_pending_that_is_zero_for_a_moment_is_not_the_end() -> None:
    initial = begun(3, 10)
    assert initial.seen(2, 0) is End.ASK
    assert not initial.asked(2)
    assert initial.seen(5, 1) is End.NOT_HERE
    assert initial.seen(10, 0) is End.AFTER


def test_pending_that_grows_is_not_without_end() -> None:
    initial = begun(2, 10)
    assert initial.seen(2, 5) is End.NOT_HERE
    assert initial.seen(10, 7) is End.AFTER


def test_keys_that_expired_meanwhile() -> None:
    initial = begun(3, 10)
    assert initial.seen(2, 0) is End.ASK
    assert initial.asked(0)
    assert initial.is_over


def test_an_update_comes_behind_the_end() -> None:
    initial = begun(3, 10)
    assert initial.seen(2, 1) is End.NOT_HERE
    assert initial.seen(11, 0) is End.BEFORE


def test_the_place_of_the_end_may_be_told_late() -> None:
    initial = begun(3)
    assert initial.seen(10, 0) is End.ASK
    assert initial.stream_ends_at(10)
    assert not initial.asked(0)


def test_a_consumer_that_is_made_anew_counts_anew() -> None:
    initial = begun(3, 10)
    assert initial.seen(2, 2) is End.NOT_HERE
    assert not initial.created(1)
    assert initial.seen(10, 0) is End.AFTER
    assert not initial.created(0)


def test_nothing_is_left_for_the_one_made_anew() -> None:
    initial = begun(3)
    assert initial.seen(2, 2) is End.NOT_HERE
    assert initial.created(0)


def test_revisions_of_a_known_key_do_not_count() -> None:
    initial = begun(2)
    assert initial.seen(2, 1) is End.NOT_HERE
    assert initial.seen(3, 1, counts=False) is End.NOT_HERE
    assert initial.seen(4, 0) is End.AFTER


Step = st.one_of(
    st.tuples(st.just("seen"), st.integers(1, 3), st.integers(0, 3)),
    st.tuples(st.just("asked"), st.just(0), st.integers(0, 1)),
    st.tuples(st.just("created"), st.just(0), st.integers(0, 3)),
    st.tuples(st.just("ends"), st.integers(0, 20), st.just(0)),
)


@given(st.integers(0, 5), st.lists(Step, max_size=30))
def test_it_is_told_once_at_the_most(pending: int, steps: list[tuple[str, int, int]]) -> None:
    initial = InitialValues()
    told = int(initial.created(pending))
    sequence = 0
    for what, number, left in steps:
        match what:
            case "seen":
                sequence += number
                told += initial.seen(sequence, left) in (End.BEFORE, End.AFTER)
            case "asked":
                told += initial.asked(left)
            case "created":
                told += initial.created(left)
            case "ends":
                told += initial.stream_ends_at(number)
    assert told == initial.is_over
