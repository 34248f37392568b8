"""Requests that wait for their reply: one inbox for all, a token for each.

Each ends exactly once: a reply, no responders, a timeout, a refusal, cancelled or closed.
"""

from __future__ import annotations

from functools import partial
from typing import Protocol, cast

import msgspec
from twisted.internet.defer import Deferred

from ..errors import NatsError, NoResponders, OutboxFull, PermissionDenied, RequestTimeout
from ..message import Message
from ..nuid import next_nuid
from ..subjects import as_text

NO_RESPONDERS = 503


class Asker(Protocol):
    """Who asks, and is told what became of it: one of the two, once. It keeps its own time.

    Attributes:
        subject: Whom it asks.
    """

    @property
    def subject(self) -> str | bytes: ...
    def answered(self, message: Message) -> None:
        """A reply; with status 503 and nothing in it, the server's word that nobody listens."""

    def unanswered(self, error: NatsError) -> None:
        """There will be no reply."""


class TimedAsker(Asker, Protocol):
    """An asker whose time is kept here.

    Attributes:
        timeout: Seconds that it waits for its reply; then RequestTimeout is what it is told.
    """

    timeout: float


class Waiter(msgspec.Struct, eq=False):
    """One request in flight whose reply a Deferred waits for.

    Attributes:
        losses: How many connections had been lost when it began.
    """

    subject: str | bytes
    timeout: float
    losses: int
    deferred: Deferred[Message]

    def answered(self, message: Message) -> None:
        if message.status == NO_RESPONDERS and not message.payload:
            self.deferred.errback(NoResponders(as_text(self.subject)))
        else:
            self.deferred.callback(message)

    def unanswered(self, error: NatsError) -> None:
        self.deferred.errback(error)


class Requests:
    """The table of requests in flight.

    Args:
        prefix: First tokens of the inbox.
        limit: Most requests in flight.

    Attributes:
        inbox: The subject to subscribe to, a wildcard over all tokens.
    """

    def __init__(self, prefix: str, limit: int) -> None:
        base = f"{prefix}.{next_nuid()}."
        self.inbox = base + "*"
        self._base = base.encode()
        self._limit = limit
        self._waiters: dict[bytes, Asker] = {}
        self._last_token = 0
        self._losses = 0

    def __len__(self) -> int:
        return len(self._waiters)

    def __contains__(self, token: bytes) -> bool:
        return token in self._waiters

    def open(self, subject: str | bytes, timeout: float) -> tuple[bytes, bytes, Deferred[Message]]:
        """A new request: its reply subject, its token, and the Deferred of its reply.

        Raises:
            OutboxFull: Too many are in flight.
        """
        token = self._next_token()
        deferred: Deferred[Message] = Deferred(partial(self._cancelled, token))
        self._waiters[token] = Waiter(subject, timeout, self._losses, deferred)
        return self._base + token, token, deferred

    def ask(self, asker: Asker) -> tuple[bytes, bytes]:
        """A new request of somebody who keeps its own time: its reply subject and its token.

        Raises:
            OutboxFull: Too many are in flight.
        """
        token = self._next_token()
        self._waiters[token] = asker
        return self._base + token, token

    def _next_token(self) -> bytes:
        if len(self._waiters) >= self._limit:
            raise self._full()
        self._last_token = number = self._last_token + 1
        return b"%d" % number

    def resolve(self, message: Message) -> None:
        """Give a reply to who waits for it; late, second and unknown ones are dropped."""
        waiter = self._waiters.pop(message.subject_bytes[len(self._base) :], None)
        if waiter is not None:
            waiter.answered(message)

    def expire(self, token: bytes) -> None:
        """The request's time is over."""
        waiter = self._waiters.pop(token, None)
        if waiter is not None:
            lost = isinstance(waiter, Waiter) and waiter.losses != self._losses
            timeout = cast(TimedAsker, waiter).timeout
            waiter.unanswered(RequestTimeout(as_text(waiter.subject), timeout=timeout, link_lost=lost))

    def forget(self, token: bytes) -> None:
        """The request was never sent, or nobody wants its reply any more."""
        self._waiters.pop(token, None)

    def link_lost(self) -> None:
        """Remember for all in flight that their connection was lost while they waited."""
        self._losses += 1

    def denied(self, error: PermissionDenied) -> None:
        """Fail the requests in flight to a subject that the server refused; all, when it refused the inbox."""
        if error.operation == "publish":
            tokens = [token for token, waiter in self._waiters.items() if as_text(waiter.subject) == error.subject]
        elif error.operation == "reply":
            reply = error.subject.encode("utf-8", "surrogateescape")
            token = reply[len(self._base) :]
            tokens = [token] if reply.startswith(self._base) and token in self._waiters else []
        else:
            tokens = list(self._waiters) if error.subject == self.inbox else []
        self._fail(tokens, error)

    def fail_all(self, error: NatsError) -> None:
        """End every request in flight."""
        self._fail(list(self._waiters), error)

    def _fail(self, tokens: list[bytes], error: NatsError) -> None:
        for token in tokens:
            waiter = self._waiters.pop(token, None)
            if waiter is not None:
                waiter.unanswered(error)

    def _full(self) -> OutboxFull:
        return OutboxFull(
            waiting=len(self._waiters),
            limit=self._limit,
            what="too many requests are unanswered",
            hint="wait for replies before asking more",
            unit="requests",
        )

    def _cancelled(self, token: bytes, _: Deferred[Message]) -> None:
        self._waiters.pop(token, None)
