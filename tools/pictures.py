"""Draw the pictures of the docs from the code and from the tables that they show.

    python tools/pictures.py            write docs/pictures
    python tools/pictures.py --check    fail when one is not what the code says

The machine's states and arrows come from the machine, the journeys' steps have to exist, and the bars come from the
README's table.
"""  # noqa: INP001

from __future__ import annotations

import argparse
import importlib
import math
import re
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

from txnats.net.machine import make_machine

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "pictures"

INK, PALE, BACK, FILL, OURS, THEIRS = "#1f2933", "#9aa5b1", "#ffffff", "#e6f0fa", "#2b6cb0", "#b8c4d0"


# The machine


class Spot(NamedTuple):
    """The middle of a box."""

    x: int
    y: int


SPOTS = {
    "Idle": Spot(120, 70),
    "Waiting": Spot(120, 220),
    "Dialing": Spot(450, 110),
    "Live": Spot(780, 220),
    "Migrating": Spot(450, 340),
    "Draining": Spot(780, 480),
    "Closed": Spot(120, 480),
}
BEND = {
    ("Idle", "Closed"): 70.0,
    ("Dialing", "Closed"): -30.0,
    ("Live", "Closed"): 130.0,
    ("Live", "Waiting"): -10.0,
}
WIDE, HIGH = 124, 44
ENDS = "Closed"


def arrows() -> dict[tuple[str, str], list[str]]:
    """What leads from one state to another, by the machine itself."""
    found: dict[tuple[str, str], list[str]] = {}
    for before, given, after, _ in make_machine.__automat_automaton__.allTransitions():  # type: ignore[attr-defined]
        if before.name != after.name:
            found.setdefault((before.name, after.name), []).append(given)
    return {pair: sorted(inputs) for pair, inputs in sorted(found.items())}


def machine() -> str:
    """The states of a connection's life, and what leads from one to another."""
    found = arrows()
    states = {state for pair in found for state in pair}
    if states != set(SPOTS):
        sys.exit(f"states without a place in the picture, or places without a state: {sorted(states ^ set(SPOTS))}")
    parts = [_arrow(pair, inputs, back=(pair[1], pair[0]) in found) for pair, inputs in found.items()]
    for state, spot in SPOTS.items():
        parts.append(_box(spot.x - WIDE / 2, spot.y - HIGH / 2, WIDE, HIGH, state, bold=True))
    return _svg(900, 540, "The life of a connection", parts)


