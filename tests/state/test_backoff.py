"""The wait after each pass that failed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from txnats.errors import InvalidOption
from txnats.options import ReconnectOptions
from txnats.state.backoff import wait_after


def no_jitter() -> float:
    return 0.0


def test_it_doubles_up_to_its_end() -> None:
    options = ReconnectOptions(first_wait=0.1, max_wait=5.0)
    waits = [wait_after(passes, options, no_jitter) for passes in range(9)]
    assert waits == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_jitter_adds_up_to_its_share() -> None:
    options = ReconnectOptions(first_wait=1.0, max_wait=8.0, jitter=0.2)
    assert wait_after(1, options, lambda: 1.0) == 1.2
    assert wait_after(4, options, lambda: 0.5) == pytest.approx(8.8)
    assert wait_after(0, options, lambda: 1.0) == 0.0


@settings(deadline=None)
@given(passes=st.integers(-(10**30), 10**30), jitter=st.floats(0, 1))
def test_any_number_of_passes_gives_a_wait_within_bounds(passes: int, jitter: float) -> None:
    options = ReconnectOptions()
    wait = wait_after(passes, options, lambda: jitter)
    assert wait == 0.0 if passes <= 0 else 0.1 <= wait <= 6.0


def test_a_rule_of_ones_own_replaces_the_growth_and_gets_no_jitter() -> None:
    asked: list[int] = []

    def rule(passes: int) -> float:
        asked.append(passes)
        return passes * 10

    options = ReconnectOptions(delay=rule, max_wait=1.0)
    assert [wait_after(passes, options, lambda: 1.0) for passes in (0, 1, 3)] == [0.0, 10.0, 30.0]
    assert asked == [1, 3]


@pytest.mark.parametrize("answer", [-1.0, float("nan"), float("inf")])
def test_a_rule_that_gives_no_time_that_can_be_waited_is_an_error(answer: float) -> None:
    with pytest.raises(InvalidOption, match=f"a wait of {answer!r} seconds"):
        wait_after(1, ReconnectOptions(delay=lambda _: answer), no_jitter)
