"""What a watcher is to tell of, and how: the seam between it and what is watched."""

from __future__ import annotations

from enum import Enum
from inspect import isawaitable
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred

from ...message import Message
from ..assets.consumer_config import ConsumerConfig
from ..delivery import Delivery

Made_co = TypeVar("Made_co", covariant=True)


class Marker(Enum):
    """What a watcher gives out that is no entry."""

    END_OF_INITIAL = "end of the initial values"


END_OF_INITIAL = Marker.END_OF_INITIAL


class Read(Protocol[Made_co]):
    """Makes what is given out of a delivered message.

    Attributes:
        stream: The stream that is watched.
        config: What to deliver.
        updates_only: There are no initial values.
        marker: ``END_OF_INITIAL`` is given out.
        ends: It ends with the initial values.
        keys_only: It is subjects that are wanted, each once.
    """

    stream: str
    config: ConsumerConfig
    updates_only: bool
    marker: bool
    ends: bool
    keys_only: bool

    def item(self, message: Message, delivery: Delivery) -> Made_co | None:
        """The item; None when this message is not wanted."""

    def gone(self) -> BaseException:
        """The error that says that there is no such stream."""


def waiting_for(result: object) -> Deferred[object] | None:
    """What a handler has to be waited for by, if it has."""
    if isinstance(result, Deferred):
        return result
    return Deferred.fromCoroutine(_awaited(result)) if isawaitable(result) else None


async def _awaited(awaitable: Any) -> object:
    return await awaitable
