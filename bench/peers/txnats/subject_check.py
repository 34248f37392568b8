"""txnats: what the check of a subject costs when the subject was published to before."""

from __future__ import annotations

from timeit import repeat

from bench.peers import measure
from txnats.wire.encode import PublishHeads

CONTROL_LINE = 4096
TIMES = 200_000
REPEATS = 15


def main() -> None:
    watch = measure.Stopwatch()
    watch.start()
    seconds = best()
    facts = watch.stop()
    measure.tell("txnats", {"messages": TIMES * REPEATS, "value": seconds, **facts})


def best() -> float:
    """Seconds for one check, in the least disturbed of the repeats."""
    heads = PublishHeads(CONTROL_LINE)
    names = {"kept": heads.plain, "check": heads.head, "subject": "orders.new.eu"}
    heads.head("orders.new.eu")
    runs = repeat("kept.get(subject) or check(subject)", globals=names, number=TIMES, repeat=REPEATS)
    return min(runs) / TIMES


if __name__ == "__main__":
    main()
