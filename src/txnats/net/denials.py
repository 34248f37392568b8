"""Who is told when the server refuses one operation. All others go on."""

from __future__ import annotations

from collections.abc import Callable

from .. import events
from ..errors import PermissionDenied
from ..state.requests import Requests
from ..state.server_errors import denial
from ..state.subscriptions import Entry, Subscriptions


class Denials:
    """Brings each refusal to the subscription, the request or the publish that it is meant for.

    Args:
        subscriptions: A refused one is forgotten.
        requests: Those in flight to a refused subject fail.
    """

    def __init__(self, subscriptions: Subscriptions, requests: Requests) -> None:
        self._subscriptions = subscriptions
        self._requests = requests
        self._askers: set[Callable[[PermissionDenied], None]] = set()
        self._publish: PermissionDenied | None = None

    def when_publish_is_denied(self, asker: Callable[[PermissionDenied], None]) -> Callable[[], None]:
        """Tell of every publish that the server refuses, until what this gives is called."""
        self._askers.add(asker)
        return lambda: self._askers.discard(asker)

    def take(self) -> PermissionDenied | None:
        """The last publish that the server refused, told once."""
        denied, self._publish = self._publish, None
        return denied

    def receive(self, text: str) -> events.Event:
        """A permissions violation in the server's words: tell whom it concerns, give the event for everybody."""
        found = denial(text)
        if found is None:
            return events.ServerErrorReported(text)
        error = found.error
        self._requests.denied(error)
        if error.operation == "subscribe":
            for entry in self._entries(error, found.sid):
                self._subscriptions.remove(entry)
                entry.owner.denied(error)
        else:
            self._publish = error
            for asker in list(self._askers):
                asker(error)
        return events.PermissionDenied(error.operation, error.subject, error.queue)

    def _entries(self, error: PermissionDenied, sid: int | None) -> list[Entry]:
        subject = error.subject.encode("utf-8", "surrogateescape")
        queue = None if error.queue is None else error.queue.encode("utf-8", "surrogateescape")
        return self._subscriptions.find(subject, queue, sid)
