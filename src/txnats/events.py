"""What can happen to a client, as one union of values.

::

    async for event in client.events():
        match event:
            case Disconnected(reason, unconfirmed):
                ...

Names here are what *happened*; ``txnats.SlowConsumer`` and ``txnats.PermissionDenied`` are errors.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

import msgspec

from .errors import NatsError, RemoteProtocolError


class SubscriptionFacts(Protocol):
    """What an event tells of a subscription."""

    @property
    def subject(self) -> str: ...
    @property
    def queue(self) -> str | None: ...


class Connected(msgspec.Struct, frozen=True):
    """The first connection stands.

    Attributes:
        server: Its address, without secrets, as in every event.
    """

    server: str


class Disconnected(msgspec.Struct, frozen=True):
    """The connection is gone.

    After a move away from a lame duck it may tell of the server that was left, while the new one is in use: that one
    ended before it had confirmed all and had handed over what it still had for us, which is lost then.

    Attributes:
        reason: Why.
        unconfirmed: Publishes that were written to the socket and that the server may not have read.
        server: The server that was left.
    """

    reason: NatsError
    unconfirmed: int
    server: str


class Reconnecting(msgspec.Struct, frozen=True):
    """An attempt starts.

    Attributes:
        server: Whom it tries.
        attempt: Failures in a row of this server so far, plus one.
    """

    server: str
    attempt: int


class AttemptFailed(msgspec.Struct, frozen=True):
    """One attempt at one server failed, at the start or later; others may follow.

    Attributes:
        server: Whom it tried.
        error: Why it failed.
    """

    server: str
    error: NatsError


class Reconnected(msgspec.Struct, frozen=True):
    """The connection stands again: subscriptions, then what waited, have been handed to it.

    ``await client.flush()`` tells when the server has read them.
    """

    server: str


class Closed(msgspec.Struct, frozen=True):
    """The client has ended for good.

    Attributes:
        reason: The last error, or None when it was asked to close.
        unsent: Publishes that were accepted and never written; with ``replay_unconfirmed`` also those that were not
            written again.
        unconfirmed: Publishes that were written and that the server may not have read, beside those that Disconnected
            has told of. After ``drain`` there are none, unless its last flush failed; ``close`` does not wait for it.
    """

    reason: NatsError | None
    unsent: int = 0
    unconfirmed: int = 0


class ServersDiscovered(msgspec.Struct, frozen=True):
    """The cluster announced a change of its servers."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


class LameDuck(msgspec.Struct, frozen=True):
    """The server in use is about to shut down: the client moves to another one before it does, if there is one.

    A subscription without a queue group may get a message twice meanwhile, for as long as both servers know it; each
    counts, also towards ``max_messages``.
    """

    server: str


class SlowConsumer(msgspec.Struct, frozen=True):
    """A subscription began to fall behind: told once an episode, which ends when it has caught up.

    Attributes:
        subscription: Which one.
        dropped: Messages that it has dropped so far, in all.
    """

    subscription: SubscriptionFacts
    dropped: int


class PermissionDenied(msgspec.Struct, frozen=True):
    """The server refused one operation; all others go on.

    Attributes:
        operation: ``"publish"``, ``"subscribe"`` or ``"reply"``.
        subject: The subject.
        queue: The queue group of a refused subscription, or None.
    """

    operation: str
    subject: str
    queue: str | None = None


class AuthenticationExpired(msgspec.Struct, frozen=True):
    """The credentials have expired or were revoked; fresh ones are asked for.

    Attributes:
        text: The server's words.
    """

    text: str


class ServerErrorReported(msgspec.Struct, frozen=True):
    """The server sent an ``-ERR`` that ends nothing by itself.

    Attributes:
        text: The server's words.
    """

    text: str


class HandlerFailed(msgspec.Struct, frozen=True):
    """A handler of yours raised; the message counts as handled and all goes on.

    Attributes:
        subscription: Whose handler.
        error: What it raised.
    """

    subscription: SubscriptionFacts
    error: BaseException


class BadHeaders(msgspec.Struct, frozen=True):
    """A message with headers that cannot be read was met: told once a connection.

    Attributes:
        error: What is wrong with them.
    """

    error: RemoteProtocolError


Event: TypeAlias = (
    Connected
    | Disconnected
    | Reconnecting
    | AttemptFailed
    | Reconnected
    | Closed
    | ServersDiscovered
    | LameDuck
    | SlowConsumer
    | PermissionDenied
    | AuthenticationExpired
    | ServerErrorReported
    | HandlerFailed
    | BadHeaders
)
