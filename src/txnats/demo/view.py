"""What is shown meanwhile and at the end: plain lines here, something livelier in ``live``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Protocol

from txnats.demo.outcome import Outcome


class View(Protocol):
    """Where the demo shows how far it is."""

    def step(self, text: str) -> None:
        """Something is done."""

    def progress(self, by: Mapping[str, int]) -> None:
        """So many requests are answered, by responder."""

    def close(self) -> None:
        """No progress comes any more."""

    def table(self, outcome: Outcome) -> None:
        """The figures at the end."""


class Plain:
    """A line now and then, for a file or a pipe.

    Args:
        requests: How many there will be.
    """

    def __init__(self, requests: int) -> None:
        self._requests = requests
        self._tenths = 0

    def step(self, text: str) -> None:
        print(text, flush=True)

    def progress(self, by: Mapping[str, int]) -> None:
        answered = sum(by.values())
        tenths = answered * 10 // self._requests
        if tenths > self._tenths:
            self._tenths = tenths
            print(f"{answered} of {self._requests} requests answered", flush=True)

    def close(self) -> None:
        """Each line was complete."""

    def table(self, outcome: Outcome) -> None:
        print(f"\n{'responder':<12}{'requests':>10}{'share':>8}")
        for name, count, share in outcome.shares():
            print(f"{name:<12}{count:>10}{share:>8}")
        print("   ".join(f"{name} {value}" for name, value in outcome.figures()) + "\n")


def choose_view(responders: Sequence[str], requests: int) -> View:
    """The live view in a terminal, if rich is installed; else plain lines."""
    if sys.stdout.isatty():
        try:
            from txnats.demo.live import Live  # noqa: PLC0415 - rich is an extra
        except ImportError:
            pass
        else:
            return Live(responders, requests)
    return Plain(requests)
