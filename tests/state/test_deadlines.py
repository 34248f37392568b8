"""Many deadlines, one timer: each is due once, in order, and the dead leave no heap behind."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from txnats.state.deadlines import Deadlines


def deadlines_of(living: set[str]) -> Deadlines[str]:
    return Deadlines(living.__contains__, living.__len__)


def test_what_is_due_comes_earliest_first() -> None:
    deadlines = deadlines_of({"a", "b", "c"})
    assert deadlines.add(3.0, "c")
    assert deadlines.add(1.0, "a")
    assert not deadlines.add(2.0, "b")
    assert deadlines.next() == 1.0
    assert deadlines.due(0.9) == []
    assert deadlines.due(2.0) == ["a", "b"]
    assert deadlines.next() == 3.0
    assert deadlines.due(99.0) == ["c"]
    assert (deadlines.next(), deadlines.due(99.0), len(deadlines)) == (None, [], 0)


def test_of_two_at_one_time_the_first_comes_first_whatever_the_keys_are() -> None:
    living = [object(), object(), object()]
    deadlines = Deadlines[object](living.__contains__, living.__len__)
    for key in living:
        deadlines.add(1.0, key)
    assert deadlines.due(1.0) == living


def test_the_dead_are_passed_over() -> None:
    living = {"a", "b"}
    deadlines = deadlines_of(living)
    deadlines.add(1.0, "a")
    deadlines.add(2.0, "b")
    living.discard("a")
    assert deadlines.next() == 2.0
    assert deadlines.due(5.0) == ["b"]


def test_clear_forgets_all() -> None:
    deadlines = deadlines_of({"a"})
    deadlines.add(1.0, "a")
    deadlines.clear()
    assert (deadlines.next(), deadlines.due(2.0), len(deadlines)) == (None, [], 0)


def test_a_hundred_thousand_answered_requests_leave_a_small_heap() -> None:
    living: set[int] = set()
    deadlines = Deadlines[int](living.__contains__, living.__len__)
    most = 0
    for number in range(100_000):
        living.add(number)
        deadlines.add(number + 2.0, number)
        living.discard(number - 10)
        most = max(most, len(deadlines))
    assert most <= 1026
    assert deadlines.due(1e9) == list(range(99_990, 100_000))


def test_sweeping_keeps_every_one_that_lives() -> None:
    living = set(range(5_000))
    deadlines = Deadlines[int](living.__contains__, living.__len__)
    for number in range(5_000):
        deadlines.add(5_000.0 - number, number)
    living -= set(range(0, 5_000, 2)) | set(range(1_000))
    living.add(5_000)
    # This one sweeps; it is told true because nothing that lives is earlier.
    assert deadlines.add(0.5, 5_000)
    assert len(deadlines) == len(living) == 2_001
    assert deadlines.due(1e9) == [5_000, *range(4_999, 1_000, -2)]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["add", "add", "die", "wait"]), st.integers(0, 20)), max_size=80))
def test_one_timer_set_as_it_is_told_serves_every_deadline_on_time(steps: list[tuple[str, int]]) -> None:
    living: dict[int, float] = {}
    deadlines = Deadlines[int](living.__contains__, living.__len__)
    now, timer, keys = 0.0, float("inf"), 0
    for what, amount in steps:
        if what == "add":
            keys += 1
            living[keys] = now + amount
            if deadlines.add(now + amount, keys):
                timer = min(timer, now + amount)
        elif what == "die" and living:
            del living[sorted(living)[amount % len(living)]]
        elif what == "wait":
            end = now + amount
            while timer <= end:
                now = timer
                due = deadlines.due(now)
                assert sorted(due) == sorted(key for key, when in living.items() if when <= now)
                assert due == sorted(due, key=lambda key: (living[key], key))
                for key in due:
                    del living[key]
                following = deadlines.next()
                timer = float("inf") if following is None else following
            now = end
            assert all(when > now for when in living.values())
        assert timer <= min(living.values(), default=float("inf"))
