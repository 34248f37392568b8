"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench import ROOT, comparing, contestants, install, plot, record, report, server, summary
from bench.rounds import Plan, execute
from bench.runner import Run
from bench.workloads import WORKLOADS, Workload
from txnats.errors import NatsError

LATEST = ROOT / "bench" / "results" / "latest.json"
NARROWEST = 140


def main(words: Sequence[str] | None = None) -> int:
    """Run the benchmark; gives the exit status."""
    options = _parser().parse_args(words)
    if options.install_peers:
        install.install()
        return 0
    # Piped, the tables keep their width instead of being folded into 80 columns.
    console = Console(stderr=options.lines)
    if not console.is_terminal:
        console.width = max(console.width, NARROWEST)
    try:
        server.version()
    except NatsError as missing:
        console.print(str(missing))
        return 1
    with tempfile.TemporaryDirectory(prefix="txnats-bench-") as scratch:
        plan = _plan(options, console, Path(scratch))
        try:
            runs = _run(plan, console, lines=options.lines)
        except KeyboardInterrupt:
            return 130
    return _report(plan, runs, console, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="txnats beside other NATS clients.")
    parser.add_argument("--rounds", type=int, help="interleaved rounds (5)")
    parser.add_argument("--seconds", type=float, help="about how long one run takes (1)")
    parser.add_argument("--quick", action="store_true", help="two rounds of short runs")
    parser.add_argument("--only", type=re.compile, metavar="REGEX", help="the workloads whose names match")
    parser.add_argument("--peers", metavar="A,B", help="the clients to compare (all that are here)")
    parser.add_argument("--json", type=Path, default=LATEST, metavar="PATH", help="where the record goes")
    parser.add_argument("--lines", action="store_true", help="print each run as a line of JSON; the rest to stderr")
    parser.add_argument("--compare", type=Path, metavar="PATH", help="show what changed since this record")
    parser.add_argument("--plot", type=Path, metavar="PATH", help="draw the CPU of a message as SVG")
    parser.add_argument("--check", action="store_true", help="exit 1 unless every 'must' is met")
    parser.add_argument("--install-peers", action="store_true", help="install the clients to compare with, and stop")
    return parser


def _plan(options: argparse.Namespace, console: Console, scratch: Path) -> Plan:
    wanted = set(options.peers.split(",")) if options.peers else None
    peers = []
    for found in contestants.find(wanted, scratch):
        if isinstance(found, contestants.Peer):
            peers.append(found)
        else:
            console.print(f"without {found.name}: {found.why}", style="dim")
    return Plan(
        workloads=[workload for workload in WORKLOADS if not options.only or options.only.search(workload.name)],
        peers=peers,
        rounds=options.rounds or (2 if options.quick else 5),
        seconds=options.seconds or (0.4 if options.quick else 1.0),
    )


def _run(plan: Plan, console: Console, *, lines: bool) -> list[Run]:
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    runs = []
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=plan.steps)

        def doing(word: str, workload: Workload, peer: contestants.Peer) -> None:
            progress.update(task, description=f"{word}: {workload.name}, {peer.name}", advance=1)

        for run in execute(plan, doing):
            runs.append(run)
            if lines:
                print(json.dumps(record.line(run)), flush=True)
            if run.error is not None:
                progress.console.print(f"{run.workload}, {run.peer}: {run.error}", style="red")
    return runs


def _report(plan: Plan, runs: list[Run], console: Console, options: argparse.Namespace) -> int:
    rows = summary.rows(plan.workloads, [run for run in runs if run.peer not in contestants.MODERN])
    modern = [run for run in runs if run.peer in contestants.MODERN]
    modern_rows = summary.rows(plan.workloads, modern, "txnats-3.13", "natsio")
    if rows:
        console.print(report.comparison(rows))
    if modern_rows:
        console.print(report.comparison(modern_rows, "txnats-3.13", "natsio", goals=False))
    if (latencies := report.latencies(rows + modern_rows)) is not None:
        console.print(latencies)
    console.print(", ".join(f"{peer} {version}" for peer, version in record.versions(runs).items()), style="dim")
    if scenarios := report.scenarios(modern_rows):
        console.print(scenarios)
    before = comparing.read(options.compare) if options.compare else None
    record.write(options.json, plan, runs, rows + modern_rows)
    if before is not None:
        console.print(comparing.table(before, comparing.read(options.json)))
    if options.plot:
        options.plot.write_text(plot.drawn(rows, record.versions(runs)))
    console.print(f"record: {os.path.relpath(options.json)}", style="dim")
    lacking = summary.lacking(rows)
    for line in lacking:
        console.print(line, style="bold red")
    return 1 if lacking and options.check else 0


if __name__ == "__main__":
    raise SystemExit(main())
