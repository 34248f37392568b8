"""Rows as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bench.goals import BASELINE, GOALS, Bound
from bench.summary import OURS, Cell, Row, Spread, Verdict
from bench.workloads import Workload

STYLES = {Verdict.GOAL: "bold green", Verdict.MUST: "green", Verdict.MISSED: "bold red", Verdict.FAILED: "bold red"}


NARROW_CELL = len("9.99M")
NARROW_SPREAD = len("(9.99..9.99)")


def comparison(rows: Sequence[Row], ours: str = OURS, baseline: str = BASELINE, *, goals: bool = True) -> Table:
    """Rate (or value) and CPU per message of each peer, the ratio to the baseline, and the goals."""
    peers = list(dict.fromkeys(peer for row in rows for peer in row.cells))
    # In a narrow terminal the two numbers of a cell come one above the other.
    table = _table(f"{ours}: messages/s and CPU us/message, or the row's unit; ratios to {baseline}")
    for peer in peers:
        table.add_column(peer, justify="right", min_width=NARROW_CELL, style="bold" if peer == ours else "")
    table.add_column("x rate (range)", justify="right", min_width=NARROW_SPREAD)
    table.add_column("x CPU", justify="right", no_wrap=True)
    if goals:
        table.add_column("must")
        table.add_column("goal")
        table.add_column("met", min_width=max(map(len, Verdict)))
    for row in rows:
        cells: list[RenderableType] = [_cell(row.workload, row.cells.get(peer)) for peer in peers]
        cells += [_spread(row.ratio), f"{row.cpu_ratio.median:.2f}" if row.cpu_ratio else ""]
        table.add_row(row.workload.name, *cells, *(_goals(row) if goals else ()))
    return table


def scenarios(rows: Sequence[Row], ours: str = "txnats-3.13", baseline: str = "natsio") -> Table | None:
    """The scenarios of natsio's own benchmark, by its names; None where they were not measured."""
    known = [row for row in rows if row.workload.scenario and ours in row.cells and baseline in row.cells]
    if not known:
        return None
    table = Table(title=f"{baseline}'s own scenarios", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("scenario", no_wrap=True)
    for peer in (ours, baseline):
        table.add_column(peer, justify="right", no_wrap=True)
    table.add_column("x rate (range)", justify="right")
    table.add_column("x CPU", justify="right")
    for row in known:
        cells = [_cell(row.workload, row.cells[peer]) for peer in (ours, baseline)]
        ratio = f"{row.cpu_ratio.median:.2f}" if row.cpu_ratio else ""
        table.add_row(row.workload.scenario, *cells, _spread(row.ratio), ratio)
    return table


def latencies(rows: Iterable[Row]) -> Table | None:
    """The median and the 99th percentile of each peer's requests; None if none were measured."""
    timed = [row for row in rows if any(cell.p50_us for cell in row.cells.values())]
    if not timed:
        return None
    peers = list(dict.fromkeys(peer for row in timed for peer in row.cells))
    table = _table("request latency, us: p50 / p99")
    for peer in peers:
        table.add_column(peer, justify="right", no_wrap=True)
    for name in dict.fromkeys(row.workload.name for row in timed):
        cells = {peer: cell for row in timed if row.workload.name == name for peer, cell in row.cells.items()}
        table.add_row(name, *(_latency(cells.get(peer)) for peer in peers))
    return table


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("workload", no_wrap=True)
    return table


def _cell(workload: Workload, cell: Cell | None) -> RenderableType:
    if cell is None:
        return ""
    if cell.result is None:
        return Text("failed", style="red")
    if not workload.is_rate:
        return f"{cell.result:.{0 if cell.result >= 100 else 1}f} {workload.unit}"
    return f"{short(cell.result)} {_micros(cell.cpu_us)}"


def _micros(number: float | None) -> str:
    return "" if number is None else f"{number:>5.2f}" if number < 10 else f"{number:>5.1f}"


def short(number: float) -> str:
    """Three digits and a letter: 2.90M, 553k, 3.14k."""
    for scale, letter in ((1e6, "M"), (1e3, "k")):
        if number >= scale * 0.9995:
            scaled = number / scale
            return f"{scaled:.{2 if scaled < 10 else 1 if scaled < 100 else 0}f}{letter}"
    return f"{number:.0f}"


def _spread(spread: Spread | None) -> str:
    return "" if spread is None else f"{spread.median:.2f} ({spread.least:.2f}..{spread.most:.2f})"


def _goals(row: Row) -> tuple[RenderableType, ...]:
    goal = GOALS.get(row.workload.name)
    if goal is None:
        return "", "", ""
    unit = "" if row.workload.is_rate else f" {row.workload.unit}"
    return _bounds(goal.must, unit), _bounds(goal.goal, unit), Text(row.verdict, style=STYLES.get(row.verdict, ""))


def _bounds(bounds: Sequence[Bound], unit: str) -> str:
    return ", ".join(f"{bound}{unit}" for bound in bounds)


def _latency(cell: Cell | None) -> str:
    if cell is None or cell.p50_us is None or cell.p99_us is None:
        return ""
    return f"{cell.p50_us:.0f} / {cell.p99_us:.0f}"
