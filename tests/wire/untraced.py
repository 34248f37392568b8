"""Time and memory as they are without a tracer: coverage would be measured along with the code."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def untraced() -> Iterator[None]:
    """No tracer sees what runs inside."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Processor time of some work: the best of a few runs, for the others were disturbed."""
    best = float("inf")
    with untraced():
        for _ in range(repeats):
            start = time.process_time()
            work()
            best = min(best, time.process_time() - start)
    return best
