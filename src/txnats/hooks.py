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
    """A request; it has ended with its reply, or with an error."""
    STORE = "store"
    """A publish into a stream; it has ended when the stream has answered."""
    HANDLE = "handle"
    """A message is in a handler's hands; it has ended when the handler has."""


class Operation(msgspec.Struct):
    """One thing that a client does.

    Attributes:
        kind: What.
        subject: The subject of the message.
        pattern: For ``HANDLE`` what was subscribed to, else the subject.
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
