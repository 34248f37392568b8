"""Many deadlines behind one timer: a heap whose dead entries are swept out before they outnumber the living."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")

_SWEEP_ABOVE = 1024


class Deadlines(Generic[Key]):
    """When each key is due.

    Args:
        is_alive: Whether a key still waits; one that does not is dropped in silence.
        living: How many keys wait at the moment.
    """

    __slots__ = ("_count", "_heap", "_is_alive", "_living")

    def __init__(self, is_alive: Callable[[Key], bool], living: Callable[[], int]) -> None:
        self._heap: list[tuple[float, int, Key]] = []
        self._count = 0
        self._is_alive = is_alive
        self._living = living

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, when: float, key: Key) -> bool:
        """Note a deadline; True when it is now the earliest, so that the timer has to be set anew."""
        heap = self._heap
        if len(heap) > _SWEEP_ABOVE and len(heap) > 2 * self._living():
            self._heap = heap = [entry for entry in heap if self._is_alive(entry[2])]
            heapq.heapify(heap)
        self._count += 1
        entry = (when, self._count, key)
        heapq.heappush(heap, entry)
        return heap[0] is entry

    def next(self) -> float | None:
        """The earliest deadline of a key that still waits."""
        heap = self._heap
        while heap and not self._is_alive(heap[0][2]):
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def due(self, now: float) -> list[Key]:
        """Take out the keys whose time has come, earliest first."""
        keys = []
        heap = self._heap
        while heap and heap[0][0] <= now:
            key = heapq.heappop(heap)[2]
            if self._is_alive(key):
                keys.append(key)
        return keys

    def clear(self) -> None:
        """Forget all."""
        self._heap.clear()
