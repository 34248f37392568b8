"""A bar for what takes its time."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

_BETWEEN = 0.1
"""Seconds between two pictures."""


class Bar:
    """A bar on standard error if that is a terminal, and the rate in any case.

    ``with Bar("report.pdf") as bar: ... progress=bar``.

    Args:
        what: What goes or comes.
        hidden: Draw nothing.
        console: Where it is drawn, unless on standard error.

    Attributes:
        done: Bytes so far.
    """

    def __init__(self, what: str, *, hidden: bool = False, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(binary_units=True))
        self._progress = Progress(
            *columns,
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            auto_refresh=False,
            disable=hidden or not console.is_terminal,
        )
        self._task = self._progress.add_task(what, total=None)
        self._drawn = 0.0
        self._begun = time.monotonic()
        self._ended: float | None = None
        self.done = 0

    def __call__(self, done: int, total: int | None) -> None:
        """So many bytes are through, of so many in all."""
        self.done = done
        now = time.monotonic()
        if now - self._drawn >= _BETWEEN:
            self._drawn = now
            self._draw(total)

    @property
    def rate(self) -> float:
        """Bytes a second, up to now or to the end."""
        seconds = (self._ended or time.monotonic()) - self._begun
        return self.done / seconds if seconds > 0 else 0.0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended = time.monotonic()
        self._draw(self.done if error is None else None)
        self._progress.stop()

    def _draw(self, total: int | None) -> None:
        self._progress.update(self._task, completed=self.done, total=total)
        self._progress.refresh()
