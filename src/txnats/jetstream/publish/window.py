"""Publishing with many messages on their way: a window of bounded size, and a Deferred only for room in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...errors import InvalidArgument, InvalidOption, NatsError
from ...headers import HeaderSource
from ...hooks import Kind
from ...options import check_count, check_seconds
from ...state.pings import MOST_WAITERS
from ...state.waiters import Waiters
from .ack import PubAck
from .errors import PublisherStopped, PublishesFailed
from .headers import Expect, Ttl, gather
from .outgoing import TTL_LEVEL, Outgoing
from .publishing import Publishing

KEPT_FAILURES = 100
_OVERHEAD = 64


class Sent(Publishing):
    """A message that a publisher has taken.

    Attributes:
        ack: What the stream answered, once it has.
        error: Why it failed, once it has.
    """

    __slots__ = ("_publisher", "_waiters", "ack", "error", "size")

    def __init__(
        self,
        publisher: Publisher,
        outgoing: Outgoing,
        subject: str | bytes,
        payload: bytes | str,
        headers: HeaderSource | None,
        *,
        has_id: bool,
        timeout: float,
    ) -> None:
        super().__init__(outgoing, subject, payload, headers, has_id=has_id, timeout=timeout)
        self.ack: PubAck | None = None
        self.error: BaseException | None = None
        self.size = len(self.payload) + _OVERHEAD
        self._publisher = publisher
        self._waiters: Waiters[PubAck] | None = None

    @property
    def is_done(self) -> bool:
        """Whether its fate is known."""
        return self.ack is not None or self.error is not None

    def done(self) -> Deferred[PubAck]:
        """Its fate, as ``JetStream.publish`` tells it.

        Each call gives a Deferred of its own; cancelling it does not take the message back.
        """
        if self.ack is not None:
            return succeed(self.ack)
        if self.error is not None:
            return fail(self.error)
        if self._waiters is None:
            self._waiters = Waiters()
        return self._waiters.wait()

    def abandon(self, error: BaseException) -> None:
        """Wait for no answer."""
        self.cancel()
        self.error = error
        if self._waiters is not None:
            self._waiters.fail(error)

    def _stored(self, ack: PubAck) -> None:
        self.ack = ack
        self._publisher.one_done(self)
        if self._waiters is not None:
            self._waiters.tell(ack)

    def _failed(self, error: BaseException) -> None:
        self.error = error
        self._publisher.one_failed(self, error)
        if self._waiters is not None:
            self._waiters.fail(error)


class Publisher:
    """Publishes with up to ``max_in_flight`` messages unanswered. Made by ``JetStream.publisher``.

    ::

        async with js.publisher(max_in_flight=256) as publisher:
            for row in rows:
                await publisher.publish("rows", row)  # waits for room, not for the stream
        # here every message is stored, or PublishesFailed was raised

    Messages leave in the order of the calls. A retry may store one of them behind later ones.

    Attributes:
        log: Where it tells that ``on_failure`` raised.
        published: Messages that it has taken.
        stored: Messages that a stream has.
        failed: Messages whose fate is another.
    """

    log = Logger()

    def __init__(
        self,
        outgoing: Outgoing,
        *,
        max_in_flight: int,
        max_bytes_in_flight: int,
        timeout: float | None,
        on_failure: Callable[[Sent], object] | None,
        stop_on_failure: bool,
    ) -> None:
        self._outgoing = outgoing
        self._most = check_count("max_in_flight", max_in_flight)
        self._most_bytes = check_count("max_bytes_in_flight", max_bytes_in_flight)
        if on_failure is not None and not callable(on_failure):
            raise InvalidOption("on_failure is not callable")
        self._timeout = outgoing.api.timeout if timeout is None else check_seconds("timeout", timeout)
        self._on_failure = on_failure
        self._stop_on_failure = stop_on_failure
        self._in_flight: dict[Sent, None] = {}
        self._bytes = 0
        self._waiting: deque[tuple[Sent, Deferred[Sent]]] = deque()
        self._all: Waiters[None] = Waiters()
        self._failures: list[Sent] = []
        self._untold = 0
        self._is_closed = False
        self._abandoned: PublisherStopped | None = None
        self.published = 0
        self.stored = 0
        self.failed = 0

    @property
    def in_flight(self) -> int:
        """Messages whose fate is not known yet."""
        return len(self._in_flight)

    def publish(
        self,
        subject: str | bytes,
        payload: bytes | str = b"",
        *,
        headers: HeaderSource | None = None,
        message_id: str | None = None,
        ttl: Ttl | None = None,
        expect: Expect | None = None,
    ) -> Deferred[Sent]:
        """Publish as soon as there is room; the arguments are those of ``JetStream.publish``.

        Returns:
            A Deferred that fires when the message has been sent: at once as long as there is room. Its fate is in
            what it fires with. It fails with what is wrong with the arguments, with PublisherStopped after a failure,
            or when the publisher is closed. Await it before the next call: only so is the window a bound.
        """
        if ttl is not None and not self._outgoing.is_known(TTL_LEVEL):
            asked = Deferred.fromCoroutine(self._outgoing.require(TTL_LEVEL, "ttl"))
            return asked.addCallback(
                lambda _: self.publish(subject, payload, headers=headers, message_id=message_id, ttl=ttl, expect=expect)
            )
        watched = None
        if self._outgoing.watch is not None:
            watched = self._outgoing.watch(Kind.STORE, subject, payload, headers)
            headers = watched.headers or None
        try:
            self._check_open()
            has_id = False
            if headers is not None or message_id is not None or ttl is not None or expect is not None:
                headers, has_id = gather(headers, message_id, ttl, expect)
            sent = Sent(self, self._outgoing, subject, payload, headers, has_id=has_id, timeout=self._timeout)
            if watched is not None:
                watched.until(sent.done()).addErrback(_told)
        except NatsError:
            return fail()
        except TypeError:
            return fail(InvalidArgument(f"a payload is bytes or str, not {type(payload).__name__}"))
        if self._has_room and not self._waiting:
            try:
                self._start(sent)
            except BaseException:  # noqa: BLE001  # also out of headers of the caller's own class
                return fail()
            return succeed(sent)
        if len(self._waiting) >= MOST_WAITERS:
            return fail(InvalidArgument("too many publishes wait for room", hint="await one before the next"))
        waiter: Deferred[Sent] = Deferred(self._forget)
        self._waiting.append((sent, waiter))
        return waiter

    def flush(self) -> Deferred[None]:
        """Wait for the fate of all that was published so far and since.

        Returns:
            A Deferred that fails with PublishesFailed when one of them failed and nobody was told of that yet, with
            PublisherStopped when some were abandoned, before or meanwhile: their fate is not known.
        """
        if self._abandoned is not None:
            return fail(self._abandoned)
        waiting: Deferred[None] = self._all.wait() if self._in_flight or self._waiting else succeed(None)
        return waiting.addCallback(self._report)

    def close(self) -> Deferred[None]:
        """Take nothing more and wait as ``flush`` does. May be called again."""
        self._is_closed = True
        return self.flush()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, PublisherStopped):
            await self.close()
        else:
            self.abandon()

    def abandon(self) -> None:
        """Take nothing more and wait for nothing: what has left may be stored, and is not sent again."""
        self._is_closed = True
        stopped = PublisherStopped("it was abandoned")
        flying, self._in_flight, self._bytes = list(self._in_flight), {}, 0
        if flying or self._waiting:
            self._abandoned = stopped
        for sent in flying:
            sent.abandon(stopped)
        self._turn_away(stopped)
        self._all.fail(stopped)

    # What becomes of the messages

    def one_done(self, sent: Sent) -> None:
        """A stream has it."""
        self.stored += 1
        self._landed(sent)

    def one_failed(self, sent: Sent, error: BaseException) -> None:
        """It has failed."""
        self.failed += 1
        if self._on_failure is None:
            self._untold += 1
            if len(self._failures) < KEPT_FAILURES:
                self._failures.append(sent)
            if self._stop_on_failure:
                self._turn_away(self._stopped())
        else:
            try:
                self._on_failure(sent)
            except BaseException:  # noqa: BLE001  # as Twisted does with callbacks: told, and nothing else ends
                self.log.failure("on_failure raised for {error}", error=error)
        self._landed(sent)

    def _landed(self, sent: Sent) -> None:
        if self._in_flight.pop(sent, self) is None:
            self._bytes -= sent.size
        # Room is given out when there is some for many: what leaves together comes back together.
        if self._waiting and 2 * len(self._in_flight) <= self._most and 2 * self._bytes <= self._most_bytes:
            while self._waiting and self._has_room:
                waiting, waiter = self._waiting.popleft()
                try:
                    self._start(waiting)
                except BaseException:  # noqa: BLE001  # also out of headers of the caller's own class
                    waiter.errback()
                else:
                    waiter.callback(waiting)
        if self._all and not self._in_flight and not self._waiting:
            self._all.tell(None)

    @property
    def _has_room(self) -> bool:
        return len(self._in_flight) < self._most and self._bytes < self._most_bytes

    def _start(self, sent: Sent) -> None:
        sent.start()
        self._in_flight[sent] = None
        self._bytes += sent.size
        self.published += 1

    def _turn_away(self, error: PublisherStopped) -> None:
        """Fail those that wait for room: they were never sent."""
        waiting, self._waiting = self._waiting, deque()
        for _, waiter in waiting:
            waiter.errback(error)

    def _forget(self, waiter: Deferred[Sent]) -> None:
        """Somebody waits for room no longer: that message is not sent."""
        self._waiting = deque(each for each in self._waiting if each[1] is not waiter)

    def _check_open(self) -> None:
        if self._is_closed:
            raise PublisherStopped("it is closed")
        self._check_failed()

    def _check_failed(self) -> None:
        if self._untold and self._stop_on_failure:
            raise self._stopped()

    def _stopped(self) -> PublisherStopped:
        first = self._failures[0].error if self._failures else None
        return PublisherStopped("a publish failed", first)

    def _report(self, _: None) -> None:
        if self._untold:
            failures, self._failures = self._failures, []
            count, self._untold = self._untold, 0
            raise PublishesFailed(tuple(failures), count)


def _told(_: Failure) -> None:
    """Whoever publishes hears of it in other ways."""
