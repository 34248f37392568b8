"""Runs become rows, and rows are judged."""

from __future__ import annotations

from typing import Any

import pytest

from bench.runner import Run
from bench.summary import Spread, Verdict, lacking, rows
from bench.workloads import WORKLOADS, Workload

BY_NAME = {workload.name: workload for workload in WORKLOADS}
PUBLISH = BY_NAME["publish 16 B"]  # must 3x, goal 4.5x
LARGE = BY_NAME["publish 64 KiB"]  # must 1.2x and half the CPU
REQUEST = BY_NAME["request, one at a time"]  # the goal names the C client too
IMPORT = BY_NAME["import"]  # must 40 ms, goal 20 ms


def run(workload: Workload, peer: str, number: int, rate: float = 0.0, cpu: float = 1.0, **more: Any) -> Run:
    return Run(workload=workload.name, peer=peer, round=number, rate=rate, cpu_us_per_message=cpu, **more)


def pair(workload: Workload, ratio: float, cpu_ratio: float = 1.0, number: int = 1) -> list[Run]:
    return [
        run(workload, "txnats", number, 100.0 * ratio, 10.0 * cpu_ratio),
        run(workload, "nats-py", number, 100.0, 10.0),
    ]


def verdict(workload: Workload, *runs: Run) -> Verdict:
    (row,) = rows([workload], runs)
    return row.verdict


def test_the_ratio_is_the_median_of_the_rounds_not_the_ratio_of_the_medians() -> None:
    runs = [run(PUBLISH, "txnats", number, rate) for number, rate in enumerate((400.0, 100.0, 900.0))]
    runs += [run(PUBLISH, "nats-py", number, rate) for number, rate in enumerate((100.0, 50.0, 300.0))]
    (row,) = rows([PUBLISH], runs)
    assert row.ratio == Spread(3.0, 2.0, 4.0)
    assert row.cells["txnats"].result == 400.0


@pytest.mark.parametrize(("ratio", "expected"), [(2.9, Verdict.MISSED), (3.0, Verdict.MUST), (4.5, Verdict.GOAL)])
def test_a_rate_is_judged_by_its_ratio(ratio: float, expected: Verdict) -> None:
    assert verdict(PUBLISH, *pair(PUBLISH, ratio)) == expected


def test_every_must_counts() -> None:
    assert verdict(LARGE, *pair(LARGE, 2.0, cpu_ratio=0.6)) == Verdict.MISSED
    assert verdict(LARGE, *pair(LARGE, 2.0, cpu_ratio=0.5)) == Verdict.GOAL


@pytest.mark.parametrize(("seconds", "expected"), [(0.05, Verdict.MISSED), (0.03, Verdict.MUST), (0.01, Verdict.GOAL)])
def test_a_value_is_judged_in_the_unit_of_its_row(seconds: float, expected: Verdict) -> None:
    assert verdict(IMPORT, run(IMPORT, "txnats", 1, value=seconds)) == expected


def test_a_goal_over_an_absent_peer_is_left_out() -> None:
    assert verdict(REQUEST, *pair(REQUEST, 1.7)) == Verdict.GOAL
    assert verdict(REQUEST, *pair(REQUEST, 1.7), run(REQUEST, "c", 1, 1000.0)) == Verdict.MUST


def test_without_the_baseline_nothing_is_judged() -> None:
    assert verdict(PUBLISH, run(PUBLISH, "txnats", 1, 100.0)) == Verdict.UNJUDGED
    assert verdict(PUBLISH, run(PUBLISH, "nats-py", 1, 100.0)) == Verdict.OPEN


def test_a_failure_of_ours_is_never_hidden_by_good_rounds() -> None:
    failed = Run(workload=PUBLISH.name, peer="txnats", round=2, error="exit 1: boom")
    assert verdict(PUBLISH, *pair(PUBLISH, 9.0), failed) == Verdict.FAILED


def test_a_failure_of_theirs_leaves_its_round_out() -> None:
    failed = Run(workload=PUBLISH.name, peer="nats-py", round=2, error="exit 1: boom")
    assert verdict(PUBLISH, *pair(PUBLISH, 3.5), run(PUBLISH, "txnats", 2, 1.0), failed) == Verdict.MUST


def test_other_tables_have_ratios_but_no_verdict() -> None:
    runs = [run(PUBLISH, "txnats-3.13", 1, 200.0), run(PUBLISH, "natsio", 1, 100.0)]
    (row,) = rows([PUBLISH], runs, "txnats-3.13", "natsio")
    assert (row.ratio, row.verdict) == (Spread(2.0, 2.0, 2.0), Verdict.OPEN)


def test_a_workload_that_was_not_run_has_no_row() -> None:
    assert rows([PUBLISH, IMPORT], pair(PUBLISH, 1.0), "txnats")[0].workload == PUBLISH
    assert len(rows([PUBLISH, IMPORT], pair(PUBLISH, 1.0))) == 1


def test_what_is_lacking_is_told_by_kind() -> None:
    runs = [*pair(PUBLISH, 1.0), *pair(LARGE, 1.0), *pair(REQUEST, 1.4), run(IMPORT, "txnats", 1, value=0.01)]
    assert lacking(rows(WORKLOADS, runs)) == ["missed: publish 16 B; publish 64 KiB"]
    assert lacking(rows(WORKLOADS, runs[4:])) == []
    assert lacking(rows(WORKLOADS, runs[:1])) == ["unjudged: publish 16 B"]
    assert lacking(rows(WORKLOADS, runs[1:2])) == ["txnats was not measured"]
    assert lacking([]) == ["txnats was not measured"]
