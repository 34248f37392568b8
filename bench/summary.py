"""Runs into rows: medians, ratios taken within a round, and whether the goals are met. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from bench.goals import BASELINE, GOALS, Bound
from bench.runner import Run
from bench.workloads import Workload

OURS = "txnats"
UNIT_SCALE = {"msg/s": 1.0, "MB": 1e-6, "ms": 1e3, "ns": 1e9}


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle, the least and the most of a few numbers."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Spread | None:
        return cls(median(numbers), min(numbers), max(numbers)) if numbers else None


Rounds = dict[int, dict[str, Run]]  # by number, then by peer


class Verdict(StrEnum):
    """How a row stands to its goals."""

    GOAL = "goal"
    MUST = "must"
    MISSED = "missed"
    FAILED = "failed"
    UNJUDGED = "unjudged"  # what it is compared with was not measured
    OPEN = ""  # no goal is set


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one peer did on one workload: medians. ``result`` is in the workload's unit."""

    result: float | None = None
    cpu_us: float | None = None
    p50_us: float | None = None
    p99_us: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One workload over all rounds."""

    workload: Workload
    cells: dict[str, Cell]
    ratio: Spread | None = None
    cpu_ratio: Spread | None = None
    verdict: Verdict = Verdict.OPEN


def rows(workloads: Iterable[Workload], runs: Sequence[Run], ours: str = OURS, baseline: str = BASELINE) -> list[Row]:
    """One row for each workload that was run; goals are judged for txnats itself."""
    found = []
    for workload in workloads:
        mine = [run for run in runs if run.workload == workload.name]
        peers = dict.fromkeys(run.peer for run in mine)
        if not peers:
            continue
        rounds = _by_round(mine)
        judged = ours == OURS and OURS in peers
        cells = {peer: _cell(workload, [run for run in mine if run.peer == peer]) for peer in peers}
        found.append(
            Row(
                workload=workload,
                cells=cells,
                ratio=Spread.of(_ratios(workload, rounds, ours, baseline, "rate")),
                cpu_ratio=Spread.of(_ratios(workload, rounds, ours, baseline, "cpu_us_per_message")),
                verdict=_verdict(workload, cells, rounds) if judged else Verdict.OPEN,
            )
        )
    return found


def lacking(rows: Sequence[Row]) -> list[str]:
    """What keeps us from saying that every 'must' is met; empty when nothing does."""
    if not any(OURS in row.cells for row in rows):
        return ["txnats was not measured"]
    return [
        f"{verdict}: {'; '.join(names)}"
        for verdict in (Verdict.FAILED, Verdict.MISSED, Verdict.UNJUDGED)
        if (names := [row.workload.name for row in rows if row.verdict == verdict])
    ]


def _by_round(runs: Iterable[Run]) -> Rounds:
    rounds: Rounds = {}
    for run in runs:
        rounds.setdefault(run.round, {})[run.peer] = run
    return rounds


def _cell(workload: Workload, runs: Sequence[Run]) -> Cell:
    good = [run for run in runs if run.error is None]
    errors = [run.error for run in runs if run.error is not None]
    results = [run.rate if workload.is_rate else run.value for run in good]
    return Cell(
        result=_scaled(_middle(results), workload.unit),
        cpu_us=_middle([run.cpu_us_per_message for run in good]),
        p50_us=_middle([run.p50_us for run in good]),
        p99_us=_middle([run.p99_us for run in good]),
        error=errors[0] if errors else None,
    )


def _middle(numbers: Iterable[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return median(known) if known else None


def _scaled(number: float | None, unit: str) -> float | None:
    return None if number is None else number * UNIT_SCALE[unit]


def _ratios(workload: Workload, rounds: Rounds, ours: str, theirs: str, measure: str) -> list[float]:
    """Ours over theirs, for each round in which both ended well. Values are not compared."""
    if not workload.is_rate:
        return []
    pairs = [(runs[ours], runs[theirs]) for runs in rounds.values() if ours in runs and theirs in runs]
    return [
        getattr(mine, measure) / getattr(other, measure)
        for mine, other in pairs
        if mine.error is None and other.error is None and getattr(other, measure) > 0.0
    ]


def _verdict(workload: Workload, cells: dict[str, Cell], rounds: Rounds) -> Verdict:
    if cells[OURS].error is not None:
        return Verdict.FAILED
    goal = GOALS.get(workload.name)
    if goal is None:
        return Verdict.OPEN
    must = [_is_met(workload, bound, cells, rounds) for bound in goal.must]
    if False in must:
        return Verdict.MISSED
    if None in must:
        return Verdict.UNJUDGED
    # A goal that names an absent peer is left out.
    wished = [met for bound in goal.goal if (met := _is_met(workload, bound, cells, rounds)) is not None]
    return Verdict.GOAL if wished and all(wished) else Verdict.MUST


def _is_met(workload: Workload, bound: Bound, cells: dict[str, Cell], rounds: Rounds) -> bool | None:
    """None when there is nothing to judge by."""
    if bound.measure == "value":
        found = cells[OURS].result
    else:
        measure = "rate" if bound.measure == "rate" else "cpu_us_per_message"
        found = _middle(_ratios(workload, rounds, OURS, bound.against, measure))
    return None if found is None else bound.met(found)
