"""The gate: a quarter more is told, less is noise; and each ladder does what it says."""

from __future__ import annotations

import pytest

from bench import gate, profile
from bench.ladders import Ladder, Meter, Rung, ladders


def test_a_quarter_more_is_told() -> None:
    kept = {"a": 1.0, "b": 1.0, "gone": 1.0}
    assert gate.slower(kept, {"a": 1.24, "b": 1.5, "new": 9.0}) == ["b: 1.50 times what it was"]


def test_what_is_measured_is_a_multiple_of_the_reference() -> None:
    def work(meter: Meter) -> None:
        meter.seconds += 1.0

    assert gate.measured({"a": work}, rounds=1)["a"] > 0


@pytest.mark.parametrize("ladder", ladders(), ids=lambda ladder: ladder.name)
def test_every_rung_can_be_climbed(ladder: Ladder) -> None:
    for rung in ladder.rungs:
        assert profile.micros(rung) > 0


def test_a_table_shows_what_each_rung_adds() -> None:
    first, second = Rung("one", lambda meter: None), Rung("two", lambda meter: None)
    text = profile.table(Ladder("steps", [first, second]), {first: 0.25, second: 1.0})
    assert text.splitlines()[-2:] == ["| one | 0.25 | +0.25 |", "| two | 1.00 | +0.75 |"]


def test_a_page_keeps_what_is_not_generated() -> None:
    page = "a\n<!-- x -->\nold\n<!-- end of x -->\nb\n"
    assert profile.replaced(page, "x", "new") == "a\n<!-- x -->\n\nnew\n<!-- end of x -->\nb\n"
    with pytest.raises(ValueError, match="no part 'y'"):
        profile.replaced(page, "y", "new")
