"""Waiting for a condition that can only be asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic

_BETWEEN = 0.01


def wait_until(check: Callable[[], bool], *, deadline: float, ended: threading.Event) -> bool:
    """Ask ``check`` until it says yes, or ``deadline`` (of the monotonic clock) passes, or ``ended`` is set."""
    while not check():
        left = deadline - monotonic()
        if left <= 0 or ended.wait(min(_BETWEEN, left)):
            return False
    return True
