"""Errors of watchers."""

from __future__ import annotations

from ...errors import NatsError


class WatcherFull(NatsError):
    """As many items wait as may, and nobody takes them: the rest of the initial values cannot come.

    Attributes:
        pending: Items that wait.
    """

    def __init__(self, where: str, pending: int) -> None:
        super().__init__(
            "the initial values do not fit",
            where=where,
            why=f"{pending:,} items wait and nobody reads them",
            hint="read them while you wait for ready, give a handler, or raise pending",
        )
        self.pending = pending
