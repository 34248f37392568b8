"""The JSON file: every run, what was compared, and on what kind of machine. No host name, no paths."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import server
from bench.rounds import Plan
from bench.runner import Run
from bench.summary import Row

FORMAT = 1


def write(path: Path, plan: Plan, runs: Sequence[Run], rows: Sequence[Row]) -> None:
    """Write the record; folders are made as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(plan, runs, rows), indent=1) + "\n")


def document(plan: Plan, runs: Sequence[Run], rows: Sequence[Row]) -> dict[str, Any]:
    """What the file says."""
    return {
        "format": FORMAT,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": versions(runs),
        "plan": {"rounds": plan.rounds, "seconds": plan.seconds},
        "summary": [
            {
                "workload": row.workload.name,
                "unit": row.workload.unit,
                "peers": {peer: _known(asdict(cell)) for peer, cell in row.cells.items()},
                "ratio": asdict(row.ratio) if row.ratio else None,
                "cpu_ratio": asdict(row.cpu_ratio) if row.cpu_ratio else None,
                "verdict": row.verdict.value,
            }
            for row in rows
        ],
        "runs": [line(run) for run in runs],
    }


def line(run: Run) -> dict[str, Any]:
    """A run as JSON members; what is unknown is left out."""
    return _known(asdict(run))


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "cpus": os.cpu_count(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "nats_server": server.version(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def versions(runs: Sequence[Run]) -> dict[str, str]:
    """Each peer's version and what it ran on."""
    return {run.peer: f"{run.client} on {run.runtime}" for run in runs if run.client}


def _known(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
