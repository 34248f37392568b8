"""Messages that wait in one subscription: bounded, and given out in order, by key if there is one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from enum import Enum, auto
from typing import Protocol

from ..message import Message
from ..options import SlowPolicy


class Order(Protocol):
    """Which waiting message comes next."""

    def __len__(self) -> int: ...
    def append(self, message: Message) -> None: ...
    def take(self) -> Message | None:
        """The next one that may be handled now; whoever takes it says ``done`` when it is."""

    def done(self, message: Message) -> None: ...
    def drop_oldest(self) -> Message: ...
    def clear(self) -> None:
        """Drop all that waits."""


class Arrival:
    """In the order of arrival."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        # Most subscriptions never have to queue, and an empty deque is 600 bytes.
        self._waiting: deque[Message] | None = None

    def __len__(self) -> int:
        return len(self._waiting) if self._waiting else 0

    def append(self, message: Message) -> None:
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(message)

    def take(self) -> Message | None:
        return self._waiting.popleft() if self._waiting else None

    def done(self, message: Message) -> None:
        pass

    def drop_oldest(self) -> Message:
        assert self._waiting is not None
        return self._waiting.popleft()

    def clear(self) -> None:
        self._waiting = None


class ByKey:
    """In the order of arrival for each key: a key's next message waits until its last one is done.

    Keys take turns, so that one busy key does not keep the others waiting. A key is known only while one of its
    messages waits or is in work.

    Args:
        key: The key of a message.
    """

    __slots__ = ("_busy", "_count", "_key", "_ready", "_waiting")

    def __init__(self, key: Callable[[Message], Hashable]) -> None:
        self._key = key
        self._waiting: dict[Hashable, deque[tuple[Message, Hashable]]] = {}
        # Keys with a waiting message and none in work, in the order in which their turn comes.
        self._ready: deque[Hashable] = deque()
        self._busy: dict[int, Hashable] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, message: Message) -> None:
        key = self._key(message)
        lane = self._waiting.get(key)
        if lane is None:
            self._waiting[key] = lane = deque()
            if key not in self._busy.values():
                self._ready.append(key)
        lane.append((message, key))
        self._count += 1

    def take(self) -> Message | None:
        if not self._ready:
            return None
        key = self._ready.popleft()
        message = self._pop(key)
        self._busy[id(message)] = key
        return message

    def done(self, message: Message) -> None:
        key = self._busy.pop(id(message))
        if key in self._waiting:
            self._ready.append(key)

    def drop_oldest(self) -> Message:
        """The longest waiting message of the key whose lane was opened first."""
        key = next(iter(self._waiting))
        message = self._pop(key)
        if key not in self._waiting and key in self._ready:
            self._ready.remove(key)
        return message

    def clear(self) -> None:
        self._waiting.clear()
        self._ready.clear()
        self._count = 0

    def _pop(self, key: Hashable) -> Message:
        lane = self._waiting[key]
        message, _ = lane.popleft()
        if not lane:
            del self._waiting[key]
        self._count -= 1
        return message


class Offer(Enum):
    """What became of a message that was offered to a backlog."""

    TAKEN = auto()
    DROPPED = auto()
    """It, or an older one in its favour, was dropped."""
    SLOW = auto()
    """As DROPPED, and it is the first of an episode."""
    FULL = auto()
    """It was taken, and no more should come until there is room (policy pause)."""
    FAILED = auto()
    """It was dropped, and the subscription has to end (policy error)."""


TAKEN = Offer.TAKEN


class Backlog:
    """Waiting messages under their limits.

    An episode of dropping begins with the first drop and ends when half of the limits is free again.

    Args:
        order: Which comes next.
        messages: How many may wait.
        size: How many bytes of headers and payloads may wait.
        policy: What happens beyond.

    Attributes:
        dropped: Messages dropped so far.
        size: Bytes that wait.
    """

    __slots__ = ("_max_messages", "_max_size", "_order", "_policy", "_slow", "dropped", "size")

    def __init__(self, order: Order, *, messages: int, size: int, policy: SlowPolicy) -> None:
        self._order = order
        self._max_messages = messages
        self._max_size = size
        self._policy = policy
        self._slow = False
        self.dropped = 0
        self.size = 0

    def __len__(self) -> int:
        return len(self._order)

    @property
    def has_room(self) -> bool:
        """Whether half of the limits is free."""
        return 2 * len(self._order) <= self._max_messages and 2 * self.size <= self._max_size

    def offer(self, message: Message) -> Offer:
        """Put a message at the end, if it fits."""
        if len(self._order) < self._max_messages and self.size + message.size <= self._max_size:
            return self._put(message)
        match self._policy:
            case SlowPolicy.PAUSE:
                self._put(message)
                return Offer.FULL
            case SlowPolicy.ERROR:
                self.dropped += 1
                return Offer.FAILED
            case SlowPolicy.DROP_OLD if message.size <= self._max_size:
                while not self._fits(message):
                    self.size -= self._order.drop_oldest().size
                    self.dropped += 1
                self._put(message)
            case SlowPolicy.DROP_OLD | SlowPolicy.DROP_NEW:
                self.dropped += 1
        first, self._slow = not self._slow, True
        return Offer.SLOW if first else Offer.DROPPED

    def take(self) -> Message | None:
        """The next message that may be handled now."""
        message = self._order.take()
        if message is not None:
            self.size -= message.size
            if self._slow and self.has_room:
                self._slow = False
        return message

    def done(self, message: Message) -> None:
        """A message that was taken has been handled."""
        self._order.done(message)

    def clear(self) -> int:
        """Throw away all that waits; gives how many."""
        count = len(self._order)
        self._order.clear()
        self.size = 0
        return count

    def _fits(self, message: Message) -> bool:
        return len(self._order) < self._max_messages and self.size + message.size <= self._max_size

    def _put(self, message: Message) -> Offer:
        self._order.append(message)
        self.size += message.size
        return Offer.TAKEN
