"""The plot is an SVG whose bars are as long as the CPU of a message."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from bench.plot import WIDTH, drawn
from bench.runner import Run
from bench.summary import rows
from bench.workloads import WORKLOADS

RUNS = [
    Run(workload="publish 16 B", peer="txnats", round=1, rate=2.9e6, cpu_us_per_message=0.5),
    Run(workload="publish 16 B", peer="nats-py", round=1, rate=553e3, cpu_us_per_message=2.0),
    Run(workload="publish 16 B", peer="stranger", round=1, rate=1.0, cpu_us_per_message=9.0),
    Run(workload="subscribe 16 B", peer="nats-py", round=1, rate=553e3, cpu_us_per_message=2.0),
]


def test_a_bar_for_each_client_that_was_measured() -> None:
    picture = ET.fromstring(drawn(rows(WORKLOADS, RUNS), {"txnats": "1 <on> P"}))
    space = "{http://www.w3.org/2000/svg}"
    widths = [int(bar.attrib["width"]) for bar in picture.iter(f"{space}rect")]
    assert widths == [WIDTH // 4, WIDTH]
    texts = [text.text for text in picture.iter(f"{space}text")]
    assert "publish 16 B" in texts
    assert "subscribe 16 B" not in texts  # without ours it says nothing
    assert "txnats 0.5 us, 2.90M/s" in texts
    assert texts[-1] == "txnats: 1 <on> P"
