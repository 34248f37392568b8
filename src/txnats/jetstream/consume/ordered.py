"""Receiving in order, each message once, without acknowledgements."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from ...nuid import next_nuid
from ...options import check_count, check_seconds
from ..base import JetStreamBase
from ..message import JsMessage
from ..records import Record, to_wire
from .consuming import Consuming, JsHandler
from .fed_loop import OnEvent, Sink
from .messages import Messages
from .ordered_cursor import OrderedCursor
from .ordered_loop import OrderedLoop
from .pull_budget import BATCH_OF_BYTES, PullBudget

MAX_MESSAGES = 500
EXPIRES = 30.0
HEARTBEAT = 5.0


class Ordered:
    """A stream, to be read in order. It holds nothing and needs no closing: what it gives out does.

    Each iterator or handler reads by a consumer of its own, which is made anew when anything is out of order, and
    deleted at the end.

    Args:
        js: Where the stream is.
        stream: Its name.
        config: A ConsumerConfig: what to deliver and from where on, and nothing about names or acknowledgements.

    Raises:
        InvalidOption: The configuration is not that of an ordered consumer.
    """

    def __init__(self, js: JetStreamBase, stream: str, config: Record | None = None, *, name_prefix: str = "") -> None:
        self._js = js
        self._stream = stream
        self._config = {} if config is None else to_wire(config)
        self._name_prefix = name_prefix
        OrderedCursor(self._config, "")

    def messages(
        self,
        *,
        max_messages: int = MAX_MESSAGES,
        heartbeat: float = HEARTBEAT,
        on_event: OnEvent | None = None,
        on_created: Callable[[dict[str, Any]], object] | None = None,
    ) -> Messages:
        """All messages, as an iterator.

        Args:
            max_messages: Messages that are asked for ahead and may wait here.
            heartbeat: Seconds, up to 15: after two without a sign of the server the consumer is made anew.
            on_event: Called with what is out of the ordinary, each new consumer included.
            on_created: Called with what the server says of each consumer that was created.

        Raises:
            InvalidOption: One is out of its range.
            ClientDraining, ClientClosed: The client takes nothing new.
        """
        make, _ = self._looping(max_messages, heartbeat, on_event, on_created)
        return Messages(self._js, make, settles=False)

    def consume(
        self,
        handler: JsHandler,
        *,
        max_messages: int = MAX_MESSAGES,
        heartbeat: float = HEARTBEAT,
        concurrency: int = 1,
        key: Callable[[JsMessage], Hashable] | None = None,
        on_event: OnEvent | None = None,
        on_created: Callable[[dict[str, Any]], object] | None = None,
    ) -> Consuming:
        """Call a handler with all messages; with ``concurrency`` 1, one after the other in order.

        Args:
            handler: Called with each message; may return a Deferred or be a coroutine function.
            max_messages: As for ``messages``, as is all that is not named here.
            heartbeat: Likewise.
            concurrency: Messages that may be in work at a time.
            key: Messages with the same key are handled one after the other, others up to ``concurrency`` at a time.
            on_event: Likewise.
            on_created: Likewise.

        Raises:
            As ``messages``.
        """
        make, most = self._looping(max_messages, heartbeat, on_event, on_created)
        return Consuming(
            self._js,
            handler,
            make,
            concurrency=concurrency,
            key=key,
            most=most,
            on_event=on_event,
            name=(self._stream, "ordered"),
            settles=False,
        )

    def deliver_to(
        self,
        sink: Sink,
        *,
        max_messages: int = MAX_MESSAGES,
        heartbeat: float = HEARTBEAT,
        on_event: OnEvent | None = None,
        on_created: Callable[[dict[str, Any]], object] | None = None,
    ) -> OrderedLoop:
        """All messages, for those who keep them themselves.

        Args:
            sink: Gets each message; when it is done with one it tells the loop so by ``handed``, which makes room.
            max_messages: As for ``messages``, as is all that is not named here.
            heartbeat: Likewise.
            on_event: Likewise.
            on_created: Likewise.

        Returns:
            The loop, which has not been started.
        """
        make, _ = self._looping(max_messages, heartbeat, on_event, on_created)
        return make(sink)

    def _looping(
        self,
        max_messages: int,
        heartbeat: float,
        on_event: OnEvent | None,
        on_created: Callable[[dict[str, Any]], object] | None,
    ) -> tuple[Callable[[Sink], OrderedLoop], int]:
        check_count("max_messages", max_messages, BATCH_OF_BYTES)
        check_seconds("heartbeat", heartbeat)
        cursor = OrderedCursor(self._config, self._name_prefix or next_nuid())
        most = 2 * max_messages

        def budget(name: str) -> PullBudget:
            return PullBudget(
                self._stream,
                name,
                messages=max_messages,
                size=None,
                expires=EXPIRES,
                heartbeat=min(heartbeat, EXPIRES / 2),
                threshold=max_messages // 2,
                size_threshold=0,
            )

        def make(sink: Sink) -> OrderedLoop:
            return OrderedLoop(
                self._js,
                self._stream,
                cursor=cursor,
                make_budget=budget,
                sink=sink,
                on_event=on_event,
                on_created=on_created,
                most=most,
            )

        return make, most
