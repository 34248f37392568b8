"""The bar, on a terminal and elsewhere."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from txnats.cli.progress import Bar


def drawn(*, terminal: bool, hidden: bool = False) -> str:
    stream = io.StringIO()
    with Bar("[b]file", hidden=hidden, console=Console(file=stream, force_terminal=terminal, width=120)) as bar:
        bar(1024, 2048)
        bar(2048, 2048)
    assert bar.done == 2048
    assert bar.rate > 0
    return stream.getvalue()


def test_a_terminal_shows_it_to_the_end() -> None:
    shown = drawn(terminal=True)
    assert "[b]file" in shown
    assert "2.0/2.0 KiB" in shown


def test_nothing_is_drawn_where_nobody_looks() -> None:
    assert drawn(terminal=False) == ""
    assert drawn(terminal=True, hidden=True) == ""


def test_the_rate_stands_still_at_the_end() -> None:
    with Bar("file", hidden=True) as bar:
        bar(100, None)
    assert bar.rate == bar.rate > 0


def test_what_fails_is_not_shown_as_done() -> None:
    stream = io.StringIO()

    def broken() -> None:
        with Bar("f", console=Console(file=stream, force_terminal=True, width=120)) as bar:
            bar(1024, 2048)
            raise ValueError("odd")

    with pytest.raises(ValueError, match="odd"):
        broken()
    assert "1.0/2.0 KiB" in stream.getvalue()
    assert "1.0/1.0" not in stream.getvalue()
