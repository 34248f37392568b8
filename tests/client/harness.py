"""Servers in memory, on a Clock: every byte goes over the client's real path, and nothing happens until ``settle``."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint, ITransport
from twisted.internet.task import Clock
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer

import txnats
from txnats.subjects import matches

TLS_ALERT = b"\x15"


@implementer(ITransport)
class Pipe:
    """One connection: a transport for the client, and a small NATS server behind it."""

    def __init__(self, net: Net, server: FakeServer, protocol: IProtocol) -> None:
        self.net = net
        self.server = server
        self.protocol: Any = protocol
        self.unread = bytearray()
        self.log = bytearray()
        self.writes: list[bytes] = []
        self.outgoing: list[bytes] = []
        self.subs: dict[bytes, list[Any]] = {}
        self.connects: list[dict[str, Any]] = []
        self.published: list[tuple[bytes, bytes | None, bytes]] = []
        self.producer: Any = None
        self.closing = False
        self.aborted = False
        self.gone = False
        self.reading = True

    # For the client

    def write(self, data: bytes) -> None:
        assert isinstance(data, bytes)
        if self.gone and data[:1] == TLS_ALERT:
            return  # Twisted's TLS says goodbye to a socket that is gone, which real transports let pass
        assert not self.gone
        self.writes.append(data)
        self.unread += data
        self.log += data

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        self.closing = True

    def abortConnection(self) -> None:
        self.aborted = self.closing = True

    def registerProducer(self, producer: object, streaming: bool) -> None:
        assert self.producer is None
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", 1)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", 2)

    # For tests

    def send(self, *chunks: bytes) -> None:
        """Queue chunks; each reaches the client as one read."""
        self.outgoing += chunks

    def msg(self, subject: str, *payloads: bytes, reply: str = "") -> None:
        """All in one chunk, to the first subscription that matches."""
        self.send(b"".join(self._msg(self._sid(subject), subject, payload, reply) for payload in payloads))

    def status(self, subject: str, line: bytes, sid: bytes | None = None) -> None:
        block = b"NATS/1.0 " + line + b"\r\n\r\n"
        where = sid or self._sid(subject)
        self.send(b"HMSG %b %b %d %d\r\n%b\r\n" % (subject.encode(), where, len(block), len(block), block))

    def cut(self, reason: Exception | None = None) -> None:
        """The connection ends now."""
        if not self.gone:
            self.gone = self.closing = True
            self.protocol.connectionLost(Failure(reason or ConnectionLost()))

    def is_reading(self) -> bool:
        return self.reading

    def busy(self) -> None:
        """The socket takes no more bytes."""
        self.producer.pauseProducing()

    def free(self) -> None:
        self.producer.resumeProducing()

    def _sid(self, subject: str) -> bytes:
        return next(sid for sid, (pattern, *_) in self.subs.items() if matches(pattern, subject))

    @staticmethod
    def _msg(sid: bytes, subject: str, payload: bytes, reply: str = "") -> bytes:
        middle = f" {reply}" if reply else ""
        return b"MSG %b %b%b %d\r\n%b\r\n" % (subject.encode(), sid, middle.encode(), len(payload), payload)

    # The server

    def step(self) -> bool:
        """Do something; False when there was nothing to do."""
        if self.gone:
            return False
        if self.aborted:
            self.cut(ConnectionAborted())
            return True
        if self.outgoing and self.reading:
            chunk = self.outgoing.pop(0)
            self.protocol.dataReceived(chunk)
            return True
        if self.server.reads and b"\r\n" in self.unread and self._command():
            return True
        if self.closing and not (self.server.reads and self.unread):
            if not self.server.closes:
                return False
            self.cut(ConnectionDone())
            return True
        return False

    def _command(self) -> bool:
        line, _, rest = bytes(self.unread).partition(b"\r\n")
        words = line.split()
        verb = words[0].upper()
        payload = b""
        if verb in (b"PUB", b"HPUB"):
            size = int(words[-1])
            if len(rest) < size + 2:
                return False
            payload, rest = rest[:size], rest[size + 2 :]
        self.unread[:] = rest
        handle: dict[bytes, Callable[[], None]] = {
            b"CONNECT": lambda: self.connects.append(json.loads(line[8:])),
            b"PING": self._ping,
            b"PONG": lambda: None,
            b"SUB": lambda: self._sub(words),
            b"UNSUB": lambda: self._unsub(words),
            b"PUB": lambda: self._pub(words, payload, 0),
            b"HPUB": lambda: self._pub(words, payload, int(words[-2])),
        }
        handle[verb]()
        return True

    def _ping(self) -> None:
        if self.server.pongs:
            self.send(b"PONG\r\n")

    def _sub(self, words: list[bytes]) -> None:
        subject = words[1].decode()
        if subject in self.server.denied:
            self.send(b"-ERR 'Permissions Violation for Subscription to \"%b\"'\r\n" % words[1])
            return
        self.subs[words[-1]] = [subject, words[2] if len(words) == 4 else None, 0, 0]

    def _unsub(self, words: list[bytes]) -> None:
        if len(words) == 2:
            self.subs.pop(words[1], None)
        elif words[1] in self.subs:
            entry = self.subs[words[1]]
            entry[2] = int(words[2])
            if entry[3] >= entry[2]:
                del self.subs[words[1]]

    def _pub(self, words: list[bytes], payload: bytes, headers: int) -> None:
        subject = words[1].decode()
        fixed = 4 if headers else 3
        reply = words[2] if len(words) > fixed else None
        self.published.append((words[1], reply, payload))
        if subject in self.server.denied:
            self.send(b"-ERR 'Permissions Violation for Publish to \"%b\"'\r\n" % words[1])
            return
        heard = False
        for sid, entry in list(self.subs.items()):
            if matches(entry[0], subject):
                heard = True
                middle = b" " + reply if reply else b""
                if headers:
                    self.send(b"HMSG %b %b%b %d %d\r\n%b\r\n" % (words[1], sid, middle, headers, len(payload), payload))
                else:
                    self.send(b"MSG %b %b%b %d\r\n%b\r\n" % (words[1], sid, middle, len(payload), payload))
                entry[3] += 1
                if entry[2] and entry[3] >= entry[2]:
                    del self.subs[sid]
        if heard or not reply or not self.server.no_responders:
            return
        if any(matches(entry[0], reply.decode()) for entry in self.subs.values()):
            self.status(reply.decode(), b"503")


class FakeServer:
    """How a server behaves. Change it at any time."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.info: dict[str, object] = {"server_id": f"S{port}", "max_payload": 1_048_576, "headers": True}
        self.up = True  # else: connection refused at once
        self.slow = False  # connecting takes until `let_in`
        self.greets = True
        self.reads = True
        self.pongs = True
        self.closes = True  # takes our last bytes, so that loseConnection ends
        self.no_responders = True
        self.denied: set[str] = set()
        self.pipes: list[Pipe] = []
        self.attempts = 0
        self.waiting: list[tuple[IProtocolFactory, Deferred[IProtocol]]] = []

    @property
    def pipe(self) -> Pipe:
        """The newest connection."""
        return self.pipes[-1]

    def greeting(self) -> bytes:
        return b"INFO " + json.dumps(self.info).encode() + b"\r\n"


