"""Pour messages into a Twisted consumer: written as fast as it takes them, acknowledged when written."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IConsumer, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from ...errors import EndOfStream, NatsError
from ...state.waiters import Waiters
from ...streams import Stream
from ..message import JsMessage


def payload_of(message: JsMessage) -> bytes:
    """What is written of a message unless told otherwise."""
    return message.payload


@implementer(IPushProducer)
class Pouring:
    """An iterator's messages on their way into a consumer. Made by ``Messages.pour``.

    Args:
        source: The iterator. It is closed when the target wants no more.
        target: The consumer.
        render: What is written of a message.
    """

    def __init__(self, source: Stream[JsMessage], target: IConsumer, render: Callable[[JsMessage], bytes]) -> None:
        self._source = source
        self._target = target
        self._render = render
        self._paused = False
        self._over = False
        self._error: BaseException | None = None
        self._done: Waiters[int] = Waiters()
        self._next: Deferred[None] | None = None
        self.written = 0
        target.registerProducer(self, True)
        self._go_on()

    def when_done(self) -> Deferred[int]:
        """Fires with the number of messages when all was written or the target wanted no more.

        It fails with the error that ended the iterator, or that ``render`` or the target raised, or with why an
        acknowledgement could not be sent: that message comes again, although it was written.
        """
        if not self._over:
            return self._done.wait()
        return succeed(self.written) if self._error is None else fail(self._error)

    # IPushProducer

    def pauseProducing(self) -> None:
        """Write nothing more for now."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Go on."""
        self._paused = False
        self._go_on()

    def stopProducing(self) -> None:
        """The target wants no more: the iterator is closed, which gives back what was not written."""
        self._finish(None)

    # Inside

    def _go_on(self) -> None:
        while not (self._paused or self._over) and self._next is None:
            waiting = self._source.next().addCallbacks(self._write, self._ended)
            if not waiting.called:
                self._next = waiting
                waiting.addBoth(self._written)

    def _write(self, message: JsMessage) -> None:
        if self._over:
            _give_back(message)
            return
        try:
            self._target.write(self._render(message))
            message.ack()
        except BaseException as error:  # noqa: BLE001  # the target, the user's render or the ack: told by when_done
            _give_back(message)
            self._finish(error)
            return
        self.written += 1

    def _written(self, _: object) -> None:
        self._next = None
        self._go_on()

    def _ended(self, failure: Failure) -> None:
        self._finish(None if failure.check(EndOfStream) else failure.value)

    def _finish(self, error: BaseException | None) -> None:
        if self._over:
            return
        self._over = True
        self._error = error
        self._target.unregisterProducer()
        self._source.close()
        if error is None:
            self._done.tell(self.written)
        else:
            self._done.fail(error)


def _give_back(message: JsMessage) -> None:
    with suppress(NatsError):  # the client is closed or full: then ack_wait brings it back
        message.nak()
