"""Receiving from a pull consumer."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from twisted.internet.defer import Deferred, fail

from ...errors import InvalidOption, NatsError, OperationTimeout
from ...options import check_count, check_seconds
from ..base import JetStreamBase
from ..message import JsMessage
from .consuming import Consuming, JsHandler, MakeLoop
from .fed_loop import OnEvent, Sink
from .fetch_budget import FetchBudget
from .fetching import Fetch
from .messages import Messages
from .pull_budget import BATCH_OF_BYTES, SHORTEST_EXPIRES, PullBudget
from .pull_loop import PullLoop
from .pull_request import Priority

MAX_MESSAGES = 500
MAX_WAIT = 5.0
EXPIRES = 30.0
LONGEST_HEARTBEAT, SHORTEST_HEARTBEAT = 30.0, 0.1


class Pull:
    """A pull consumer, to receive from. It holds nothing and needs no closing.

    Args:
        js: Where the consumer is.
        stream: Its stream's name.
        consumer: Its name.
    """

    def __init__(self, js: JetStreamBase, stream: str, consumer: str) -> None:
        self._js = js
        self._stream = stream
        self._consumer = consumer

    # Once

    def next(self, max_wait: float = MAX_WAIT, *, priority: Priority | None = None) -> Deferred[JsMessage]:
        """The next message.

        Args:
            max_wait: Seconds to wait for it.
            priority: For consumers with priority groups.

        Returns:
            A Deferred of it; it fails with OperationTimeout when none came, and else as ``fetch``.
        """

        def only(messages: list[JsMessage]) -> JsMessage:
            if not messages:
                raise OperationTimeout(f"waiting for a message of {self._consumer!r}", timeout=max_wait)
            return messages[0]

        return self.fetch(1, max_wait, priority=priority).addCallback(only)

    def fetch(
        self, messages: int, max_wait: float = MAX_WAIT, *, priority: Priority | None = None
    ) -> Deferred[list[JsMessage]]:
        """Up to so many messages, as soon as they are there or the time is over.

        Args:
            messages: How many at most.
            max_wait: Seconds to wait for them.
            priority: For consumers with priority groups.

        Returns:
            A Deferred of a list; empty when none came, fewer when the time was over. It goes on over a reconnect.
            Cancelling it gives what has come back to the server. It fails with ConsumerNotFound, StreamNotFound,
            ConsumerDeleted, ConsumerIsPush, PullLimitExceeded, BadPullRequest, JetStreamUnavailable (nobody served it
            all the time), or ClientClosed.
        """
        return self._fetch(messages, None, max_wait, no_wait=False, priority=priority)

    def fetch_bytes(
        self,
        max_bytes: int,
        max_wait: float = MAX_WAIT,
        *,
        messages: int = BATCH_OF_BYTES,
        priority: Priority | None = None,
    ) -> Deferred[list[JsMessage]]:
        """Messages of up to so many bytes in all: subjects, reply subjects, headers and payloads.

        Returns:
            As ``fetch``; it fails with MessageExceedsMaxBytes when not even the first message fits.
        """
        return self._fetch(messages, max_bytes, max_wait, no_wait=False, priority=priority)

    def fetch_no_wait(
        self, messages: int, max_wait: float = MAX_WAIT, *, priority: Priority | None = None
    ) -> Deferred[list[JsMessage]]:
        """Up to so many of the messages that are there now.

        Args:
            messages: How many at most.
            max_wait: Seconds to wait for the server's answer.
            priority: For consumers with priority groups.
        """
        return self._fetch(messages, None, max_wait, no_wait=True, priority=priority)

    def _fetch(
        self, messages: int, size: int | None, max_wait: float, *, no_wait: bool, priority: Priority | None
    ) -> Deferred[list[JsMessage]]:
        try:
            check_count("messages", messages, BATCH_OF_BYTES)
            check_seconds("max_wait", max_wait)
            if size is not None:
                check_count("max_bytes", size)
            budget = FetchBudget(
                f"{self._stream} > {self._consumer}", messages=messages, size=size, no_wait=no_wait, priority=priority
            )
            return Fetch(self._js, self._stream, self._consumer, budget, max_wait).done
        except NatsError:
            return fail()

    # For long

    def messages(
        self,
        *,
        max_messages: int | None = None,
        max_bytes: int | None = None,
        expires: float = EXPIRES,
        heartbeat: float | None = None,
        threshold: int | None = None,
        priority: Priority | None = None,
        on_event: OnEvent | None = None,
    ) -> Messages:
        """All messages from now on, as an iterator that pulls ahead.

        Args:
            max_messages: Messages that may be asked for and wait here; 500 if ``max_bytes`` is not given either.
            max_bytes: Bytes that may.
            expires: Seconds that one pull waits at the server, at least 1.
            heartbeat: Seconds of silence after which the server says that it is there; at most half of ``expires``,
                which is the default, too, up to 30. After two in a row without a sign a new pull is sent.
            threshold: Pull again when no more messages than this are asked for or wait; half of the messages by
                default.
            priority: For consumers with priority groups.
            on_event: Called with what is out of the ordinary: see ``txnats.jetstream.consume.events``.

        Raises:
            InvalidOption: One is out of its range.
            ClientDraining, ClientClosed: The client takes nothing new.
        """
        make, _ = self._looping(max_messages, max_bytes, expires, heartbeat, threshold, priority, on_event)
        return Messages(self._js, make)

    def consume(
        self,
        handler: JsHandler,
        *,
        max_messages: int | None = None,
        max_bytes: int | None = None,
        expires: float = EXPIRES,
        heartbeat: float | None = None,
        threshold: int | None = None,
        concurrency: int = 1,
        key: Callable[[JsMessage], Hashable] | None = None,
        priority: Priority | None = None,
        on_event: OnEvent | None = None,
    ) -> Consuming:
        """Call a handler with all messages from now on.

        A message that the handler does not settle comes again after the consumer's ``ack_wait``.

        Args:
            handler: Called with each message; may return a Deferred or be a coroutine function.
            max_messages: As for ``messages``, as is all that is not named here.
            max_bytes: Likewise.
            expires: Likewise.
            heartbeat: Likewise.
            threshold: Likewise.
            concurrency: Messages that may be in work at a time.
            key: Messages with the same key are handled one after the other, others up to ``concurrency`` at a time.
            priority: Likewise.
            on_event: Likewise.

        Raises:
            As ``messages``.
        """
        make, most = self._looping(max_messages, max_bytes, expires, heartbeat, threshold, priority, on_event)
        return Consuming(
            self._js,
            handler,
            make,
            concurrency=concurrency,
            key=key,
            most=most,
            on_event=on_event,
            name=(self._stream, self._consumer),
        )

    def _looping(  # noqa: PLR0917  # called from these two places
        self,
        max_messages: int | None,
        max_bytes: int | None,
        expires: float,
        heartbeat: float | None,
        threshold: int | None,
        priority: Priority | None,
        on_event: OnEvent | None,
    ) -> tuple[MakeLoop, int]:
        """What makes the loop, and how many messages it may hold."""
        if max_messages is None:
            max_messages = MAX_MESSAGES if max_bytes is None else BATCH_OF_BYTES
        check_count("max_messages", max_messages, BATCH_OF_BYTES)
        if max_bytes is not None:
            check_count("max_bytes", max_bytes)
        if check_seconds("expires", expires) < SHORTEST_EXPIRES:
            raise InvalidOption(f"expires is {expires!r}", why=f"it is at least {SHORTEST_EXPIRES:g} s")
        if heartbeat is None:
            heartbeat = min(LONGEST_HEARTBEAT, expires / 2)
        if not SHORTEST_HEARTBEAT <= check_seconds("heartbeat", heartbeat) <= expires / 2:
            raise InvalidOption(
                f"heartbeat is {heartbeat!r}",
                why=f"it is {SHORTEST_HEARTBEAT:g} s to half of expires ({expires / 2:g} s)",
            )
        if threshold is None:
            threshold = max(1, max_messages // 2)
        elif check_count("threshold", threshold) > max_messages:
            raise InvalidOption(f"threshold is {threshold}", why=f"it is at most max_messages ({max_messages})")
        most = 2 * max_messages
        counted = max_messages

        def make(sink: Sink) -> PullLoop:
            budget = PullBudget(
                self._stream,
                self._consumer,
                messages=counted,
                size=max_bytes,
                expires=expires,
                heartbeat=heartbeat,
                threshold=threshold,
                size_threshold=(max_bytes or 0) // 2,
                priority=priority,
            )
            return PullLoop(
                self._js,
                self._stream,
                self._consumer,
                budget=budget,
                sink=sink,
                on_event=on_event,
                pins=priority is not None,
                most=most,
            )

        return make, most