@implementer(IStreamClientEndpoint)
class Endpoint:
    def __init__(self, net: Net, server: FakeServer) -> None:
        self.net = net
        self.server = server

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803
        self.server.attempts += 1
        connecting: Deferred[IProtocol] = Deferred()
        if not self.server.up:
            connecting.errback(Refused())
        elif self.server.slow:
            self.server.waiting.append((protocolFactory, connecting))
        else:
            self.net.let_in(self.server, protocolFactory, connecting)
        return connecting


class Net:
    """Time and servers."""

    def __init__(self, *ports: int) -> None:
        self.clock = Clock()
        self.servers = {port: FakeServer(port) for port in ports or (4222,)}
        self.events: list[txnats.events.Event] = []
        self.make_pipe: Callable[[Net, FakeServer, IProtocol], Pipe] = Pipe

    @property
    def server(self) -> FakeServer:
        return next(iter(self.servers.values()))

    @property
    def pipe(self) -> Pipe:
        return self.server.pipe

    def open_pipes(self) -> list[Pipe]:
        return [pipe for server in self.servers.values() for pipe in server.pipes if not pipe.gone]

    def endpoint(self, host: str, port: int) -> IStreamClientEndpoint:
        return Endpoint(self, self.servers[port])

    def let_in(self, server: FakeServer, factory: IProtocolFactory, connecting: Deferred[Any]) -> None:
        protocol = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", server.port))
        if protocol is None:
            if not connecting.called:
                connecting.errback(Refused())
            return
        pipe = self.make_pipe(self, server, protocol)
        server.pipes.append(pipe)
        protocol.makeConnection(pipe)
        if server.greets:
            pipe.send(server.greeting())
        if not connecting.called:
            connecting.callback(protocol)

    def settle(self) -> None:
        """Until nobody has anything to do at this moment."""
        for _ in range(20_000):
            self.clock.advance(0)
            steps = [pipe.step() for server in self.servers.values() for pipe in server.pipes]
            due = [call for call in self.clock.getDelayedCalls() if call.getTime() <= self.clock.seconds()]
            if not due and not any(steps):
                return
        raise AssertionError("it never comes to rest")

    def wait(self, seconds: float, step: float = 0.05) -> None:
        """Let time pass in small steps."""
        end = self.clock.seconds() + seconds
        while self.clock.seconds() < end:
            self.clock.advance(min(step, end - self.clock.seconds()) or step)
            self.settle()

    def connecting(self, **options: Any) -> Deferred[txnats.Client]:
        options.setdefault("on_event", self.events.append)
        urls = ",".join(f"nats://host:{port}" for port in self.servers)
        options.setdefault("reconnect", txnats.ReconnectOptions(shuffle=False))
        return txnats.connect(self.clock, urls, endpoint_factory=self.endpoint, **options)

    def client(self, **options: Any) -> txnats.Client:
        """A connected client."""
        got = Outcome(self.connecting(**options))
        self.settle()
        client = got.value
        assert isinstance(client, txnats.Client)
        return client

    def told(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def end(self, client: txnats.Client) -> None:
        """Close, and see that nothing is left."""
        closing = Outcome(client.close())
        self.settle()
        self.wait(3, 1)
        assert closing.fired
        self.nothing_left()

    def nothing_left(self) -> None:
        assert self.clock.getDelayedCalls() == []
        assert all(pipe.gone for server in self.servers.values() for pipe in server.pipes)


class Outcome:
    """What became of a Deferred; its failure counts as handled."""

    def __init__(self, deferred: Deferred[Any]) -> None:
        self.results: list[Any] = []
        self.deferred = deferred
        deferred.addBoth(self.results.append)

    @property
    def fired(self) -> bool:
        return bool(self.results)

    @property
    def value(self) -> Any:
        assert len(self.results) == 1, self.results
        result = self.results[0]
        if isinstance(result, Failure):
            result.raiseException()
        return result

    @property
    def error(self) -> Exception:
        assert len(self.results) == 1, self.results
        result = self.results[0]
        assert isinstance(result, Failure), result
        assert isinstance(result.value, Exception)
        return result.value


@implementer(ILogObserver)
class Failures:
    """Failures that are logged while it watches, unhandled Deferreds among them."""

    def __init__(self) -> None:
        self.seen: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        if "log_failure" in event:
            self.seen.append(event)

    def __enter__(self) -> list[LogEvent]:
        globalLogPublisher.addObserver(self)
        return self.seen

    def __exit__(self, *_: object) -> None:
        gc.collect()
        globalLogPublisher.removeObserver(self)
