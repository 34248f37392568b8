"""What an endpoint has done, counted."""

from __future__ import annotations

from .errors import ServiceError


class Counts:
    """Requests of one endpoint.

    Attributes:
        requests: Those whose handler has ended.
        errors: Those among them that were answered with an error.
        last_error: The newest, as ``code:description``.
        nanoseconds: Time in handlers, waiting included.
    """

    __slots__ = ("errors", "last_error", "nanoseconds", "requests")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.requests = 0
        self.errors = 0
        self.last_error = ""
        self.nanoseconds = 0

    def ended(self, nanoseconds: int, error: ServiceError | None = None) -> None:
        """A handler has ended."""
        self.requests += 1
        self.nanoseconds += max(nanoseconds, 0)
        if error is not None:
            self.errors += 1
            self.last_error = f"{error.code}:{error.description}"

    @property
    def average(self) -> int:
        """Nanoseconds a request; 0 before the first."""
        return self.nanoseconds // self.requests if self.requests else 0
