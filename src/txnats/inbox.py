"""The one subscription that all replies come in by."""

from __future__ import annotations

from .errors import NatsError, PermissionDenied
from .message import Message
from .state.requests import Requests


class Inbox:
    """Owner of the entry for the wildcard over all reply subjects.

    Args:
        requests: Who waits for them.

    Attributes:
        is_open: Whether the server knows it, as far as we know.
    """

    __slots__ = ("_requests", "is_open")

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self.is_open = False

    def accept(self, message: Message) -> None:
        self._requests.resolve(message)

    def exhausted(self) -> None:
        """Never: it has no maximum."""

    def denied(self, error: PermissionDenied) -> None:
        self.is_open = False

    def client_closed(self, reason: NatsError | None) -> None:
        self.is_open = False
