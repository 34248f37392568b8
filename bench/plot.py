"""The CPU of a message, client by client, as an SVG: no library draws it, and a diff shows what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from bench.report import short
from bench.summary import Row

COLOURS = {"txnats": "#2b6cb0", "nats-py": "#c05621", "node": "#718096", "c": "#a0aec0"}
SHOWN = (
    "publish 16 B",
    "publish 1 KiB",
    "publish 128 B + headers",
    "subscribe 16 B",
    "subscribe 16 B, pure",
    "subscribe 1 KiB",
    "subscribe 16 B, async",
    "request, one at a time",
    "request, 100 in flight",
    "JetStream publish, 256 in flight",
    "JetStream fetch 256 + ack",
    "KV put, one at a time",
)
LEFT, WIDTH, BAR, GAP, TOP = 230, 420, 11, 9, 40
STYLE = "text{font:12px sans-serif;fill:#4a5568}.small{font-size:10px}"


def drawn(rows: Iterable[Row], versions: Mapping[str, str]) -> str:
    """An SVG: a group of bars for each workload, each bar as long as its CPU is to the longest of the group."""
    known = {row.workload.name: row for row in rows}
    groups = [(name, _cells(known[name])) for name in SHOWN if name in known]
    groups = [(name, cells) for name, cells in groups if "txnats" in cells]
    parts: list[str] = ['<text x="0" y="14">CPU of a message, less is better; beside it the rate</text>']
    at = TOP
    for name, cells in groups:
        parts.append(f'<text x="0" y="{at + BAR}">{escape(name)}</text>')
        longest = max(cpu for cpu, _ in cells.values())
        for peer, (cpu, rate) in cells.items():
            length = max(1, round(cpu / longest * WIDTH))
            parts.append(
                f'<rect x="{LEFT}" y="{at}" width="{length}" height="{BAR - 1}" fill="{COLOURS[peer]}"/>'
                f'<text class="small" x="{LEFT + length + 6}" y="{at + BAR - 2}">'
                f"{escape(peer)} {cpu:.3g} us, {short(rate)}/s</text>"
            )
            at += BAR
        at += GAP
    told = ", ".join(f"{peer}: {version}" for peer, version in versions.items() if peer in COLOURS)
    parts.append(f'<text class="small" x="0" y="{at + 12}">{escape(told)}</text>')
    size = f'width="{LEFT + WIDTH + 200}" height="{at + 20}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"


def _cells(row: Row) -> dict[str, tuple[float, float]]:
    return {
        peer: (cell.cpu_us, cell.result)
        for peer, cell in row.cells.items()
        if peer in COLOURS and cell.cpu_us is not None and cell.result is not None
    }
