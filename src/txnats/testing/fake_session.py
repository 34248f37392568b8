"""What the in-memory server does about each command of a client. Bytes, timers and sockets are its connection's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from . import texts
from .commands import Command, Connect, Ping, Publish, Subscribe, Unsubscribe, Violation
from .faults import Faults
from .logins import ConnectOptions
from .permissions import Permissions
from .routing import Interest
from .subscribers import FakeSubscription, Subscriber


class Line(Protocol):
    """The way to the client."""

    def send(self, data: bytes) -> None: ...
    def fail(self, text: str | None) -> None:
        """Say an error, if there is a text, and close."""

    def later(self, seconds: float, call: Callable[[], object]) -> None: ...


class House(Protocol):
    """What a session needs of its server."""

    @property
    def faults(self) -> Faults: ...
    @property
    def interest(self) -> Interest[Subscriber]: ...
    @property
    def login_required(self) -> bool: ...
    def admit(self, options: ConnectOptions) -> Permissions | None:
        """What this client may do; None when it may not come in."""

    def connect_info(self, line: Any) -> bytes:
        """The INFO that answers CONNECT."""

    def route(self, message: Publish, source: object) -> bool:
        """Hand a message to all who are to have it; whether there were any."""


class FakeSession:
    """A client's session: who it is, what it may do, what it has subscribed to."""

    def __init__(self, server: House, line: Line) -> None:
        self.options = ConnectOptions()
        self.permissions = Permissions(None)
        self.subscriptions: dict[bytes, FakeSubscription] = {}
        self.greeted = False
        self._server = server
        self._line = line
        self._fields: dict[str, Any] = {}
        self._ponged = False

    @property
    def login_due(self) -> bool:
        """Whether nothing but CONNECT may come."""
        return self._server.login_required and not self.greeted

    def obey(self, command: Command) -> None:
        """Do what the client says."""
        if self.login_due and not isinstance(command, Connect):
            self._line.fail(texts.AUTHORIZATION)
            return
        match command:
            case Connect(fields):
                self._connect(fields)
            case Ping():
                self._ping()
            case Publish():
                self._publish(command)
            case Subscribe():
                self._subscribe(command)
            case Unsubscribe(sid, max_messages):
                self._unsubscribe(sid, max_messages)
            case Violation(text):
                self._line.fail(text)

    def end(self) -> None:
        """It is over: nothing more is for it."""
        for sid in list(self.subscriptions):
            self.unsubscribe(sid)

    # The commands

    def _connect(self, fields: dict[str, Any]) -> None:
        # A second CONNECT changes what it names, and takes back all subscriptions.
        self._fields |= fields
        self.end()
        try:
            self.options = msgspec.convert(self._fields, ConnectOptions)
        except msgspec.ValidationError:
            self._line.fail(None)
            return
        permissions = self._server.admit(self.options)
        refusal = self._server.faults.refuse_login or self._refusal(permissions)
        if refusal is not None or permissions is None:
            self._line.fail(refusal)
            return
        self.permissions = permissions
        self.greeted = True
        self._ok()

    def _refusal(self, permissions: Permissions | None) -> str | None:
        options = self.options
        if permissions is None:
            return texts.AUTHORIZATION
        if options.protocol not in (0, 1):
            return texts.BAD_PROTOCOL
        return texts.NEEDS_HEADERS if options.no_responders and not options.headers else None

    def _ping(self) -> None:
        faults = self._server.faults
        if faults.withhold_pongs:
            return
        if faults.pong_delay:
            self._line.later(faults.pong_delay, self._pong)
        else:
            self._pong()

    def _pong(self) -> None:
        self._line.send(b"PONG\r\n")
        if self.greeted and not self._ponged:
            self._ponged = True
            if self.options.protocol >= 1:
                self._line.send(self._server.connect_info(self._line))

    def _publish(self, command: Publish) -> None:
        if self.options.pedantic and not texts.is_literal(command.subject):
            self._line.send(texts.error(texts.INVALID_PUBLISH_SUBJECT))
        refusal = texts.publish_refusal(command, self.permissions)
        if refusal is not None:
            self._line.send(texts.error(refusal))
            return
        self._ok()
        delivered = self._server.route(command, self)
        if not delivered and command.reply is not None and self.options.no_responders:
            self._tell_no_responders(command, command.reply)

    def _tell_no_responders(self, command: Publish, reply: bytes) -> None:
        for subscriber in self._server.interest.match(reply)[0]:
            if isinstance(subscriber, FakeSubscription) and subscriber.receiver is self:
                self._line.send(texts.no_responders(command.subject, reply, subscriber.sid))
                return

    def _subscribe(self, command: Subscribe) -> None:
        refusal = texts.subscribe_refusal(command, self.permissions)
        if refusal is not None:
            self._line.send(texts.error(refusal))
            return
        if command.sid not in self.subscriptions:
            subscription = FakeSubscription(self, command)
            try:
                self._server.interest.add(command.subject, command.queue, subscription)
            except ValueError:
                self._line.send(texts.error(texts.INVALID_SUBJECT))
                return
            self.subscriptions[command.sid] = subscription
        self._ok()

    def _unsubscribe(self, sid: bytes, max_messages: int) -> None:
        self._ok()
        subscription = self.subscriptions.get(sid)
        if subscription is None:
            return
        if max_messages > subscription.delivered:
            subscription.max_messages = max_messages
        else:
            self.unsubscribe(sid)

    def _ok(self) -> None:
        if self.options.verbose:
            self._line.send(b"+OK\r\n")

    # What a subscription asks

    @property
    def echo(self) -> bool:
        """Whether it is to have its own messages."""
        return self.options.echo

    def send_message(self, message: Publish, sid: bytes) -> None:
        """MSG, or HMSG for a client that knows headers."""
        self._line.send(texts.message(message, sid, with_headers=self.options.headers))

    def unsubscribe(self, sid: bytes) -> None:
        """Forget a subscription."""
        subscription = self.subscriptions.pop(sid)
        subscription.ended = True
        self._server.interest.remove(subscription.subject, subscription.queue, subscription)
