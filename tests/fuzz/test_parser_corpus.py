"""The kept corpus holds the invariant, and so do some seconds' worth of changes to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import fuzz_parser

CHECK = fuzz_parser.load()


@pytest.mark.parametrize("path", sorted(fuzz_parser.CORPUS.iterdir()), ids=lambda path: path.name)
def test_what_was_kept(path: Path) -> None:
    data = path.read_bytes()
    for size in (data[:1], b"\x00", b"\x01", b"\x06", b"\x3f"):
        CHECK(size + data[1:])


def test_no_input_at_all() -> None:
    CHECK(b"")
    CHECK(b"\x00")


def test_changes_by_chance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_parser, "FOUND", tmp_path)
    assert fuzz_parser.by_chance(1.0, seed=1) > 100
    assert list(tmp_path.iterdir()) == []


def test_what_breaks_the_invariant_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> object:
        raise AssertionError

    monkeypatch.setattr(fuzz_parser, "FOUND", tmp_path)
    monkeypatch.setattr(fuzz_parser, "load", lambda: lambda data: broken())
    with pytest.raises(AssertionError):
        fuzz_parser.by_chance(1.0, seed=1)
    assert [path.name for path in tmp_path.iterdir()] == ["crash-by-chance-1"]
