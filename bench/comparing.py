"""Two records of ``make bench`` side by side: what became cheaper, what dearer.

Rates are not compared over time, and CPU only as a ratio to the baseline of the same record: the machine cancels out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

CHANGED = 0.1
"""A ratio that differs by less is as good as the same."""


def read(path: Path) -> dict[str, Any]:
    """A record."""
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def ratios(document: dict[str, Any]) -> dict[str, float]:
    """By workload, our CPU of a message over the baseline's, the median of the rounds."""
    return {
        row["workload"]: row["cpu_ratio"]["median"]
        for row in document["summary"]
        if row["cpu_ratio"] is not None and "txnats" in row["peers"]
    }


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, float, float]]:
    """Workload, ratio before, ratio after, of those that both records have."""
    earlier, later = ratios(before), ratios(after)
    return [(name, earlier[name], later[name]) for name in later if name in earlier]


def table(before: dict[str, Any], after: dict[str, Any]) -> Table:
    """The changes, for the terminal."""
    drawn = Table(title="x CPU, then and now", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    drawn.add_column("workload", no_wrap=True)
    for name in (before["finished"], after["finished"], "change"):
        drawn.add_column(name, justify="right")
    for name, earlier, later in changes(before, after):
        change = later / earlier - 1
        style = "red" if change > CHANGED else "green" if change < -CHANGED else "dim"
        drawn.add_row(name, f"{earlier:.2f}", f"{later:.2f}", Text(f"{change:+.0%}", style=style))
    return drawn
