"""What happens when a connection comes, speaks and goes: where the pure memory and the sockets meet.

The supervisor says which connection is in use; the connection says what the server told; this file keeps subscriptions,
requests, publishes and events true to both.
"""

from __future__ import annotations

from collections.abc import Callable
from sys import maxsize
from typing import Protocol

from twisted.internet.defer import Deferred, DeferredList

from .. import events
from ..errors import ClientClosed, ConnectionLost, NatsError
from ..state.outbox import Outbox
from ..state.requests import Requests
from ..state.server_errors import Meaning, meaning, refusal
from ..state.servers import Server, Servers
from ..state.subscriptions import Entry, Subscriptions
from ..state.waiters import Waiters
from ..wire import encode
from ..wire.info import ServerInfo
from .barriers import Barriers
from .connection import Connection
from .denials import Denials
from .handover import Handover
from .received import Received
from .supervisor import Supervisor
from .writer import Writer


class Lingering(Protocol):
    """A subscription that still has something to do."""

    def client_closed(self, reason: NatsError | None) -> None: ...


class Session:
    """One client's link to its servers, over all connections.

    Args:
        subscriptions: What a new server has to be told.
        requests: What ends with the client.
        writer: Where bytes leave.
        servers: The pool.
        tell: Gets every event.

    Attributes:
        info: The newest INFO of the server in use, or of the last one; a bare one before the first connection.
        max_payload: Bytes of headers and payload that this server takes.
        supervisor: To be set once, before it starts.
        reconnects: Connections after the first.
        unsent: Publishes that were never written when the client closed.
        denials: What the server refused.
    """

    def __init__(
        self,
        *,
        subscriptions: Subscriptions,
        requests: Requests,
        writer: Writer,
        servers: Servers,
        tell: Callable[[events.Event], None],
    ) -> None:
        self.supervisor: Supervisor
        self.info = ServerInfo(headers=True)
        self.max_payload = self.info.max_payload
        self.reconnects = 0
        self.unsent = 0
        self._received = Received(0, 0, 0)
        self._subscriptions = subscriptions
        self._requests = requests
        self._writer = writer
        self._servers = servers
        self._tell = tell
        self._open: set[Connection] = set()
        self._ducks: set[Connection] = set()
        self._pausing: set[object] = set()
        self._handover = Handover(subscriptions, writer, lambda: not self._pausing)
        self._barriers = Barriers(writer)
        # Subscriptions that the server knows no longer, with messages that wait or are in work.
        self._lingering: dict[Lingering, None] = {}
        self._endings: list[Callable[[], None]] = []
        self._partings: list[Callable[[NatsError | None], None]] = []
        self.denials = Denials(subscriptions, requests)
        self._first: Deferred[None] | None = None
        self._was_connected = False
        self._refused_payload = False
        self._was_started = False
        self._closing: Waiters[NatsError | None] = Waiters()
        self._is_closed = False
        self._reason: NatsError | None = None

    # What the client asks

    @property
    def outbox(self) -> Outbox:
        """What waits to be sent."""
        return self._writer.outbox

    @property
    def forsaken(self) -> int:
        """Publishes so far that were sent and that nobody can vouch for, and that are not sent again."""
        return self.outbox.forsaken

    @property
    def is_connected(self) -> bool:
        """Whether a connection takes publishes."""
        return self._writer.connection is not None

    @property
    def was_connected(self) -> bool:
        """Whether there has been one."""
        return self._was_connected

    @property
    def was_started(self) -> bool:
        """Whether it was asked to connect."""
        return self._was_started

    @property
    def is_closed(self) -> bool:
        """True once it has ended, though sockets may still be closing."""
        return self._is_closed

    @property
    def reason(self) -> NatsError | None:
        """The error that ended it, if one did."""
        return self._reason

    def received(self) -> Received:
        """What came in over all connections."""
        return sum(map(Received.over, self._open), self._received)

    def opened(self, connection: Connection) -> None:
        """A connection was made: the end of the client waits for its socket."""
        self._open.add(connection)
        connection.ended.addCallback(lambda _: self._socket_gone(connection))

    def start(self) -> Deferred[None]:
        """Get connected. Fires at the first connection, fails when the client closes before; cancelling closes it."""
        waiter: Deferred[None] = Deferred(lambda _: self._give_up_first())
        self._first = waiter
        self._was_started = True
        self.supervisor.start()
        return waiter

    def drain(self) -> None:
        """From now on the loss of the connection is the end."""
        self.supervisor.drain()

    def close(self) -> None:
        """End."""
        self.supervisor.close(None)

    def reconnect(self) -> None:
        """Leave the connection in use and get another."""
        server = "" if self._writer.connection is None else self._writer.connection.server
        self.supervisor.reconnect(ConnectionLost(server, "a reconnect was asked for"))

    def when_closed(self) -> Deferred[NatsError | None]:
        """Fires with the reason once all is over and no socket is left."""
        waiter = self._closing.wait()
        self._check_closed()
        return waiter

    def check_open(self) -> None:
        """Refuse something new once the client ends, or while the server does not take what it was told before.

        Raises:
            ClientClosed: It has ended.
            OutboxFull: Too many commands wait to be sent.
        """
        if self._is_closed:
            raise self._closed_error()
        self.outbox.check_commands()

    def ready_to_write(self) -> Deferred[None]:
        """Fires when few enough bytes wait."""
        return self._writer.ready()

    @property
    def lingering(self) -> list[Lingering]:
        """Subscriptions that are fed no more and have not ended."""
        return list(self._lingering)

    def at_end(self, end: Callable[[], None]) -> None:
        """Call this when the client closes."""
        self._endings.append(end)

    def before_end(self, part: Callable[[NatsError | None], None]) -> None:
        """Call this when the client is about to close and still connected: what is published then is written."""
        self._partings.append(part)

    # Home: what a subscription asks

    def tell(self, event: events.Event) -> None:
        self._tell(event)

    def subscribe(self, entry: Entry) -> None:
        """Tell the server of a new entry; a later server is told everything anyway."""
        command = encode.subscribe(entry.subject, entry.queue, entry.sid)
        self._command(command if not entry.maximum else command + encode.unsubscribe(entry.sid, entry.maximum))

    def unsubscribe(self, entry: Entry) -> None:
        self._subscriptions.remove(entry)
        self._unsubscribe(entry)

    def linger(self, subscription: Lingering, lingers: bool) -> None:
        if lingers:
            self._lingering[subscription] = None
        else:
            self._lingering.pop(subscription, None)

    def limit(self, entry: Entry, max_messages: int) -> bool:
        self.outbox.check_commands()
        goes_on = self._subscriptions.limit(entry, max_messages)
        if goes_on:
            self._to_server(encode.unsubscribe(entry.sid, max_messages - entry.earlier))
            self._handover.limit(entry)
        return goes_on

    def stop_feeding(self, entry: Entry) -> Deferred[None]:
        entry.draining = True
        self._unsubscribe(entry)
        # Without a connection nothing can come, so there is nothing to wait for.
        connection = self._writer.connection
        heard = [*([] if connection is None else [self._barriers.of(connection)]), *self._handover.heard()]
        return DeferredList(heard, consumeErrors=True).addCallback(lambda _: self._forget(entry))

    def barrier(self, *, share: bool = True, publishes: bool = False) -> Deferred[None]:
        """Fires when the server has read all that was sent; see ``Barriers.wait``."""
        return self._barriers.wait(share=share, publishes=publishes)

    def pause(self, subscription: object, paused: bool) -> None:
        before = bool(self._pausing)
        (self._pausing.add if paused else self._pausing.discard)(subscription)
        if before != bool(self._pausing):
            for connection in [each for each in self._open if each.is_live]:
                if self._pausing:
                    connection.pause_reading()
                else:
                    connection.resume_reading()

    def _unsubscribe(self, entry: Entry) -> None:
        self._command(encode.unsubscribe(entry.sid))
        self._handover.let_go(entry)

    def _forget(self, entry: Entry) -> None:
        self._subscriptions.remove(entry)

    def _command(self, command: bytes) -> None:
        """SUB or UNSUB for the connection in use, and for the one that is being prepared to take over."""
        self._to_server(command)
        self._handover.command(command)

    def _to_server(self, command: bytes) -> None:
        if self._writer.connection is not None:
            self.outbox.add_command(command)

    # Owner: what the supervisor tells

    def dialing(self, server: Server, *, again: bool) -> None:
        if again:
            self._tell(events.Reconnecting(server.name, server.failures + 1))

    def failed(self, server: Server, error: NatsError) -> None:
        self._tell(events.AttemptFailed(server.name, error))

    def up(self, connection: Connection, server: Server, *, again: bool) -> None:
        # Subscriptions first: a publish that waits may be a request whose reply would else find nobody.
        self._subscriptions.adopt(self._subscriptions.counts())
        self._writer.attach(connection, self._subscriptions.replay())
        if self._pausing:
            connection.pause_reading()
        self._barriers.up(connection)
        if connection.info is not None:
            self._note(connection.info)
        self._was_connected = True
        if again:
            self.reconnects += 1
            self._tell(events.Reconnected(server.name))
        else:
            self._tell(events.Connected(server.name))
        if connection.info is not None:
            self._learn(connection, connection.info)
        first, self._first = self._first, None
        if first is not None:
            first.callback(None)

    def down(self, connection: Connection, server: Server, reason: NatsError) -> None:
        self._ducks.discard(connection)
        self._requests.link_lost()
        # What this server found too large would be found so again, and cut every connection.
        again, self._refused_payload = not self._refused_payload, False
        unconfirmed = self._writer.detach(again=again)
        self._handover.down()
        self._tell(events.Disconnected(reason, unconfirmed, server.name))
        self._barriers.down(reason)

    def prepare(self, connection: Connection) -> Deferred[None]:
        return self._handover.prepare(connection)

    def switch(self, old: Connection, new: Connection, server: Server) -> None:
        self._ducks.discard(old)
        left = self._handover.left
        if left is not None:
            self._forsake(left, ConnectionLost(left.server, "it was left and has not confirmed what it was handed"))
        self._handover.switch(old, new)
        if self._pausing:
            new.pause_reading()
        if new.info is not None:
            self._note(new.info)
        self.reconnects += 1
        self._tell(events.Reconnected(server.name))
        if new.info is not None:
            self._learn(new, new.info)

    def closed(self, reason: NatsError | None, connection: Connection | None) -> None:
        if self._is_closed:
            return
        if connection is not None:
            for part in self._partings:
                part(reason)
        self._is_closed = True
        self._reason = reason
        if connection is not None:
            self._writer.finish()
        self.unsent = self._writer.stop(reason)
        error = self._closed_error()
        for each in list(self._open):
            if each is connection or self._handover.is_leaving(each):
                each.close()
            else:
                each.fail(error)
        self._barriers.end(error)
        self._requests.fail_all(error)
        for entry in self._subscriptions.clear():
            entry.owner.client_closed(reason)
        for each_lingering in self.lingering:
            each_lingering.client_closed(reason)
        for end in self._endings:
            end()
        self._tell(events.Closed(reason, self.unsent, self.outbox.unconfirmed))
        self._end_first(reason or error)
        self._check_closed()

    # Listener: what a connection tells

    def confirmed(self, connection: Connection, mark: int) -> None:
        self._handover.confirmed(connection, mark)
        if not self.outbox.is_split:
            self._barriers.joined()

    def ask(self, connection: Connection) -> None:
        if connection is self._writer.connection:
            self._writer.ping(connection)

    def writable(self, connection: Connection) -> None:
        # Of whichever connection: what one that was left confirms makes room too.
        self._writer.pump()

    def lost(self, connection: Connection, reason: NatsError) -> None:
        self._forsake(connection, reason)
        self.supervisor.lost(connection, reason)

    def informed(self, connection: Connection, info: ServerInfo) -> None:
        if connection is self._writer.connection:
            self._learn(connection, info)

    def error(self, connection: Connection, text: str) -> None:
        match meaning(text):
            case Meaning.DENIED:
                self._tell(self.denials.receive(text))
            case Meaning.FATAL:
                self.supervisor.close(refusal(connection.server, text))
            case Meaning.REFUSED:
                connection.because(refusal(connection.server, text))
            case Meaning.EXPIRED:
                connection.because(refusal(connection.server, text))
                self._tell(events.AuthenticationExpired(text))
            case Meaning.LOST:
                self._refused_payload = text.lower().startswith("maximum payload")
                connection.because(ConnectionLost(connection.server, f"the server said {text!r} and closed"))
            case Meaning.REPORT:
                self._tell(events.ServerErrorReported(text))

    # Inside

    def _note(self, info: ServerInfo) -> None:
        self.info = info
        self.max_payload = info.max_payload if info.max_payload >= 0 else maxsize

    def _learn(self, connection: Connection, info: ServerInfo) -> None:
        """Merge an INFO of the connection in use. It is never answered by a second CONNECT."""
        self._note(info)
        link = self.supervisor.link
        if link is None:
            return
        address = link.server.address
        announced = info.announced(websocket=address is not None and address.websocket)
        added, removed = self._servers.reconcile(announced, link.server)
        if added or removed:
            self._tell(events.ServersDiscovered(tuple(added), tuple(removed)))
        if info.ldm and connection not in self._ducks:
            self._ducks.add(connection)
            self._tell(events.LameDuck(link.server.name))
            self.supervisor.lame_duck(connection)

    def _forsake(self, connection: Connection, reason: NatsError) -> None:
        """A connection that was left says nothing more: what it was handed is in doubt, what it had for us lost."""
        in_doubt = self._handover.lost(connection)
        if in_doubt is not None:
            self._tell(events.Disconnected(reason, in_doubt, connection.server))
            self._barriers.joined(reason if in_doubt and not self.outbox.replays else None)

    def _give_up_first(self) -> None:
        self._first = None
        self.close()

    def _end_first(self, error: NatsError) -> None:
        """The wait for a first connection fails once no socket is left; if it was cancelled it has failed already."""
        first, self._first = self._first, None
        if first is not None:
            self.when_closed().addCallback(lambda _: None if first.called else first.errback(error))

    def _closed_error(self) -> NatsError:
        return ClientClosed(self._reason)

    def _socket_gone(self, connection: Connection) -> None:
        self._received += Received.over(connection)
        self._open.discard(connection)
        self._check_closed()

    def _check_closed(self) -> None:
        if self._is_closed and not self._open:
            self._closing.tell(self._reason)
