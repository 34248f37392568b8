"""Many messages of a stream in one request, straight from a server that holds a copy.

A page is one request: its messages come one by one, then a status that says what is left. The next page is asked for
when this one has been taken, so no more than a page waits here. A page that falls silent, as with a server that dies,
is asked for again from behind the last message that came.
Source: ADR-31, batched and multi-subject requests.
"""

from __future__ import annotations

from collections import deque

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.python.failure import Failure

from ...errors import ClientClosed, NatsError, RemoteProtocolError, RequestTimeout
from ...message import Message
from ...net.timer import cancel
from ...streams import Stream as Items
from ...subscription import EndReason, Subscription
from ..api import Api
from ..errors import JetStreamError
from ..records import encode
from .stored import SEQUENCE, GetRequest, StoredMessage, from_direct, status_error

PAGE = 256
"""Messages of a page."""
PAGE_BYTES = 4 * 1024 * 1024
SILENCE = 2.0
"""Seconds without a message after which a page is asked for again."""
END_OF_BATCH = 204
_FEATURE = ("reading many messages at once",)


class DirectMessages(Items[StoredMessage]):
    """Messages of a stream, read in pages; it starts at once.

    Args:
        api: Whom to ask.
        stream: The stream's name.
        request: What is wanted; which page of it is filled in here.
        count: Messages that are enough; None for all.
        timeout: Seconds without any progress after which it fails.

    Attributes:
        pending: Messages that are left behind the last page, as far as the server has told.
    """

    __slots__ = (
        "_api",
        "_at",
        "_inbox",
        "_is_multi",
        "_items",
        "_last_progress",
        "_left",
        "_page",
        "_paging",
        "_request",
        "_stream",
        "_subscription",
        "_timeout",
        "_timer",
        "pending",
    )

    def __init__(
        self, api: Api, stream: str, request: GetRequest, *, count: int | None = None, timeout: float | None = None
    ) -> None:
        super().__init__(api.clock)
        self._api = api
        self._stream = stream
        self._request = request
        self._left = count
        self._timeout = api.timeout if timeout is None else timeout
        self._is_multi = bool(request.multi_last)
        self._items: deque[StoredMessage] = deque()
        self._at = 0
        self._page = 0
        self._paging = True
        self._timer: IDelayedCall | None = None
        self._last_progress = self._clock.seconds()
        self.pending = 0
        self._inbox = api.client.new_inbox()
        self._subscription: Subscription | None = None
        api.require(1, _FEATURE, self._timeout).addCallbacks(self._begin, self._failed)

    def next(self, timeout: float | None = None) -> Deferred[StoredMessage]:
        """As of every iterator; the next page is asked for when this one is empty."""
        item = super().next(timeout)
        self._continue()
        return item

    # A page

    def _begin(self, _: None) -> None:
        if self._ended:
            return
        try:
            self._subscription = self._api.client.subscribe(f"{self._inbox}.*", self._accept)
            self._subscription.when_done().addCallback(self._subscription_ended, self._subscription)
        except NatsError as error:
            self._end(error)
            return
        self._ask()

    def _ask(self) -> None:
        """Ask for a page; whatever still comes of the one before is dropped by its number."""
        self._page += 1
        self._paging = True
        size = PAGE if self._left is None else min(PAGE, self._left)
        changes: dict[str, int] = {"batch": size, "max_bytes": self._request.max_bytes or PAGE_BYTES}
        request = msgspec.structs.replace(self._request, **changes)
        if self._at:
            request = msgspec.structs.replace(request, seq=self._at + 1, start_time=None)
        subject = self._api.subject(f"DIRECT.GET.{self._stream}")
        try:
            self._api.client.publish(subject, encode(request), reply=f"{self._inbox}.{self._page}")
        except NatsError as error:
            self._end(error)
        else:
            self._wait()

    def _accept(self, message: Message) -> None:
        if self._ended or not self._paging or message.subject != f"{self._inbox}.{self._page}":
            return
        try:
            if message.status is not None and not message.payload and SEQUENCE not in message.headers:
                self._status(message)
                return
            item = from_direct(message)
        except (JetStreamError, RemoteProtocolError) as error:
            self._end(error)
            return
        self._last_progress = self._clock.seconds()
        self._wait()
        self._at = item.sequence
        if self._left is not None:
            self._left -= 1
        self._items.append(item)
        self._feed()

    def _status(self, message: Message) -> None:
        """A page has ended, or there is none."""
        if message.status == END_OF_BATCH:
            self._page_ended(message)
        elif message.status == 404:
            self._end(None)
        elif message.status == 503:
            self._nobody()
        else:
            self._end(status_error(message))

    def _page_ended(self, message: Message) -> None:
        self._paging = False
        cancel(self._timer)
        self.pending = _count(message, "Nats-Num-Pending")
        self._last_progress = self._clock.seconds()
        if self._is_multi and not self._request.up_to_seq:
            # All pages are to show one moment: the stream as it was at the first.
            told = _count(message, "Nats-UpTo-Sequence")
            self._request = msgspec.structs.replace(self._request, up_to_seq=told, up_to_time=None)
        if not self.pending or self._left == 0:
            self._end(None)
        else:
            self._continue()

    def _continue(self) -> None:
        """The next page, if this one has ended and been taken."""
        if not self._paging and not self._items and not self._ended:
            self._ask()

    # What goes wrong

    def _nobody(self) -> None:
        """No server answers for this stream: is there one?"""
        cancel(self._timer)
        asked = self._api.call(f"STREAM.INFO.{self._stream}", timeout=self._timeout)
        asked.addCallbacks(self._known, self._failed)

    def _known(self, told: dict[str, object]) -> None:
        config = told.get("config")
        direct = isinstance(config, dict) and config.get("allow_direct")
        if not direct:
            self._end(JetStreamError(503, 0, "the stream has no allow_direct", where=self._stream))
        elif not self._ended:
            self._wait()

    def _wait(self) -> None:
        cancel(self._timer)
        self._timer = self._clock.callLater(SILENCE, self._silent)

    def _silent(self) -> None:
        if self._clock.seconds() - self._last_progress >= self._timeout:
            self._end(RequestTimeout(self._api.subject(f"DIRECT.GET.{self._stream}"), timeout=self._timeout))
        else:
            self._ask()

    def _subscription_ended(self, reason: EndReason, subscription: Subscription) -> None:
        if subscription.error is not None or reason is EndReason.CLIENT_CLOSED:
            self._end(subscription.error or ClientClosed())

    def _failed(self, failure: Failure) -> None:
        self._end(failure.value)

    def _end(self, error: BaseException | None) -> None:
        self._released()
        self._finish(error)

    # Stream

    def _take(self) -> StoredMessage | None:
        return self._items.popleft() if self._items else None

    def _released(self) -> None:
        self._paging = False
        cancel(self._timer)
        if self._subscription is not None:
            self._subscription.unsubscribe()
            self._subscription = None


def _count(message: Message, name: str) -> int:
    """A number that a status tells; 0 when it tells none.

    Raises:
        RemoteProtocolError: It is no number.
    """
    told = message.headers.get(name) or "0"
    if not (told.isascii() and told.isdigit() and len(told) < 20):
        raise RemoteProtocolError(f"the end of a page cannot be read: its {name} is {told!r:.40}")
    return int(told)
