"""The two builds of the parser, for tests that hold for both."""

from __future__ import annotations

from importlib import import_module

import pytest

from txnats.wire.speedups import Scan, choose

BUILDS = ("pure", "compiled")


def scan_of(build: str) -> Scan | None:
    """What makes a parser of this build; the test is skipped where the compiled loop was not built."""
    if build == "pure":
        return None
    scan = compiled_scan()
    if scan is None:
        pytest.skip("the compiled loop was not built")
    return scan


def compiled_scan() -> Scan | None:
    """The compiled loop, whatever runs in this process; None where it was not built."""
    try:
        return choose("0", lambda: import_module("txnats.wire._speedups"))[0]
    except ImportError:
        return None
