"""Receiving from a push consumer."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from ...options import check_count, check_seconds
from ..base import JetStreamBase
from ..message import JsMessage
from .consuming import Consuming, JsHandler, MakeLoop
from .fed_loop import OnEvent, Sink
from .messages import Messages
from .push_loop import PushLoop

MOST = 65_536


class Push:
    """A push consumer, to receive from. It holds nothing and needs no closing.

    Args:
        js: Where the consumer is.
        stream: Its stream's name.
        consumer: Its name.
        deliver_subject: As it is configured.
        deliver_group: As it is configured: members of the group share the messages.
        heartbeat: Its ``idle_heartbeat`` in seconds; 0 for none, then a silent server is not noticed.
        settles: False for ``ack_policy`` none.
    """

    def __init__(
        self,
        js: JetStreamBase,
        stream: str,
        consumer: str,
        *,
        deliver_subject: str,
        deliver_group: str | None = None,
        heartbeat: float = 0.0,
        settles: bool = True,
    ) -> None:
        self._js = js
        self._stream = stream
        self._consumer = consumer
        self._subject = deliver_subject
        self._group = deliver_group
        self._heartbeat = check_seconds("heartbeat", heartbeat)
        self._settles = settles

    def messages(self, *, max_messages: int = MOST, on_event: OnEvent | None = None) -> Messages:
        """All messages from now on, as an iterator.

        Args:
            max_messages: Messages that may wait here; further ones are given back to the server, or dropped if they
                need not be settled. With flow control the server waits for those that were handed over.
            on_event: Called with what is out of the ordinary.

        Raises:
            InvalidOption: ``max_messages`` is no positive number.
            ClientDraining, ClientClosed: The client takes nothing new.
        """
        return Messages(self._js, self._looping(max_messages, on_event), settles=self._settles)

    def consume(
        self,
        handler: JsHandler,
        *,
        max_messages: int = MOST,
        concurrency: int = 1,
        key: Callable[[JsMessage], Hashable] | None = None,
        on_event: OnEvent | None = None,
    ) -> Consuming:
        """Call a handler with all messages from now on.

        Args:
            handler: Called with each message; may return a Deferred or be a coroutine function.
            max_messages: As for ``messages``.
            concurrency: Messages that may be in work at a time.
            key: Messages with the same key are handled one after the other, others up to ``concurrency`` at a time.
            on_event: Likewise.

        Raises:
            As ``messages``.
        """
        return Consuming(
            self._js,
            handler,
            self._looping(max_messages, on_event),
            concurrency=concurrency,
            key=key,
            most=max_messages,
            on_event=on_event,
            name=(self._stream, self._consumer),
            settles=self._settles,
        )

    def _looping(self, max_messages: int, on_event: OnEvent | None) -> MakeLoop:
        check_count("max_messages", max_messages)

        def make(sink: Sink) -> PushLoop:
            return PushLoop(
                self._js,
                self._stream,
                self._consumer,
                deliver_subject=self._subject,
                deliver_group=self._group,
                heartbeat=self._heartbeat,
                sink=sink,
                on_event=on_event,
                most=max_messages,
                settles=self._settles,
            )

        return make
