"""Messages of a consumer as an iterator."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IConsumer

from ...errors import ClientClosed, InvalidArgument, NatsError
from ...message import Message
from ...options import check_seconds
from ...streams import Stream
from ...subscription import Drained
from ..base import JetStreamBase, receiver
from ..message import JsMessage
from .consuming import MakeLoop
from .feed import give_back
from .pouring import Pouring, payload_of


class Messages(Stream[JsMessage]):
    """Messages of a consumer, pulled ahead of who reads them. Made by ``messages``; it starts at once.

    ``async for message in consumer.messages()``, or ``next``, or ``collect``. It ends when it is closed or drained,
    and with an error when the consumer is gone or the client closed. Messages that were not given out are given back
    to the server when it is closed; so leaving ``async for`` loses none.

    Args:
        js: Where the consumer is.
        make_loop: Given whom to deliver to, makes what feeds it.
        name: Stream and consumer.
        settles: Whether messages have to be settled.
    """

    __slots__ = ("_client", "_given", "_loop", "_over", "_received", "_settles", "_waiting", "_watched")

    def __init__(self, js: JetStreamBase, make_loop: MakeLoop, *, name: tuple[str, str], settles: bool = True) -> None:
        super().__init__(js.client.clock)
        self._client = js.client
        self._settles = settles
        self._received = receiver(js.client, name)
        self._waiting: deque[Message] = deque()  # the loop bounds it
        self._given = 0
        self._watched = False
        self._over = False
        self._loop = make_loop(self)
        self._loop.start()

    # For the user

    def drain(self, timeout: float = 30.0) -> Deferred[Drained]:
        """Take nothing more from the server; the iterator ends behind the messages that are here.

        Args:
            timeout: Seconds; what was not read by then is given back to the server.

        Returns:
            A Deferred of what was given out and what was abandoned.
        """
        try:
            check_seconds("timeout", timeout)
        except InvalidArgument:
            return fail()
        return succeed(Drained(self._given, 0)) if self._over else self._loop.drain(timeout)

    def pour(self, target: IConsumer, render: Callable[[JsMessage], bytes] = payload_of) -> Pouring:
        """Write all messages to a Twisted consumer, as fast as it takes them.

        Each is acknowledged when it was written.

        Args:
            target: A transport, for one. It gets a streaming producer until all is over.
            render: What is written of a message; the payload by default.

        Returns:
            What does so; its ``when_done`` tells the end, and stopping it closes this iterator.
        """
        return Pouring(self, target, render)

    @property
    def pending(self) -> int:
        """Messages that wait here."""
        return len(self._waiting)

    # Stream

    def _take(self) -> JsMessage | None:
        if not self._waiting:
            return None
        message = self._waiting.popleft()
        self._given += 1
        self._loop.handed(message)
        if self._received is not None:
            self._received(message)
        return JsMessage(message, self._client)

    def _took(self) -> None:
        if self._watched and not self._waiting:
            self._loop.settled()

    def _released(self) -> None:
        self._loop.stop()
        self._give_back()

    # What feeds it

    @property
    def running(self) -> int:
        """Messages that wait to be read."""
        return len(self._waiting)

    @property
    def handled(self) -> int:
        """Messages that were given out."""
        return self._given

    def deliver(self, message: Message) -> None:
        self._waiting.append(message)
        if self._waiters:
            self._feed()

    def watch(self) -> None:
        self._watched = True

    def excuse_caller(self) -> None:
        """What was given out is not waited for."""

    def ended(self, error: NatsError | None) -> None:
        self._over = True
        if error is None or isinstance(error, ClientClosed):
            self._give_back()
        self._finish(error)

    def _give_back(self) -> None:
        while self._waiting:
            message = self._waiting.popleft()
            if self._settles:
                give_back(self._client, message)
