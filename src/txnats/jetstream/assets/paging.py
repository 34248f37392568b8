"""Lists that a server tells page by page.

Source: ADR-1: ``offset``, ``limit`` and ``total`` of an answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from ...errors import RemoteProtocolError
from ...streams import Stream as Items
from ..api import Api
from ..records import Record

Item = TypeVar("Item")


class PageRequest(Record, frozen=True):
    """A page of a list, from ``offset`` on, of what has to do with ``subject``."""

    offset: int = 0
    subject: str = ""


def names_in(told: dict[str, Any], key: str) -> list[str]:
    """The names that an answer tells.

    Raises:
        TypeError: They are none.
    """
    names = told.get(key) or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{key} is no list of names")
    return names


class Pages(Items[Item]):
    """A list, page by page: each is asked for when the one before has been taken. The first is asked for at once.

    Args:
        api: Whom to ask.
        suffix: The subject to ask at.
        read: Makes the items of an answer; what it raises when it cannot ends the list.
        subject: Only what has to do with this subject.
        timeout: Seconds for a page.

    Attributes:
        missing: Names of which the server could not tell more in time.
        offline: Names that a server is too old for, with its reason.
    """

    __slots__ = (
        "_api",
        "_asking",
        "_is_last",
        "_items",
        "_offset",
        "_read",
        "_subject",
        "_suffix",
        "_timeout",
        "missing",
        "offline",
    )

    def __init__(
        self,
        api: Api,
        suffix: str,
        read: Callable[[dict[str, Any]], list[Item]],
        *,
        subject: str = "",
        timeout: float | None = None,
    ) -> None:
        super().__init__(api.clock)
        self.missing: list[str] = []
        self.offline: dict[str, str] = {}
        self._api = api
        self._suffix = suffix
        self._read = read
        self._subject = subject
        self._timeout = timeout
        self._offset = 0
        self._is_last = False
        self._items: deque[Item] = deque()
        self._asking: Deferred[None] | None = None
        self._ask()

    def next(self, timeout: float | None = None) -> Deferred[Item]:
        """As of every iterator; the next page is asked for when this one is empty."""
        item = super().next(timeout)
        if not self._items:
            self._ask()
        return item

    def _take(self) -> Item | None:
        return self._items.popleft() if self._items else None

    def _ask(self) -> None:
        if self._asking is not None or self._is_last or self._ended:
            return
        request = PageRequest(offset=self._offset, subject=self._subject)
        page = self._api.call(self._suffix, request, timeout=self._timeout)
        asking = page.addCallback(self._arrived)
        self._asking = asking
        asking.addErrback(self._failed)
        if asking.called:
            self._asking = None

    def _arrived(self, told: dict[str, Any]) -> None:
        self._asking = None
        if self._ended:
            return
        # Reading the items goes by what they are; what does not fit raises whatever it does.
        try:
            self.missing += told.get("missing") or []
            self.offline.update(told.get("offline") or {})
            items = self._read(told)
            # Whoever is given the last item may ask for one more at once.
            self._is_last = not items or self._offset + len(items) >= (told.get("total") or 0)
        except (TypeError, ValueError, AttributeError, LookupError) as error:
            where = self._api.subject(self._suffix)
            raise RemoteProtocolError(f"a page of a list cannot be read: {str(error)[:200]}", where=where) from None
        self._offset += len(items)
        self._items += items
        self._feed()
        if self._is_last:
            self._finish()
        elif self._waiters:
            self._ask()

    def _failed(self, failure: Failure) -> None:
        self._asking = None
        if not failure.check(CancelledError):  # that is the end of whoever reads, and told there
            self._finish(failure.value)

    def _released(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()
