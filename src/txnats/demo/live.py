"""The view for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from txnats.demo.outcome import Outcome


class Live:
    """A bar for each responder and one for all; a table at the end.

    Args:
        responders: Their names.
        requests: How many requests there will be.
    """

    def __init__(self, responders: Sequence[str], requests: int) -> None:
        self._console = Console(highlight=False)
        # Drawn when something has changed, so that no thread has to.
        self._progress = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=self._console,
            auto_refresh=False,
        )
        self._bars = {name: self._progress.add_task(name, total=requests) for name in responders}
        self._all = self._progress.add_task("answered", total=requests)

    def step(self, text: str) -> None:
        self._console.print(text)

    def progress(self, by: Mapping[str, int]) -> None:
        self._progress.start()
        for name, count in by.items():
            self._progress.update(self._bars[name], completed=count)
        self._progress.update(self._all, completed=sum(by.values()))
        self._progress.refresh()

    def close(self) -> None:
        self._progress.stop()

    def table(self, outcome: Outcome) -> None:
        table = Table()
        table.add_column("responder")
        table.add_column("requests", justify="right")
        table.add_column("share", justify="right")
        for row in outcome.shares():
            table.add_row(*row)
        self._console.print(table)
        self._console.print("   ".join(f"{name} [bold]{value}[/bold]" for name, value in outcome.figures()) + "\n")
