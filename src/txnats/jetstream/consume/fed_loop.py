"""What all loops that feed a sink from a subscription have in common: who pulls, and who is pushed to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from twisted.internet.defer import Deferred
from twisted.logger import Logger, LogLevel

from ...errors import NatsError
from ...message import Message
from .events import ConsumeEvent
from .feed import Feed

OnEvent: TypeAlias = Callable[[ConsumeEvent], object]


class Sink(Protocol):
    """Who is given the messages of a loop, and says ``PullLoop.handed`` for each that it hands over.

    Of one that ``deliver`` has handed over at once it may say so by returning True instead, which is cheaper.
    """

    @property
    def running(self) -> int: ...
    @property
    def handled(self) -> int: ...
    def deliver(self, message: Message) -> bool | None: ...
    def watch(self) -> None: ...
    def excuse_caller(self) -> None: ...
    def ended(self, error: NatsError | None) -> None:
        """No more will come, and what waits cannot be settled any more if there is an error that says so."""


class FedLoop:
    """A loop on one feed at a time. A subclass makes ``_feed``, accepts what comes in by it, and ends in ``finish``.

    Args:
        sink: Gets the messages.
        on_event: Is told what is out of the ordinary.
    """

    log = Logger()
    _feed: Feed

    def __init__(self, sink: Sink, on_event: OnEvent | None) -> None:
        self._sink = sink
        self._deliver = sink.deliver
        self._on_event = on_event
        self._over = False

    @property
    def running(self) -> int:
        """Messages that the sink is not finished with."""
        return self._sink.running

    @property
    def handled(self) -> int:
        """Messages that it is finished with."""
        return self._sink.handled

    def watch(self) -> None:
        """It drains."""
        self._sink.watch()

    def excuse_caller(self) -> None:
        """As ``Handlers.excuse_caller``."""
        self._sink.excuse_caller()

    def drain(self, timeout: float) -> Deferred[Any]:
        """Take no more, finish what has come and what comes meanwhile, end. Fires with ``Drained``."""
        return self._feed.subscription.drain(timeout)

    def settled(self) -> None:
        """The sink has finished with all."""
        self._feed.subscription.settled()

    def stop(self) -> None:
        """End now. The sink gives back what waits."""
        self.finish(None)

    def feed_ended(self, error: NatsError | None) -> None:
        """The subscription has ended by itself."""
        self.finish(error)

    def finish(self, error: NatsError | None) -> None:
        """It is over, for this reason."""
        raise NotImplementedError

    def tell(self, event: ConsumeEvent | None) -> None:
        """Something is out of the ordinary."""
        if event is not None:
            tell(self.log, self._on_event, event)


def tell(log: Logger, on_event: OnEvent | None, event: ConsumeEvent) -> None:
    """Tell of an event: to the log, and to whoever wants to hear."""
    log.emit(LogLevel.warn, "{nats_event!r}", nats_event=event)
    if on_event is not None:
        try:
            on_event(event)
        except BaseException:  # noqa: BLE001  # as Twisted does with callbacks: told, and nothing else ends
            log.failure("on_event raised for {nats_event!r}", nats_event=event)