def _arrow(pair: tuple[str, str], inputs: list[str], *, back: bool) -> str:
    start, end = SPOTS[pair[0]], SPOTS[pair[1]]
    away = math.hypot(end.x - start.x, end.y - start.y)
    across = (-(end.y - start.y) / away, (end.x - start.x) / away)
    bend = BEND.get(pair, 26.0 if back else 0.0)
    control = ((start.x + end.x) / 2 + across[0] * 2 * bend, (start.y + end.y) / 2 + across[1] * 2 * bend)
    first, last = _edge(start, control), _edge(end, control)
    plain_end = inputs == ["close"]
    middle = _along(first, control, last, 0.75 if plain_end else 0.5)
    colour = PALE if plain_end else INK
    path = f"M{first[0]:.0f},{first[1]:.0f} Q{control[0]:.0f},{control[1]:.0f} {last[0]:.0f},{last[1]:.0f}"
    dashes = ' stroke-dasharray="5 4"' if plain_end else ""
    line = (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"{dashes} marker-end="url(#{colour[1:]})"/>'
    )
    return line + _label(*middle, ", ".join(inputs), colour)


def _along(
    first: tuple[float, float], control: tuple[float, float], last: tuple[float, float], share: float
) -> tuple[float, float]:
    """A point of a curve."""
    rest = 1 - share
    x, y = (
        rest * rest * a + 2 * rest * share * b + share * share * c for a, b, c in zip(first, control, last, strict=True)
    )
    return x, y


def _edge(spot: Spot, towards: tuple[float, float]) -> tuple[float, float]:
    """Where a line from a box's middle leaves the box."""
    x, y = towards[0] - spot.x, towards[1] - spot.y
    scale = min((WIDE / 2 + 4) / abs(x) if x else math.inf, (HIGH / 2 + 4) / abs(y) if y else math.inf)
    return spot.x + x * scale, spot.y + y * scale


def _label(x: float, y: float, text: str, colour: str) -> str:
    width = 7.2 * len(text) + 8
    back = f'<rect x="{x - width / 2:.0f}" y="{y - 9:.0f}" width="{width:.0f}" height="17" fill="{BACK}"/>'
    return back + _text(x, y + 4, text, size=12, colour=colour)


# The journeys

JOURNEYS: dict[str, list[str]] = {
    "Bytes in": [
        "txnats.net.connection:Connection.dataReceived",
        "txnats.wire.parser:Parser.feed",
        "txnats.state.subscriptions:Subscriptions.deliver",
        "txnats.handlers:Handlers.accept",
        "your handler",
    ],
    "Publish": [
        "txnats.client:Client.publish",
        "txnats.wire.encode:PublishHeads.head",
        "txnats.state.outbox:Outbox.add",
        "txnats.net.writer:Writer.pump",
        "the socket",
    ],
    "Request": [
        "txnats.client:Client.request",
        "txnats.state.requests:Requests.open",
        "a responder",
        "txnats.inbox:Inbox.accept",
        "txnats.state.requests:Requests.resolve",
        "your Deferred",
    ],
    "Reconnect": [
        "txnats.net.connection:Connection.connectionLost",
        "txnats.net.supervisor:Supervisor.lost",
        "txnats.state.servers:Servers.next",
        "txnats.net.dial:dial",
        "txnats.net.session:Session.up",
        "txnats.events:Reconnected",
    ],
    "Consume": [
        "txnats.jetstream.consume.pull_loop:PullLoop.accept",
        "txnats.jetstream.consume.pull_budget:PullBudget.arrived",
        "txnats.jetstream.consume.consuming:Consuming",
        "your handler",
        "txnats.jetstream.message:JsMessage.ack",
    ],
}
STEP, GAP, LANE = 190, 22, 92
FOREIGN = ("your ", "a ", "the ")


def journeys() -> str:
    """Which parts a message goes through, one lane each."""
    parts: list[str] = []
    most = max(map(len, JOURNEYS.values()))
    for row, (name, steps) in enumerate(JOURNEYS.items()):
        top = 26 + row * LANE
        parts.append(_text(16, top, name, size=14, anchor="start", bold=True))
        for column, step in enumerate(steps):
            left = 16 + column * (STEP + GAP)
            room, label = _step(step)
            parts.append(_box(left, top + 10, STEP, 44, label, under=room, plain=not room))
            if column:
                parts.append(
                    f'<path d="M{left - GAP + 2},{top + 32} H{left - 5}" stroke="{INK}" stroke-width="1.5"'
                    f' marker-end="url(#{INK[1:]})"/>'
                )
    return _svg(32 + most * STEP + (most - 1) * GAP, 20 + len(JOURNEYS) * LANE, "Five journeys", parts)


def _step(step: str) -> tuple[str, str]:
    """The room and the name of a step that exists."""
    if step.startswith(FOREIGN):
        return "", step
    module, _, path = step.partition(":")
    found: object = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    return module.removeprefix("txnats.").replace(".", "/"), path


# The bars

_ROW = re.compile(r"^\| ([^|]+) \| ([\d.]+)([Mk])/s \| ([\d.]+)([Mk])/s \| ([\d.]+) \|", re.MULTILINE)
_UNITS = {"k": 1e3, "M": 1e6}
BAR, WIDEST = 15, 520


def speed() -> str:
    """Messages a second, from the README's table."""
    rows = _ROW.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    if not rows:
        sys.exit("the README has no table of rates")
    parts = [*_legend(280, 14, OURS, "txnats"), *_legend(380, 14, THEIRS, "nats-py")]
    top = 40
    for name, ours, our_unit, theirs, their_unit, ratio in rows:
        fast, slow = float(ours) * _UNITS[our_unit], float(theirs) * _UNITS[their_unit]
        most = max(fast, slow)
        parts.append(_text(270, top + 19, name.strip(), size=13, anchor="end"))
        parts += _bar(top, fast / most, OURS, f"{ours}{our_unit}/s, {ratio} x")
        parts += _bar(top + BAR + 2, slow / most, THEIRS, f"{theirs}{their_unit}/s")
        top += 2 * BAR + 16
    return _svg(960, top + 6, "Messages a second; each row by its own scale", parts)


def _bar(top: float, share: float, colour: str, text: str) -> Iterator[str]:
    width = share * WIDEST
    yield f'<rect x="280" y="{top}" width="{width:.0f}" height="{BAR}" fill="{colour}"/>'
    yield _text(286 + width, top + 12, text, size=12, anchor="start")


def _legend(left: float, top: float, colour: str, text: str) -> Iterator[str]:
    yield f'<rect x="{left}" y="{top - 10}" width="12" height="12" fill="{colour}"/>'
    yield _text(left + 18, top, text, size=13, anchor="start")


# Shapes


def _text(
    x: float, y: float, text: str, *, size: int, anchor: str = "middle", colour: str = INK, bold: bool = False
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    place = f'x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}"{weight}>{escape(text)}</text>'


def _box(
    x: float, y: float, wide: float, high: float, text: str, *, under: str = "", bold: bool = False, plain: bool = False
) -> str:
    shape = f'<rect x="{x:.0f}" y="{y:.0f}" width="{wide:.0f}" height="{high:.0f}" rx="6"'
    style = f'fill="{BACK if plain else FILL}" stroke="{INK}"'
    middle = x + wide / 2
    if not under:
        return f"{shape} {style}/>" + _text(middle, y + high / 2 + 5, text, size=14 if bold else 12, bold=bold)
    words = _text(middle, y + high / 2 - 3, text, size=11, bold=True)
    return f"{shape} {style}/>" + words + _text(middle, y + high / 2 + 13, under, size=11)


def _svg(wide: float, high: float, title: str, parts: list[str]) -> str:
    heads = "".join(
        f'<marker id="{colour[1:]}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"'
        f' orient="auto"><path d="M0,0 L10,5 L0,10 z" fill="{colour}"/></marker>'
        for colour in (INK, PALE)
    )
    frame = f'viewBox="0 0 {wide:.0f} {high:.0f}" role="img" font-family="system-ui, sans-serif"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>',
        f"<title>{escape(title)}</title>",
        f"<defs>{heads}</defs>",
        f'<rect width="{wide:.0f}" height="{high:.0f}" rx="8" fill="{BACK}"/>',
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


PICTURES = {"machine.svg": machine, "journeys.svg": journeys, "speed.svg": speed}


def main(arguments: list[str] | None = None) -> int:
    """Write the pictures, or look whether they are right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args(arguments).check
    stale = []
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        path, drawn = FOLDER / name, draw()
        if check and (not path.exists() or path.read_text(encoding="utf-8") != drawn):
            stale.append(name)
        elif not check:
            path.write_text(drawn, encoding="utf-8")
    if stale:
        sys.stderr.write(f"{', '.join(stale)}: not what the code says; run python tools/pictures.py\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
