"""Messages in order, each once: over as many consumers as it takes."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ... import events as core
from ...errors import ClientClosed, NatsError, RemoteProtocolError
from ...message import Message
from ...net.timer import cancel
from ...statistics import Status
from ...subscription import Drained
from ..base import JetStreamBase
from ..delivery import Delivery, delivery_of
from ..errors import ConsumerNotFound, JetStreamError, StreamNotFound
from .events import ConsumeEvent, HeartbeatsMissed, Recreated
from .fed_loop import OnEvent, Sink, tell
from .ordered_cursor import OrderedCursor
from .pull_budget import PullBudget
from .pull_loop import PullLoop

CREATE_TIMEOUT = 5.0
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0
_MOST_LEFT = 64


class OrderedLoop:
    """Keeps one consumer after the other and lets through what is the next message, and nothing else.

    Args:
        js: Where the stream is.
        stream: Its name.
        cursor: Where it stands.
        make_budget: The rules of pulling, for a consumer of this name.
        sink: Gets the messages.
        on_event: Is told what is out of the ordinary.
        on_created: Is told what the server says of each consumer that was created.
        most: Messages that are kept.

    Attributes:
        delivery: What the reply subject of the last message tells that was let through.
    """

    log = Logger()

    def __init__(
        self,
        js: JetStreamBase,
        stream: str,
        *,
        cursor: OrderedCursor,
        make_budget: Callable[[str], PullBudget],
        sink: Sink,
        on_event: OnEvent | None,
        on_created: Callable[[dict[str, Any]], object] | None,
        most: int,
    ) -> None:
        self._js = js
        self._client = js.client
        self._stream = stream
        self._cursor = cursor
        self._make_budget = make_budget
        self._sink = sink
        self._deliver = sink.deliver
        self._on_event = on_event
        self._on_created = on_created
        self._most = most
        self.delivery: Delivery | None = None
        self._over = False
        self._failures = 0
        self._held = 0
        self._part: _Part | None = None
        # Names of consumers that may still be there.
        self._left: deque[str] = deque(maxlen=_MOST_LEFT)
        self._creating: Deferred[Any] | None = None
        self._later: IDelayedCall | None = None
        self._connected = self._client.status is Status.CONNECTED
        self._events = self._client.events().call(self._told, self._parting)

    def start(self) -> None:
        """Create the first consumer; without a connection, as soon as there is one."""
        if self._connected:
            self._create()

    # Messages

    def arrived(self, part: _Part, message: Message) -> bool:
        """A consumer has delivered a message. Whether it is handed over already, or dropped."""
        delivery = delivery_of(message.reply_bytes or b"")
        if part is not self._part or delivery is None:
            return True
        if not self._cursor.arrived(delivery.revision, delivery.number):
            self._renew("a message is missing")
            return True
        self._held += 1
        self.delivery = delivery
        if not self._deliver(message):
            return False
        self._held -= 1
        return True

    def handed(self, message: Message) -> None:
        """A message was handed over."""
        self._held -= 1
        if self._part is not None:
            self._part.loop.handed(message)

    # The end

    def drain(self, timeout: float) -> Deferred[Any]:
        """Pull no more, finish what has come, end."""
        if self._part is not None:
            return self._part.loop.drain(timeout)
        handled = self._sink.handled
        self.finish(None)
        return succeed(Drained(handled, 0))

    def settled(self) -> None:
        """The sink has finished with all."""
        if self._part is not None:
            self._part.loop.settled()

    def stop(self) -> None:
        """End now."""
        self.finish(None)

    def finish(self, error: NatsError | None) -> None:
        """It is over, for this reason. Its consumer is deleted."""
        if self._over:
            return
        self._over = True
        cancel(self._later)
        self._events.close()
        if self._creating is not None:
            self._creating.cancel()
        self._leave()
        if not isinstance(error, (ClientClosed, StreamNotFound)):
            self._delete_left()
        self._sink.ended(error)

    def _parting(self, _: NatsError | None) -> None:
        """The client is about to close: the consumers go while that can be said. Its end comes with Closed."""
        while self._left:
            self._forget_by_publish(self._left.popleft())

    def part_ended(self, part: _Part, error: NatsError | None) -> None:
        """The loop on one consumer has ended by itself."""
        if part is not self._part:
            return
        if error is None or isinstance(error, (ClientClosed, StreamNotFound)):
            self.finish(error)
        else:
            self._renew(str(error))

    def told(self, part: _Part, event: ConsumeEvent) -> None:
        """Something out of the ordinary befell one of the loops."""
        if part is not self._part:
            return
        tell(self.log, self._on_event, event)
        if isinstance(event, HeartbeatsMissed):
            self._renew("heartbeats were missed")

    # One consumer after the other

    def _leave(self) -> None:
        """Take nothing more from the consumer in use."""
        part, self._part = self._part, None
        if part is not None:
            part.loop.stop()

    def _renew(self, why: str) -> None:
        """Go on with another consumer."""
        if self._over or self._creating is not None or (self._later and self._later.active()):
            return
        self._leave()
        self._cursor.renew()
        last = self._cursor.last_sequence
        start = None if last is None else last + 1
        tell(self.log, self._on_event, Recreated(self._cursor.name, start, why))
        if self._connected:
            self._create()

    def _create(self) -> None:
        self._later = None
        name = self._cursor.name
        self._left.append(name)
        body = json.dumps({"stream_name": self._stream, "config": self._cursor.config(), "action": "create"}).encode()
        suffix = f"CONSUMER.CREATE.{self._stream}.{name}"
        self._creating = creating = self._js.api.call(suffix, body, timeout=CREATE_TIMEOUT, repeatable=False)
        creating.addCallbacks(self._created, self._not_created)

    def _created(self, info: dict[str, Any]) -> None:
        self._creating = None
        self._failures = 0
        if self._over:
            return
        try:
            self._cursor.created(*_begins(info))
        except RemoteProtocolError as error:
            self.finish(error)
            return
        if not self._connected:
            return  # the next connection brings another one
        budget = self._make_budget(self._cursor.name)
        budget.held = self._held
        try:
            self._part = _Part(self, self._cursor.name, budget)
        except NatsError as error:  # the client drains
            self.finish(error)
            return
        self._part.loop.start()
        self._delete_left()
        if self._on_created is not None:
            try:
                self._on_created(info)
            except BaseException:  # noqa: BLE001  # as Twisted does with callbacks: told, and nothing else ends
                self.log.failure("on_created raised for {name}", name=self._cursor.name)

    def _not_created(self, failure: Failure) -> None:
        self._creating = None
        failure.trap(NatsError, CancelledError)
        error = failure.value
        if self._over or not self._connected:
            return
        if isinstance(error, (StreamNotFound, ClientClosed)):
            self.finish(error)
        elif isinstance(error, JetStreamError) and 400 <= error.code < 500 and error.code != 408 and not self._failures:
            self.finish(error)  # it cannot be configured like that
        else:
            self._failures += 1
            self._cursor.renew()
            seconds = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(self._failures - 1, 10))
            self._later = self._client.clock.callLater(seconds, self._create)

    def _delete_left(self) -> None:
        """Delete all consumers but the one in use."""
        in_use = None if self._part is None else self._part.name
        for name in [each for each in self._left if each != in_use]:
            if self._over:
                self._forget_by_publish(name)
            else:
                self._forget_by_call(name)

    def _forget_by_publish(self, name: str) -> None:
        """Nobody waits for the answer any more, and the client may drain: it goes out with all else."""
        try:
            self._client.publish(self._js.api.subject(f"CONSUMER.DELETE.{self._stream}.{name}"))
        except NatsError as error:
            self.log.debug("consumer {name} is left to its inactive threshold: {error}", name=name, error=error)

    def _forget_by_call(self, name: str) -> None:
        deleting = self._js.api.call(f"CONSUMER.DELETE.{self._stream}.{name}", timeout=CREATE_TIMEOUT)
        deleting.addCallbacks(self._is_deleted, self._not_deleted, callbackArgs=(name,), errbackArgs=(name,))

    def _is_deleted(self, _: object, name: str) -> None:
        if name in self._left:
            self._left.remove(name)

    def _not_deleted(self, failure: Failure, name: str) -> None:
        failure.trap(NatsError)
        if isinstance(failure.value, (ConsumerNotFound, StreamNotFound)):
            self._is_deleted(None, name)
        # Else it is tried again with the next consumer, or at the end.

    # Connections

    def _told(self, event: core.Event) -> None:
        match event:
            case core.Disconnected() if self._connected and self._client.status is Status.RECONNECTING:
                self._connected = False
                cancel(self._later)
                self._later = None
                self._leave()
                if self._creating is not None:
                    self._creating.cancel()
            case core.Connected() | core.Reconnected():
                again = self._connected
                self._connected = True
                if self._part is not None:
                    self._renew("the connection is new")
                elif not again and self._creating is None and self._later is None:
                    self._resume()
            case core.Closed(reason):
                self.finish(ClientClosed(reason))

    def _resume(self) -> None:
        if self._left:
            self._renew("the connection is new")
        else:
            self._create()


def _begins(info: dict[str, Any]) -> tuple[int, int]:
    """Where a new consumer begins: the stream sequence before that, and how much is there for it."""
    try:
        delivered = info.get("delivered") or {}
        return int(delivered.get("stream_seq") or 0), int(info.get("num_pending") or 0)
    except (TypeError, ValueError, AttributeError):
        raise RemoteProtocolError("the answer that created a consumer cannot be read") from None


class _Part:
    """One consumer: what its loop tells, with its name on it."""

    def __init__(self, owner: OrderedLoop, name: str, budget: PullBudget) -> None:
        self._owner = owner
        self.name = name
        self.deliver: Callable[[Message], bool] = partial(owner.arrived, self)
        self.loop = PullLoop(
            owner._js,
            owner._stream,
            name,
            budget=budget,
            sink=self,
            on_event=lambda event: owner.told(self, event),
            pins=False,
            most=owner._most,
            settles=False,
        )

    @property
    def running(self) -> int:
        return self._owner._sink.running

    @property
    def handled(self) -> int:
        return self._owner._sink.handled

    def watch(self) -> None:
        if self._owner._part is self:
            self._owner._sink.watch()

    def excuse_caller(self) -> None:
        self._owner._sink.excuse_caller()

    def ended(self, error: NatsError | None) -> None:
        self._owner.part_ended(self, error)
