"""Every decision has a number of its own, none is left out, and its title says it too."""

from __future__ import annotations

from pathlib import Path

NOTES = sorted((Path(__file__).parents[2] / "docs" / "decisions").glob("[0-9]*.md"))


def test_numbers_are_unique_and_without_a_gap() -> None:
    assert [note.name[:4] for note in NOTES] == [f"{number:03}-" for number in range(1, len(NOTES) + 1)]


def test_a_title_has_the_number_of_its_file() -> None:
    assert [note.name for note in NOTES if not note.read_text().startswith(f"# {note.name[:3]} ")] == []
