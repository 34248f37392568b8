"""The one subscription that all replies come in by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .errors import NatsError, PermissionDenied
from .headers import HeaderSource
from .message import Message
from .state.requests import Asker, Requests, TimedAsker
from .wire.encode import PublishHeads


class Send(Protocol):
    """Publishes under a checked head."""

    def __call__(self, head: bytes, payload: bytes | str, headers: HeaderSource | None) -> None: ...


class Inbox:
    """Owner of the entry for the wildcard over all reply subjects.

    Args:
        requests: Who waits for them.
        heads: The heads of publishes.
        subscribe: Tells the server of it.
        send: Publishes.
        expire_after: Ends a request after so many seconds, by what ``forget`` takes.

    Attributes:
        is_open: Whether the server knows it, as far as we know.
        accept: Gives a reply to who waits for it.
    """

    __slots__ = ("_expire_after", "_heads", "_requests", "_send", "_subscribe", "accept", "is_open")

    def __init__(
        self,
        requests: Requests,
        heads: PublishHeads,
        subscribe: Callable[[], None],
        send: Send,
        expire_after: Callable[[float, bytes], None],
    ) -> None:
        self._requests = requests
        self._heads = heads
        self._subscribe = subscribe
        self._send = send
        self._expire_after = expire_after
        self.accept: Callable[[Message], None] = requests.resolve
        self.is_open = False

    def ask(self, asker: Asker, payload: bytes | str = b"", headers: HeaderSource | None = None) -> bytes:
        """Send a request to ``asker.subject`` and tell the asker its reply.

        It costs less than ``Client.request`` and has no timeout: for layers that send many and keep their own time.

        Returns:
            What ``forget`` takes.

        Raises:
            As ``Client.publish`` does; nothing was sent, and the asker is told nothing.
        """
        head = self._heads.find(asker.subject)
        if not self.is_open:
            self._subscribe()
        reply, token = self._requests.ask(asker)
        try:
            self._send(head + self._heads.own_reply(head, reply), payload, headers)
        except BaseException:  # also out of headers of the caller's own class: no request is left behind
            self._requests.forget(token)
            raise
        return token

    def ask_in_time(self, asker: TimedAsker, payload: bytes | str = b"") -> bytes:
        """As ``ask``, for an asker that does not keep its own time."""
        token = self.ask(asker, payload)
        self._expire_after(asker.timeout, token)
        return token

    def forget(self, token: bytes) -> None:
        """Want the reply no longer."""
        self._requests.forget(token)

    # What its entry asks

    def exhausted(self) -> None:
        """Never: it has no maximum."""

    def denied(self, error: PermissionDenied) -> None:
        self.is_open = False

    def client_closed(self, reason: NatsError | None) -> None:
        self.is_open = False
