"""Two records side by side: only what both have, and only ratios."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from bench import comparing


def document(finished: str, **ratios: float) -> dict[str, Any]:
    rows = [
        {"workload": name, "cpu_ratio": {"median": ratio}, "peers": {"txnats": {}, "nats-py": {}}}
        for name, ratio in ratios.items()
    ]
    others = [
        {"workload": "import", "cpu_ratio": None, "peers": {"txnats": {}}},
        {"workload": "modern", "cpu_ratio": {"median": 0.5}, "peers": {"txnats-3.13": {}, "natsio": {}}},
    ]
    return {"finished": finished, "summary": [*rows, *others]}


def test_what_both_records_have_is_compared() -> None:
    before, after = document("then", a=0.2, b=0.3, gone=0.1), document("now", b=0.15, a=0.2, new=0.4)
    assert comparing.changes(before, after) == [("b", 0.3, 0.15), ("a", 0.2, 0.2)]


def test_the_table_tells_the_change() -> None:
    paper = io.StringIO()
    Console(file=paper, width=100).print(comparing.table(document("then", a=0.2), document("now", a=0.3)))
    (line,) = [line for line in paper.getvalue().splitlines() if line.split()[:1] == ["a"]]
    assert line.split() == ["a", "0.20", "0.30", "+50%"]
