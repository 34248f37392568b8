"""The front door: a client of NATS.

It joins the parts and holds no rules of its own: what may be sent is in ``subjects`` and ``wire.encode``, what is
remembered in ``state``, sockets and timers in ``net``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from types import TracebackType
from typing import Self

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from . import draining
from .answering import Answering
from .draining import DrainReport
from .errors import ClientDraining, InvalidArgument, NatsError, OperationTimeout, PayloadTooLarge
from .event_hub import EventHub, EventStream
from .handlers import Handler
from .headers import HeaderSource
from .inbox import Inbox
from .message import Message, Origin
from .net.session import Session
from .net.timer import DeadlineTimer
from .nuid import next_nuid
from .options import MOST_MESSAGES, Limits, SlowPolicy, check_count, check_policy, check_seconds
from .request_many import Replies
from .state.deadlines import Deadlines
from .state.requests import Requests
from .state.subscriptions import Subscriptions
from .state.waiters import Waiters
from .statistics import Statistics, Status
from .subjects import as_text, check_queue, check_subscribe
from .subscription import Subscription
from .wire import encode, header_block
from .wire.encode import LENGTH_LINES, SHORT
from .wire.info import ServerInfo


class Client:
    """A client of NATS. Made by ``txnats.connect``.

    Calls with one later result give a Deferred, which can be awaited, chained and cancelled; all others act at once.
    ``async with`` drains it at the end, or closes it when an exception ends the block. Its ``clock`` keeps all times,
    and replies come in by its ``inbox``, of which ``request`` is the easy face.
    """

    def __init__(
        self,
        clock: IReactorTime,
        *,
        limits: Limits,
        inbox_prefix: str,
        request_timeout: float,
        hub: EventHub,
        make_session: Callable[[Origin, Subscriptions, Requests], Session],
    ) -> None:
        self.clock = clock
        self._limits = limits
        self._inbox_prefix = inbox_prefix
        self._request_timeout = request_timeout
        self._hub = hub
        self._is_draining = False
        self._drains: Waiters[DrainReport] = Waiters()
        self._report: DrainReport | None = None
        self._subscriptions = Subscriptions()
        self._requests = Requests(inbox_prefix, limits.requests)
        self._deadlines = DeadlineTimer(
            clock, Deadlines(self._requests.__contains__, self._requests.__len__), self._requests.expire
        )
        self._heads = encode.PublishHeads(limits.control_line_out)
        self._known_head = self._heads.plain.get
        self.inbox = Inbox(self._requests, self._heads, self._open_inbox, self._send, self._deadlines.add)
        origin = Origin(self.publish, hub.bad_headers)
        self._session = make_session(origin, self._subscriptions, self._requests)
        self._session.at_end(self._deadlines.stop)
        self._add = self._session.outbox.add
        origin.answer = Answering(self._session, self.publish, limits.control_line_out)

    # Facts

    @property
    def status(self) -> Status:
        """Where it is in its life."""
        session = self._session
        if session.is_closed:
            return Status.CLOSED
        if self._is_draining:
            return Status.DRAINING
        if session.is_connected:
            return Status.CONNECTED
        return Status.RECONNECTING if session.was_connected else Status.CONNECTING

    @property
    def server_info(self) -> ServerInfo:
        """What the server in use, or the last one, tells of itself."""
        return self._session.info

    @property
    def statistics(self) -> Statistics:
        """Counts as of now."""
        session, received = self._session, self._session.received()
        return Statistics(
            messages_in=received.messages,
            bytes_in=received.message_bytes,
            messages_out=session.outbox.mark - session.outbox.again,
            bytes_out=session.outbox.payload_bytes,
            socket_bytes_in=received.socket_bytes,
            reconnects=session.reconnects,
            subscriptions=len(self._subscriptions),
            requests=len(self._requests),
            waiting_bytes=session.outbox.size,
            unconfirmed=session.outbox.unconfirmed,
        )

    def events(self) -> EventStream:
        """Everything that happens from now on, as an iterator; it ends after Closed."""
        return self._hub.stream()

    # Publish

    def publish(
        self,
        subject: str | bytes,
        payload: bytes | str = b"",
        *,
        reply: str | bytes | None = None,
        headers: HeaderSource | None = None,
    ) -> None:
        """Send a message. It leaves with others of the same reactor turn; while disconnected it is kept.

        Args:
            subject: Where to; no wildcards.
            payload: The body; text is sent as UTF-8.
            reply: Where an answer is awaited.
            headers: A Headers, a mapping or pairs.

        Raises:
            InvalidSubject, InvalidHeader, InvalidArgument: Nothing was sent.
            PayloadTooLarge: Headers and payload exceed what the server takes.
            OutboxFull: Too much waits already; ``ready_to_write`` tells when there is room.
            ClientClosed: It is closed.
        """
        try:
            head = self._known_head(subject) or self._heads.head(subject)
        except TypeError:
            head = self._heads.head(subject)  # no str or bytes: it says so
        if reply is not None:
            head += self._heads.reply(head, reply)
        if headers is not None or payload.__class__ is not bytes:
            self._send(head, payload, headers)
            return
        size = len(payload)
        if size > self._session.max_payload:
            raise PayloadTooLarge(size=size, limit=self._session.max_payload)
        self._add(head, LENGTH_LINES[size] if size < SHORT else encode.length_line(size), payload)

    def _send(self, head: bytes, payload: bytes | str, headers: HeaderSource | None) -> None:
        """Publish under a checked head, whatever kind of payload and headers there are."""
        body = payload if payload.__class__ is bytes else encode.payload_bytes(payload)
        block = b"" if headers is None else header_block.encode(headers, self._limits.header_block)
        size = len(block) + len(body)
        if size > self._session.max_payload:
            raise PayloadTooLarge(size=size, limit=self._session.max_payload)
        if headers is None:
            self._add(head, encode.length_line(size), body)
        elif size < SHORT:
            self._add(*encode.with_headers(head, block, body))
        else:
            self._session.outbox.add_with_block(b"H" + head, encode.length_lines(block, body), block, body)

    def ready_to_write(self) -> Deferred[None]:
        """Wait until few enough bytes wait to be sent (``Limits.ready_below``): back-pressure for publishers."""
        return self._session.ready_to_write()

    # Subscribe

    def subscribe(
        self,
        subject: str | bytes,
        handler: Handler | None = None,
        *,
        queue: str | bytes | None = None,
        max_messages: int | None = None,
        concurrency: int = 1,
        key: Callable[[Message], Hashable] | None = None,
        pending_messages: int | None = None,
        pending_bytes: int | None = None,
        slow_policy: SlowPolicy | str | None = None,
    ) -> Subscription:
        """Subscribe at once; the server is told in the same turn, and every later server again.

        Args:
            subject: A subject, or a pattern with ``*`` and ``>``.
            handler: Called with each message; may return a Deferred or be a coroutine function. None to read messages
                from the subscription.
            queue: Share the messages with all other members of this group.
            max_messages: End after so many.
            concurrency: Messages that may be in work at a time.
            key: Messages with the same key are handled one after the other, others up to ``concurrency`` at a time.
            pending_messages: Messages that may wait, instead of ``Limits.pending_messages``.
            pending_bytes: Bytes that may wait, instead of ``Limits.pending_bytes``.
            slow_policy: What happens beyond, instead of ``Limits.slow_policy``.

        Raises:
            InvalidSubject, InvalidArgument: Nothing was subscribed.
            ClientDraining, ClientClosed, OutboxFull: It takes no more.
        """
        pattern = check_subscribe(subject)
        group = None if queue is None else check_queue(queue)
        encode.check_subscribe_line(pattern, group, self._limits.control_line_out)
        maximum = 0 if max_messages is None else check_count("max_messages", max_messages, MOST_MESSAGES)
        self._check_open("subscribe")
        limits = self._limits
        policy = limits.slow_policy if slow_policy is None else check_policy(slow_policy)
        subscription = Subscription(
            self.clock,
            self._session,
            subject=as_text(pattern),
            queue=None if group is None else as_text(group),
            handler=handler,
            concurrency=concurrency,
            key=key,
            pending_messages=limits.pending_messages if pending_messages is None else pending_messages,
            pending_bytes=limits.pending_bytes if pending_bytes is None else pending_bytes,
            policy=policy,
        )
        entry = self._subscriptions.add(pattern, group, subscription, maximum)
        subscription.attach(entry)
        self._session.subscribe(entry)
        return subscription

    # Request

    def request(
        self,
        subject: str | bytes,
        payload: bytes | str = b"",
        *,
        timeout: float | None = None,
        headers: HeaderSource | None = None,
    ) -> Deferred[Message]:
        """Ask and wait for one reply.

        Args:
            subject: Whom to ask.
            payload: The body.
            timeout: Seconds; the client's default is 2.
            headers: As for ``publish``.

        Returns:
            A Deferred of the reply. It fails with NoResponders at once when nobody listens, with RequestTimeout, with
            PermissionDenied, with ClientClosed, or with what ``publish`` would raise. Cancelling it forgets the
            request.
        """
        try:
            seconds = self._request_timeout if timeout is None else check_seconds("timeout", timeout)
            head = self._heads.find(subject)
            if not self.inbox.is_open:
                self._open_inbox()
            reply, token, deferred = self._requests.open(subject, seconds)
        except NatsError:
            return fail()
        try:
            self._send(head + self._heads.own_reply(head, reply), payload, headers)
        except BaseException:  # also out of headers of the caller's own class: no request is left behind
            self._requests.forget(token)
            return fail()
        self._deadlines.add(seconds, token)
        return deferred

    def request_many(
        self,
        subject: str | bytes,
        payload: bytes | str = b"",
        *,
        timeout: float | None = None,
        max_messages: int | None = None,
        stall: float | None = None,
        is_last: Callable[[Message], bool] | None = None,
        headers: HeaderSource | None = None,
    ) -> Replies:
        """Ask once and take every reply: an iterator that starts at once.

        Args:
            subject: Whom to ask.
            payload: The body.
            timeout: Seconds for all of it; the client's default is 2.
            max_messages: Replies that are enough.
            stall: Seconds without a further reply that end it; None for no such end.
            is_last: Given each reply, tells the one that ends it; that one is not given out.
            headers: As for ``publish``.

        Raises:
            As ``publish`` and ``subscribe``; nothing was sent.
        """
        if max_messages is not None:
            check_count("max_messages", max_messages, MOST_MESSAGES)
        head = self._heads.find(subject)
        inbox = self.new_inbox()
        self._check_open("request")
        replies = Replies(
            self.clock,
            as_text(subject),
            limit=self._limits.pending_messages,
            timeout=self._request_timeout if timeout is None else check_seconds("timeout", timeout),
            stall=None if stall is None else check_seconds("stall", stall),
            max_messages=max_messages,
            is_last=is_last,
        )
        replies.start(self.subscribe(inbox, replies.accept), inbox, self._session.denials.when_publish_is_denied)
        try:
            self._send(head + self._heads.own_reply(head, inbox.encode()), payload, headers)
        except BaseException:
            replies.close()
            raise
        return replies

    def new_inbox(self) -> str:
        """A subject of one's own for replies, under the client's inbox prefix."""
        return f"{self._inbox_prefix}.{next_nuid()}"

    # Confirm

    def flush(self, timeout: float = 10.0) -> Deferred[None]:
        """Wait until the server has read all that was published and subscribed so far. Read, not stored.

        Returns:
            A Deferred that fails with OperationTimeout, with ConnectionLost when that cannot be told any more, or with
            PermissionDenied when the server has refused a publish since the last flush.
        """
        return self._barrier("flush", timeout).addCallback(self._check_denied)

    def rtt(self, timeout: float = 10.0) -> Deferred[float]:
        """Seconds that a PING takes to the server and back, behind what waits to be sent."""
        start = self.clock.seconds()
        return self._barrier("rtt", timeout, share=False).addCallback(lambda _: self.clock.seconds() - start)

    # End

    def drain(self, timeout: float = 30.0) -> Deferred[DrainReport]:
        """End in order: take nothing new, finish the messages that are here, send what was published, close.

        Called by a handler it does not wait for that one. Until the handlers are done ``publish`` and ``request`` work;
        ``subscribe`` and ``request_many`` raise ClientDraining.

        Args:
            timeout: Seconds for all of it; afterwards the rest is abandoned.

        Returns:
            A Deferred of what was handled, abandoned, unsent and unconfirmed. Further calls give the same report.
        """
        try:
            check_seconds("timeout", timeout)
        except InvalidArgument:
            return fail()
        if self._report is not None:
            return succeed(self._report)
        waiting = self._drains.wait()
        if not self._is_draining:
            self._is_draining = True
            self._session.drain()
            report = draining.drain(
                self.clock,
                self._active(),
                flush=self._flush_last,
                close=self.close,
                fates=self._session,
                timeout=timeout,
            )
            Deferred.fromCoroutine(report).addCallback(self._drained)
        return waiting

    def close(self) -> Deferred[None]:
        """End now: what was published is still written, what waits in subscriptions is dropped. May be called again.

        Returns:
            A Deferred that fires when the socket is gone; it does not fail. Whether the server has read what was
            written, ``drain`` waits for and this does not: Closed tells how much is unconfirmed.
        """
        self._session.close()
        return self.when_closed().addCallback(lambda _: None)

    def when_closed(self) -> Deferred[NatsError | None]:
        """Wait for the end, by whatever cause; fires with the error that caused it, or None when it was asked for."""
        return self._session.when_closed()

    def reconnect(self) -> None:
        """Leave the server in use and connect anew, as after a loss; while reconnecting, try at once."""
        self._session.reconnect()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await (self.drain() if error is None else self.close())

    # Inside

    def _drained(self, report: DrainReport) -> None:
        self._report = report
        self._drains.tell(report)

    def _active(self) -> list[Subscription]:
        """The users' subscriptions that have not ended, in the order of subscribing."""
        owners = [*self._session.lingering, *(entry.owner for entry in self._subscriptions)]
        return [owner for owner in owners if isinstance(owner, Subscription)]

    def _check_open(self, what: str) -> None:
        self._session.check_open()
        if self._is_draining:
            raise ClientDraining(what)

    def _open_inbox(self) -> None:
        self._session.check_open()
        self.inbox.is_open = True
        entry = self._subscriptions.add(self._requests.inbox.encode(), None, self.inbox)
        entry.tolerant = True  # a second reply is dropped anyway
        self._session.subscribe(entry)

    def _barrier(self, what: str, timeout: float, *, share: bool = True) -> Deferred[None]:
        try:
            check_seconds("timeout", timeout)
        except InvalidArgument:
            return fail()
        barrier = self._session.barrier(share=share, publishes=share)
        return barrier.addTimeout(
            timeout, self.clock, lambda _, seconds: Failure(OperationTimeout(what, timeout=seconds))
        )

    def _flush_last(self, timeout: float) -> Deferred[None]:
        """Flush for the last time: without a connection only if something waits for one."""
        if self._session.is_connected or len(self._session.outbox):
            return self.flush(timeout)
        return succeed(None)

    def _check_denied(self, _: None) -> None:
        denied = self._session.denials.take()
        if denied is not None:
            raise denied

    def __repr__(self) -> str:
        return f"<Client {self.status.value}, {len(self._subscriptions)} subscriptions>"
