"""Has anything become slower? ``python -m bench.gate``, exit 1 if so; ``--keep`` makes today's figures the measure.

Each ladder's whole work runs in memory between two runs of a reference loop that never changes, and counts as a
multiple of it: the machine's speed and its other work hit both alike. The median of many such ratios stays within a few
per cent where wall time moves by half, so that a quarter more is a change of the code and no noise.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Sequence
from statistics import median

import bench
import txnats
from bench.ladders import MESSAGES, Meter, Work, ladders

KEPT = bench.ROOT / "bench" / "gate.json"
ALLOWED = 1.25
ROUNDS = 9
_WORDS = [b"word.%d" % number for number in range(64)]


def reference() -> float:
    """Seconds of processor time of a loop like those of a client: look-ups, calls, small objects, joins."""
    table, kept = dict.fromkeys(_WORDS, 1), []
    start = time.process_time()
    for _ in range(60):
        pieces: list[bytes] = []
        for word in _WORDS:
            if table.get(word) and len(word) > 3:
                pieces += (word, b" ", b"%d" % len(word), b"\r\n")
        kept.append(b"".join(pieces).split(b"\r\n"))
    return time.process_time() - start


def works() -> dict[str, Work]:
    """What is looked at: the last rung of each ladder, and the rung before it where that is a workload of its own."""
    found = {}
    for ladder in ladders():
        rungs = ladder.rungs[-2:] if ladder.name.startswith("deliver") else ladder.rungs[-1:]
        for rung in rungs:
            found[f"{ladder.name}: {rung.name}"] = rung.work
    return found


def measured(looked_at: dict[str, Work], rounds: int) -> dict[str, float]:
    """By name, the work of a message as a multiple of a thousandth of the reference loop's."""
    found: dict[str, list[float]] = {name: [] for name in looked_at}
    for number in range(rounds + 1):
        for name, work in looked_at.items():
            meter = Meter()
            gc.collect()
            before = reference()
            work(meter)
            ratio = meter.seconds / MESSAGES / (before + reference()) * 2000
            if number:
                found[name].append(ratio)
    return {name: round(median(ratios), 4) for name, ratios in found.items()}


def slower(kept: dict[str, float], found: dict[str, float]) -> list[str]:
    """What takes more than it may, in words."""
    return [
        f"{name}: {found[name] / before:.2f} times what it was"
        for name, before in kept.items()
        if name in found and found[name] > before * ALLOWED
    ]


def main(words: Sequence[str] | None = None) -> int:
    """Measure; keep or compare."""
    parser = argparse.ArgumentParser(prog="python -m bench.gate", description="Has anything become slower?")
    parser.add_argument("--keep", action="store_true", help="these figures are the measure from now on")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args(words)
    build = txnats.build_info().parser
    kept: dict[str, dict[str, float]] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    found = measured(works(), options.rounds)
    for name, figure in found.items():
        before = kept.get(build, {}).get(name)
        print(f"{figure:8.3f}  {'' if before is None else f'{figure / before:5.2f}x':6}  {name}")
    if options.keep:
        KEPT.write_text(json.dumps({**kept, build: found}, indent=1, sort_keys=True) + "\n")
        return 0
    if build not in kept:
        print(f"no figures were kept for the {build} parser: see --keep")
        return 1
    # What seems slower is looked at once more, by itself.
    again = {name: work for name, work in works().items() if slower({name: kept[build].get(name, 1e9)}, found)}
    lacking = slower(kept[build], found | measured(again, options.rounds))
    print("\n".join(lacking) or "nothing has become slower")
    return 1 if lacking else 0


if __name__ == "__main__":
    raise SystemExit(main())
