"""The connection as publishes see it: lost, and back. It holds nothing that must be closed."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from ... import events
from ...client import Client
from ...statistics import Status


class Link:
    """Hears of what happens to a client for as long as somebody holds it.

    Args:
        client: Whose connection.
        changed: A method, called when the connection is lost, is back or will never be; its object is not
            held.

    Attributes:
        losses: Connections lost so far.
        is_up: Whether there is one.
        is_closed: Whether there will never be one again.
    """

    def __init__(self, client: Client, changed: Callable[[], None]) -> None:
        self.losses = 0
        self.is_up = client.status in (Status.CONNECTED, Status.DRAINING)
        self.is_closed = False
        self._changed = weakref.WeakMethod(changed)
        reference = weakref.ref(self)
        stream = client.events().call(lambda event: _pass_on(reference, event))
        weakref.finalize(self, stream.close).atexit = False
        if client.status is Status.CLOSED:
            self.is_closed = True

    def told(self, event: events.Event) -> None:
        """Something has happened."""
        match event:
            case events.Disconnected():
                self.losses += 1
                self.is_up = False
            case events.Connected() | events.Reconnected():
                self.is_up = True
            case events.Closed():
                self.is_up = False
                self.is_closed = True
            case _:
                return
        changed = self._changed()
        if changed is not None:
            changed()


def _pass_on(reference: weakref.ref[Link], event: events.Event) -> None:
    link = reference()
    if link is not None:
        link.told(event)
