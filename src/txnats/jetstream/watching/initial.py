"""Where the initial values of a watcher end. It answers, and acts nothing.

The initial values are those that the bucket had when the watcher was made. Their end is told once, whatever happens:
keys that expire before they are sent, more updates than there are keys, a consumer that is made anew in between.

Source: ADR-8; the rules on the stream's last sequence and on asking are additions.
"""

from __future__ import annotations

from enum import Enum, auto


class End(Enum):
    """Where the end of the initial values is."""

    NOT_HERE = auto()
    BEFORE = auto()
    """Before this entry, which is an update."""
    AFTER = auto()
    """After this entry, which was the last of them."""
    ASK = auto()
    """Perhaps after this entry: the server should be asked whether it has more."""


# Looking up a member is slow before Python 3.12, and this one is the answer to almost every message.
NOT_HERE, _ASK = End.NOT_HERE, End.ASK


class InitialValues:
    """Counts the initial values.

    Attributes:
        is_over: Their end was told.
    """

    __slots__ = ("_expected", "_highest", "_last_sequence", "_seen", "is_over")

    def __init__(self) -> None:
        self.is_over = False
        self._expected = 0
        self._seen = 0
        self._highest = 0
        self._last_sequence: int | None = None

    def created(self, pending: int) -> bool:
        """A consumer stands: the first one, or one that goes on behind the last message that came.

        Args:
            pending: Messages that it is going to deliver, as the answer to its creation tells.

        Returns:
            Whether there is nothing to wait for, so that this is the end.
        """
        self._expected, self._seen = pending, 0
        return pending == 0 and self._over()

    def stream_ends_at(self, sequence: int) -> bool:
        """The stream's last sequence, asked for when the watch began.

        Returns:
            Whether all up to there has come already, so that this is the end.
        """
        self._last_sequence = sequence
        return self._highest >= sequence and self._seen > 0 and self._over()

    def seen(self, sequence: int, pending: int, *, counts: bool = True) -> End:
        """A message came, wanted or not.

        Args:
            sequence: Its stream sequence.
            pending: How many the server had for the consumer behind it.
            counts: False for another revision of a key that was seen, when it is keys that are counted.
        """
        if self.is_over:
            return NOT_HERE
        self._seen += counts
        self._highest = sequence
        last = self._last_sequence
        if last is not None and sequence > last:
            # What there was at the start lies behind us.
            self._over()
            return End.BEFORE
        if self._seen >= self._expected or sequence == last:
            self._over()
            return End.AFTER
        # Some that were counted have gone meanwhile; or it is 0 only for a moment.
        return NOT_HERE if pending else _ASK

    def asked(self, pending: int) -> bool:
        """The server was asked, all that it had delivered being here, and had so many left for the consumer.

        Returns:
            Whether this is the end.
        """
        return pending == 0 and self._over()

    def _over(self) -> bool:
        told, self.is_over = self.is_over, True
        return not told
