"""Which parser runs: the one whose hot loop is compiled, or the pure one. Both give the same ops for the same bytes.

The environment variable ``TXNATS_PURE`` forces either when txnats is imported: 1 for pure Python, 0 for the compiled
loop or an ImportError. Without it the compiled loop runs where it was built.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal, TypeAlias

import msgspec

from ..errors import InvalidOption
from ..version import __version__

VARIABLE = "TXNATS_PURE"
REVISION = 1
"""What ``_speedups.pyx`` has to say of itself."""
Scan: TypeAlias = Callable[..., tuple[int, int]]
"""``scan`` of ``_speedups.pyx``."""


class BuildInfo(msgspec.Struct, frozen=True):
    """What runs.

    Attributes:
        version: Of txnats.
        parser: "compiled" or "pure".
        why: Why that one.
    """

    version: str
    parser: Literal["compiled", "pure"]
    why: str


def choose(wish: str, load: Callable[[], Any]) -> tuple[Scan | None, str]:
    """The compiled loop, or None for pure Python; and why.

    Args:
        wish: The environment variable's value; empty when it is not set.
        load: Imports the compiled module.

    Raises:
        ImportError: It was wished for and is not there.
        InvalidOption: The wish is none.
    """
    match wish:
        case "1":
            return None, f"{VARIABLE} is 1"
        case "0":
            return _scan_of(load()), f"{VARIABLE} is 0"
        case "":
            try:
                return _scan_of(load()), "it was built"
            except ImportError as error:
                return None, str(error)
    raise InvalidOption(f"{VARIABLE} is {wish!r:.80}", hint="it may be 0, 1 or unset")


def _scan_of(compiled: Any) -> Scan:
    if compiled.REVISION != REVISION:
        raise ImportError("the compiled loop was built for another version of txnats", name=compiled.__name__)
    scan: Scan = compiled.scan
    return scan


SCAN, _WHY = choose(os.environ.get(VARIABLE, ""), lambda: import_module("txnats.wire._speedups"))


def build_info() -> BuildInfo:
    """Which parser runs in this process, and why."""
    return BuildInfo(__version__, "pure" if SCAN is None else "compiled", _WHY)
