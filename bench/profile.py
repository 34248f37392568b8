"""Where the time of a message goes, as tables: ``python -m bench.profile``, ``--write docs/speed.md`` to keep them.

Every rung of every ladder runs once a round, in turn, so that a busy moment of the machine hits all alike; the figures
are medians of processor time, which other programs disturb little.
"""

from __future__ import annotations

import argparse
import gc
import re
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import bench  # noqa: F401  # first: it finds this checkout
import txnats
from bench.ladders import MESSAGES, Ladder, Meter, Rung, ladders

BEGIN, END = "<!-- {name} -->\n", "<!-- end of {name} -->\n"


def micros(rung: Rung) -> float:
    """Microseconds of processor time a message."""
    meter = Meter()
    gc.collect()
    rung.work(meter)
    return meter.seconds / MESSAGES * 1e6


def measured(climbed: Sequence[Ladder], rounds: int) -> dict[Rung, float]:
    """Each rung's median over interleaved rounds; the first round warms up and is not counted."""
    found: dict[int, list[float]] = {}
    rungs = [rung for ladder in climbed for rung in ladder.rungs]
    for number in range(rounds + 1):
        for rung in rungs:
            figure = micros(rung)
            if number:
                found.setdefault(id(rung), []).append(figure)
    return {rung: median(found[id(rung)]) for rung in rungs}


def table(ladder: Ladder, figures: dict[Rung, float]) -> str:
    """A ladder as Markdown: what each rung costs in all, and beyond the one before."""
    lines = [f"**{ladder.name}**\n", "| | us in all | us more |", "|---|--:|--:|"]
    before = 0.0
    for rung in ladder.rungs:
        lines.append(f"| {rung.name} | {figures[rung]:.2f} | {figures[rung] - before:+.2f} |")
        before = figures[rung]
    return "\n".join(lines) + "\n"


def replaced(text: str, name: str, new: str) -> str:
    """A page with the part of this name made anew.

    Raises:
        ValueError: It has none.
    """
    begin, end = BEGIN.format(name=name), END.format(name=name)
    found = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not found.search(text):
        raise ValueError(f"the page has no part {name!r}")
    return found.sub(lambda _: begin + "\n" + new + "\n" + end, text)


def main(words: Sequence[str] | None = None) -> None:
    """Measure, and print or keep the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description="Where the time of a message goes.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", type=re.compile, default=re.compile(""), metavar="REGEX", help="ladders to climb")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into this page")
    options = parser.parse_args(words)
    climbed = [ladder for ladder in ladders() if options.only.search(ladder.name)]
    figures = measured(climbed, options.rounds)
    build = txnats.build_info().parser
    text = "\n".join(table(ladder, figures) for ladder in climbed)
    if options.write is None:
        print(f"parser: {build}\n\n{text}")
    else:
        page = options.write
        page.write_text(replaced(page.read_text(), f"profile, {build} parser", text))


if __name__ == "__main__":
    main()
