"""What the tables say."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console
from rich.table import Table

from bench import record, report
from bench.rounds import Plan
from bench.runner import Run
from bench.summary import rows
from bench.workloads import WORKLOADS

RUNS = [
    Run(workload="publish 16 B", peer="txnats", round=1, rate=2.9e6, cpu_us_per_message=0.34, client="1", runtime="P"),
    Run(workload="publish 16 B", peer="nats-py", round=1, rate=553e3, cpu_us_per_message=1.81),
    Run(workload="publish 16 B", peer="c", round=1, error="exit 1: boom"),
    Run(workload="request, one at a time", peer="txnats", round=1, rate=5290.0, p50_us=178.2, p99_us=262.4),
    Run(workload="memory, 100k subscriptions", peer="txnats", round=1, value=27e6),
]


def drawn(table: Table | None) -> str:
    assert table is not None
    paper = io.StringIO()
    Console(file=paper, width=200).print(table)
    return paper.getvalue()


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (2_899_000.0, "2.90M"),
        (999_900.0, "1.00M"),
        (553_100.0, "553k"),
        (33_900.0, "33.9k"),
        (3140.0, "3.14k"),
        (7.0, "7"),
    ],
)
def test_numbers_are_short(number: float, text: str) -> None:
    assert report.short(number) == text


def test_the_comparison_shows_rates_cpu_ratio_and_verdict() -> None:
    text = drawn(report.comparison(rows(WORKLOADS, RUNS)))
    (line,) = [line for line in text.splitlines() if "publish 16 B" in line]
    for part in ("2.90M  0.34", "553k  1.81", "failed", "5.24 (5.24..5.24)", "0.19", "3x", "4.5x", "goal"):
        assert part in line
    assert "27.0 MB" in text


def test_latencies_are_shown_where_there_are_any() -> None:
    assert "178 / 262" in drawn(report.latencies(rows(WORKLOADS, RUNS)))
    assert report.latencies(rows(WORKLOADS, RUNS[:3])) is None


def test_the_record_is_json_and_leaves_out_what_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.server.version", lambda: "2.15.1")
    plan = Plan(workloads=WORKLOADS, peers=[], rounds=1, seconds=1.5)
    document = json.loads(json.dumps(record.document(plan, RUNS, rows(WORKLOADS, RUNS))))
    assert document["machine"]["nats_server"] == "2.15.1"
    assert document["versions"] == {"txnats": "1 on P"}
    assert document["summary"][0]["verdict"] == "goal"
    assert "p50_us" not in document["runs"][0]
    assert document["runs"][2]["error"] == "exit 1: boom"


def test_the_scenarios_of_natsio_stand_by_their_own_names() -> None:
    runs = [
        Run(workload="request, one at a time", peer="txnats-3.13", round=1, rate=6e3, cpu_us_per_message=60.0),
        Run(workload="request, one at a time", peer="natsio", round=1, rate=4e3, cpu_us_per_message=120.0),
        Run(workload="subscribe 16 B", peer="natsio", round=1, rate=4e3, cpu_us_per_message=120.0),
    ]
    text = drawn(report.scenarios(rows(WORKLOADS, runs, "txnats-3.13", "natsio")))
    (line,) = [line for line in text.splitlines() if "round trip" in line]
    assert "1.50 (1.50..1.50)" in line
    assert report.scenarios(rows(WORKLOADS, runs[1:], "txnats-3.13", "natsio")) is None
    assert len({workload.scenario for workload in WORKLOADS} - {""}) == 13
