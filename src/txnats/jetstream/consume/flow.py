"""The rules of a push consumer: flow control, and whether anything got lost.

Answers and acts nothing: ``push_loop`` obeys. Source: ADR-4 (control messages) and the server's consumer code.
"""

from __future__ import annotations

from collections import deque

from .events import Gap

MOST_UNANSWERED = 64


class Flow:
    """What was delivered and handed over, and what the server is to be told of it.

    Args:
        counts: Whether gaps can be seen: not in a queue group, whose members share the messages.
    """

    __slots__ = ("_base", "_counts", "_since", "_unanswered", "delivered", "handed")

    def __init__(self, *, counts: bool) -> None:
        self._counts = counts
        self._unanswered: deque[tuple[int, bytes]] = deque(maxlen=MOST_UNANSWERED)
        # Consumer sequence of the message before the first that was counted, and how many were.
        self._base: int | None = None
        self._since = 0
        self.delivered = 0
        self.handed = 0

    @property
    def held(self) -> int:
        """Messages that were not handed over."""
        return self.delivered - self.handed

    @property
    def needs_base(self) -> bool:
        """Whether ``count_from`` should be told of the next message."""
        return self._base is None and self._counts

    def count_from(self, consumer_sequence: int) -> None:
        """The next message to arrive has this consumer sequence: what is before it does not count."""
        self._base = consumer_sequence - 1
        self._since = 0

    def restart(self) -> None:
        """The connection is new: what was on the old one is lost, and will come again if it has to be settled."""
        self._base = None
        self._unanswered.clear()

    def arrived(self) -> None:
        """A message came."""
        self.delivered += 1
        self._since += 1

    def control(self, reply: bytes) -> bytes | None:
        """The server wants an empty message there, once all that came before is handed over; gives it if that is now.

        Else it is given by ``took``.
        """
        if not self.held:
            return reply
        if not self._unanswered or self._unanswered[-1][1] != reply:
            self._unanswered.append((self.delivered, reply))
        return None

    def took(self) -> bytes | None:
        """A message was handed over; gives where the server now wants an empty message, if anywhere."""
        self.handed += 1
        if self._unanswered and self._unanswered[0][0] <= self.handed:
            return self._unanswered.popleft()[1]
        return None

    def heartbeat(self, last_delivered: int, last_arrived: int | None) -> Gap | None:
        """The server says what it delivered last.

        Args:
            last_delivered: Its consumer sequence.
            last_arrived: That of the last message that came; None when none did.
        """
        if not self._counts or self._base is None or last_arrived is None:
            return None
        expected = self._base + self._since
        if expected == last_arrived == last_delivered:
            return None
        self.count_from(last_delivered + 1)
        return Gap(expected + 1, last_delivered)
