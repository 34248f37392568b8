"""What may look on while a client works: one function, told when something begins and when it has ended.

Nothing of this costs anything for a client that has no hooks.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import TypeAlias

import msgspec

from .headers import Headers


class Kind(StrEnum):
    """What a client does."""

    PUBLISH = "publish"
    """A message leaves; it has ended when it waits to be sent."""
    REQUEST = "request"
    """A request; it has ended with its reply, with the last of many, or with an error."""
    STORE = "store"
    """A publish into a stream; it has ended when the stream has answered."""
    HANDLE = "handle"
    """A message is in a handler's hands, also in a service's or consumer's; it has ended when the handler has."""
    RECEIVE = "receive"
    """A message is taken from a subscription or consumer that has no handler. It ends at once."""
    ANSWER = "answer"
    """``message.respond``; it has ended when the answer waits to be sent."""
    SETTLE = "settle"
    """A message of a consumer is acknowledged or given back; it has ended when that waits to be sent, or is known."""
    PULL = "pull"
    """A consumer is asked for more messages; it has ended when that waits to be sent."""
    API = "api"
    """A call of JetStream's own subjects: the creation of a stream, a look at a consumer ..."""


class Operation(msgspec.Struct):
    """One thing that a client does.

    Attributes:
        kind: What.
        subject: The subject of the message.
        pattern: A name for all operations of its sort, where the subject may be another each time: what was subscribed
            to, ``STREAM > consumer`` of a consumer's messages, ``(reply)`` of answers; else the subject.
        headers: The message's headers. What is added to those of a message that leaves, leaves with it.
        size: Bytes of the payload.
    """

    kind: Kind
    subject: str
    pattern: str
    headers: Headers
    size: int


class Observation:
    """What a hook does about one operation; a subclass overrides what it needs."""

    def active(self) -> AbstractContextManager[object]:
        """Entered around the code that belongs to the operation: a handler, each of its steps included."""
        return nullcontext()

    def ended(self, error: BaseException | None) -> None:
        """The operation has ended, well or with this error."""


Hook: TypeAlias = Callable[[Operation], Observation | None]
"""Told of each operation as it begins; None when it does not care. What it raises is logged and harms nothing."""
