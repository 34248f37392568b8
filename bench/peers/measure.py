"""What every Python program under measurement shares: a stopwatch, a counting handler, and how results are told."""

from __future__ import annotations

import json
import platform
import resource
import sys
import time
from collections.abc import Callable, Coroutine
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.job import Job


def job() -> Job:
    """The job on this program's command line."""
    return Job.read(sys.argv[1:])


class Stopwatch:
    """Wall and CPU seconds of this process between ``start`` and ``stop``."""

    def start(self) -> None:
        """Begin the measured interval."""
        self._wall = time.perf_counter()
        self._cpu = cpu_seconds()

    def stop(self) -> dict[str, float]:
        """End the interval and give its facts."""
        return {"seconds": time.perf_counter() - self._wall, "cpu_seconds": cpu_seconds() - self._cpu}


def cpu_seconds() -> float:
    """User and system seconds that this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def max_rss_bytes() -> int:
    """The most memory that this process has held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def rss_bytes() -> int:
    """The memory held now; where that cannot be known, the most held so far."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return max_rss_bytes()
    return int(statm.read_text().split()[1]) * resource.getpagesize()


def percentile(ordered: list[float], share: float) -> float:
    """The value below which ``share`` of the values in ``ordered`` lie."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def latency_facts(seconds: list[float]) -> dict[str, float]:
    """The median and the 99th percentile, in microseconds."""
    ordered = sorted(seconds)
    return {"p50_us": percentile(ordered, 0.5) * 1e6, "p99_us": percentile(ordered, 0.99) * 1e6}


def ready() -> None:
    """Tell the harness that messages may come."""
    print("ready", flush=True)


def tell(package: str, facts: dict[str, float]) -> None:
    """Print the result: one JSON line."""
    try:
        client = version(package)
    except PackageNotFoundError:
        client = "checkout"
    runtime = f"Python {platform.python_version()}"
    print(json.dumps({"client": client, "runtime": runtime, "max_rss_bytes": max_rss_bytes(), **facts}), flush=True)


def counting_handler(job: Job, done: Callable[[dict[str, float]], None]) -> Callable[[object], None]:
    """A plain message handler: starts the stopwatch after the warm-up, calls ``done`` at the last message."""
    seen = 0
    mark = job.warm
    reached = _milestones(job, done)

    def handle(_message: object) -> None:
        nonlocal seen, mark
        seen += 1
        if seen == mark:
            mark = reached(seen)

    return handle


def counting_coroutine(
    job: Job, done: Callable[[dict[str, float]], None]
) -> Callable[[object], Coroutine[Any, Any, None]]:
    """The same handler as an ``async def``."""
    seen = 0
    mark = job.warm
    reached = _milestones(job, done)

    async def handle(_message: object) -> None:
        nonlocal seen, mark
        seen += 1
        if seen == mark:
            mark = reached(seen)

    return handle


def _milestones(job: Job, done: Callable[[dict[str, float]], None]) -> Callable[[int], int]:
    """What to do at the two messages that matter; answers with the number of the next one."""
    watch = Stopwatch()

    def reached(seen: int) -> int:
        if seen == job.warm:
            watch.start()
        else:
            done({"messages": job.count, **watch.stop()})
        return job.warm + job.count

    return reached
