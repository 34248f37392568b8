"""A bar for what takes its time."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

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
        shown = not hidden and (console.is_terminal if console is not None else sys.stderr.isatty())
        self._progress = _progress(what, console) if shown else None
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
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended = time.monotonic()
        if self._progress is not None:
            self._draw(self.done if error is None else None)
            self._progress.stop()

    def _draw(self, total: int | None) -> None:
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], completed=self.done, total=total)
            self._progress.refresh()


def _progress(what: str, console: Console | None) -> Progress:
    """Rich's bar, which is loaded only when it is drawn."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console or Console(stderr=True),
        auto_refresh=False,
    )
    progress.add_task(what, total=None)
    return progress
