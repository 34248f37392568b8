"""Forty and more ways for things to go wrong, each around a login."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import DNSLookupError
from twisted.internet.testing import StringTransport
from twisted.logger import Logger
from twisted.python.failure import Failure

import txnats
from tests.client.harness import Net, Outcome, Pipe
from tests.promises.carriers import connection_of
from tests.promises.leaks import Login, Watch
from txnats import plugins
from txnats.connecting import Options
from txnats.state.addresses import parse_servers, redact

log = Logger()


class Stage:
    """A world in memory, and one client that logs in."""

    def __init__(self, login: Login, watch: Watch) -> None:
        self.login = login
        self.watch = watch
        self.net = Net(4222)
        self.net.server.info["nonce"] = "n0nce"
        self.net.server.info["tls_available"] = True
        self.net.make_pipe = login.pipe
        self.outcomes: list[Outcome] = []
        self.clients: list[txnats.Client] = []

    def connect(self, **options: Any) -> Outcome:
        """Begin to connect."""
        options.setdefault("endpoint_factory", self.net.endpoint)
        options.setdefault("on_event", self.watch.event)
        where = {**self.login.where(), **options}
        outcome = Outcome(txnats.connect(self.net.clock, **where))
        self.outcomes.append(outcome)
        outcome.deferred.addBoth(self._came)
        return outcome

    def _came(self, _: object) -> None:
        client = self.outcomes[-1].results[0]
        if isinstance(client, txnats.Client):
            self.clients.append(client)

    def live(self, **options: Any) -> txnats.Client:
        """A connected client."""
        outcome = self.connect(**options)
        self.settle()
        client = outcome.value
        assert isinstance(client, txnats.Client)
        return client

    def settle(self) -> None:
        """As a reactor would: what a protocol raises is logged, and costs it its connection."""
        while True:
            try:
                self.net.settle()
                return
            except Exception:
                failure = Failure(captureVars=True)
                log.failure("raised", failure)
                for pipe in self.net.open_pipes():
                    pipe.cut(failure.value if isinstance(failure.value, Exception) else None)

    def wait(self, seconds: float) -> None:
        self.net.wait(seconds, seconds / 10)

    @property
    def pipe(self) -> Pipe:
        return self.net.pipe

    def send(self, *chunks: bytes) -> None:
        self.pipe.send(*chunks)
        self.settle()

    def greeting(self, data: bytes) -> None:
        """The server begins with this."""
        self.net.server.greets = False
        self.connect()
        self.send(data)
        self.settle()
        self.wait(3)

    def end(self) -> None:
        """Look at all that came of it, and close."""
        self.settle()
        for client in self.clients:
            self.watch.thing(client)
            closing = Outcome(client.close())
            self.settle()
            self.wait(3)
            assert closing.fired
        for outcome in self.outcomes:
            if not outcome.fired:
                outcome.deferred.cancel()
                self.settle()
                self.wait(3)
            for result in outcome.results:
                if isinstance(result, Failure):
                    self.watch.failure(result)


class Broken(Exception):
    """What others raise."""


def refuse(stage: Stage) -> None:
    stage.net.server.up = False
    stage.connect()


def dial_for_ever(stage: Stage) -> None:
    stage.net.server.slow = True
    stage.connect()
    stage.wait(3)


def say_nothing(stage: Stage) -> None:
    stage.net.server.greets = False
    stage.connect()
    stage.wait(3)


def close_before_info(stage: Stage) -> None:
    stage.net.server.greets = False
    stage.connect()
    stage.pipe.cut()


def close_in_the_handshake(stage: Stage) -> None:
    stage.net.server.reads = False
    stage.connect()
    stage.settle()
    stage.pipe.cut(Broken("reset"))


def never_answer_connect(stage: Stage) -> None:
    stage.net.server.pongs = False
    stage.connect()
    stage.settle()
    stage.wait(3)


def refuse_the_login(stage: Stage) -> None:
    stage.net.server.pongs = False
    stage.connect(reconnect=txnats.ReconnectOptions(retry_on_first_connect=True))
    for _ in range(2):
        stage.settle()
        stage.send(b"-ERR 'Authorization Violation'\r\n")
        stage.wait(3)


def repeat_connect(around: bytes) -> Callable[[Stage], None]:
    def fault(stage: Stage) -> None:
        stage.net.server.pongs = False
        stage.connect()
        stage.settle()
        connect = bytes(stage.pipe.log).split(b"\r\n")[0]
        stage.send(around % connect)
        stage.wait(3)

    return fault


def repeat_connect_when_live(stage: Stage) -> None:
    stage.live()
    connect = bytes(stage.pipe.log).split(b"\r\n")[0]
    stage.send(b"-ERR 'what is %b'\r\n" % connect)
    stage.send(b"%b\r\n" % connect)
    stage.wait(3)


def name_nobody_knows(stage: Stage) -> None:
    class Unknown:
        def connect(self, _: object) -> Deferred[Any]:
            return fail(DNSLookupError())

    stage.connect(endpoint_factory=lambda host, port: Unknown())


def factory_raises(stage: Stage) -> None:
    def factory(host: str, port: int) -> Any:
        raise Broken(f"no way to {host}:{port}")

    stage.connect(endpoint_factory=factory)


def endpoint_raises(stage: Stage) -> None:
    class Raising:
        def connect(self, _: object) -> Deferred[Any]:
            raise Broken("no socket")

    stage.connect(endpoint_factory=lambda host, port: Raising())


def cancel_the_dial(stage: Stage) -> None:
    stage.net.server.slow = True
    stage.connect().deferred.cancel()


def cancel_the_handshake(stage: Stage) -> None:
    stage.net.server.pongs = False
    outcome = stage.connect()
    stage.settle()
    outcome.deferred.cancel()


def write_raises(stage: Stage) -> None:
    def write(data: bytes) -> None:
        raise Broken(f"cannot write {data!r}")

    stage.net.server.greets = False
    stage.connect()
    stage.pipe.write = write  # type: ignore[method-assign]
    stage.send(stage.net.server.greeting())
    stage.wait(3)


def on_event_raises(stage: Stage) -> None:
    def on_event(event: txnats.events.Event) -> None:
        stage.watch.event(event)
        raise Broken(f"{event}")

    stage.net.server.up = False
    stage.connect(on_event=on_event)


def credentials(make: Callable[[Callable[[], str]], Any]) -> Callable[[Stage], None]:
    """With others than those of the login, and the same secret in them."""

    def fault(stage: Stage) -> None:
        try:
            auth = make(stage.login.marker)
        except txnats.NatsError as error:
            # By whoever wrote it: of the frames only ours count.
            stage.watch.texts += [repr(error), str(error)]
            return
        stage.connect(auth=auth)
        stage.settle()
        stage.wait(3)

    return fault


def raising(secret: Callable[[], str]) -> Callable[..., Any]:
    def give(*_: object) -> Any:
        raise Broken(f"the vault of {secret()} is sealed")

    return give


def failing(secret: Callable[[], str]) -> Callable[..., Any]:
    return lambda *_: fail(Broken(f"the vault of {secret()} is sealed"))


def never(stage: Stage) -> None:
    waiting: Deferred[str] = Deferred()
    stage.connect(auth=txnats.Token(lambda: waiting))
    stage.settle()
    stage.wait(3)


def handler_raises(stage: Stage) -> None:
    client = stage.live()

    def handler(message: txnats.Message) -> Any:
        if message.payload == b"later":
            return fail(Broken("later"))
        raise Broken("at once")

    client.subscribe("a", handler)
    stage.settle()
    stage.pipe.msg("a", b"now", b"later")


def outbox_full(stage: Stage) -> None:
    client = stage.live(reconnect=txnats.ReconnectOptions(buffer=100, max_attempts=-1))
    stage.net.server.up = False
    stage.pipe.cut()
    stage.settle()
    try:
        client.publish("a", b"x" * 200)
    except txnats.OutboxFull:
        stage.watch.failure(Failure(captureVars=True))


def reconnect_storm(stage: Stage) -> None:
    stage.live()
    for number in range(12):
        if stage.net.open_pipes():
            stage.pipe.cut(Broken(str(number)))
        stage.wait(1)


def servers_go(stage: Stage) -> None:
    stage.live(reconnect=txnats.ReconnectOptions(max_attempts=2))
    stage.net.server.up = False
    stage.pipe.cut()
    stage.wait(20)


def grow_stale(stage: Stage) -> None:
    stage.live(ping=txnats.PingOptions(interval=1.0))
    stage.net.server.reads = False
    stage.wait(5)


def lines(*said: bytes) -> Callable[[Stage], None]:
    def fault(stage: Stage) -> None:
        client = stage.live()
        client.subscribe("a", lambda message: message.headers)
        stage.settle()
        stage.send(*said)
        stage.wait(2)

    return fault


def requests_fail(stage: Stage) -> None:
    client = stage.live()
    for asked in (client.request("nobody"), client.request("silent", timeout=0.5), client.flush()):
        stage.outcomes.append(Outcome(asked))
    stage.settle()
    stage.pipe.cut()
    stage.wait(2)


def invalid_calls(stage: Stage) -> None:
    client = stage.live()
    for call in (
        lambda: client.publish("a b", b""),
        lambda: client.publish("a", 5),  # type: ignore[arg-type]
        lambda: client.publish("a", b"x" * 2_000_000),
        lambda: client.subscribe("a..b"),
        lambda: client.publish("a", b"", headers={"a\r\n": "b"}),
    ):
        try:
            call()
        except txnats.NatsError:
            stage.watch.failure(Failure(captureVars=True))


def close_while_down(stage: Stage) -> None:
    client = stage.live()
    stage.net.server.up = False
    stage.pipe.cut()
    stage.settle()
    stage.outcomes += [Outcome(client.flush()), Outcome(client.drain(0.5)), Outcome(client.close())]
    stage.wait(3)
    stage.outcomes.append(Outcome(client.flush()))


def options_refused(**options: Any) -> Callable[[Stage], None]:
    def fault(stage: Stage) -> None:
        stage.connect(**options)

    return fault


def address_refused(form: str) -> Callable[[Stage], None]:
    def fault(stage: Stage) -> None:
        # Here the secret is in the address whatever the login.
        bare = stage.login.marker().replace("@", "").replace("/", "").replace(":", "")
        stage.outcomes.append(Outcome(txnats.connect(stage.net.clock, form % bare)))
        stage.watch.texts.append(redact(form % bare) if "@" in form else "")

    return fault


def service_ends(stage: Stage) -> None:
    stage.net.server.pongs = False
    service = txnats.NatsService(
        stage.net.clock,
        **stage.login.where(),
        endpoint_factory=stage.net.endpoint,
        on_event=stage.watch.event,
    )
    stage.watch.thing(service)
    stage.clients.append(service.client)
    stage.outcomes.append(Outcome(service.whenConnected()))
    service.startService()
    for _ in range(3):
        stage.settle()
        if stage.net.open_pipes():
            stage.send(b"-ERR 'Authorization Violation'\r\n")
        stage.wait(3)
    stage.watch.thing(service)


def twist_options(stage: Stage) -> None:
    options = plugins.Options()
    wrong = plugins.Options()
    servers = stage.login.servers()
    try:
        options.parseOptions(["--server", servers, "--subject", "a"])
        stage.watch.thing(options)
        wrong.parseOptions(["--server", servers + ":x", "--subject", "a"])
    except Exception as error:
        stage.watch.texts += [repr(error), str(error)]


def old_protocol(stage: Stage) -> None:
    auth = stage.login.marker()
    protocol = txnats.io.NatsProtocol(auth_token=auth)
    stage.watch.thing(protocol)
    del auth
    transport = StringTransport()
    protocol.makeConnection(transport)
    protocol.dataReceived(stage.net.server.greeting())
    protocol.dataReceived(b"-ERR 'Authorization Violation'\r\n")
    protocol.connectionLost(Failure(Broken("gone")))
    stage.watch.thing(protocol)


def show_everything(stage: Stage) -> None:
    client = stage.live()
    auth = stage.login.auth()
    subscription = client.subscribe("a")
    addresses = parse_servers(stage.login.servers())
    for thing in (
        client,
        client.events(),
        client.statistics,
        client.server_info,
        client._session,
        client._session.supervisor,
        subscription,
        auth,
        Options(auth=auth),
        addresses,
        [address.auth for address in addresses],
        [address.name for address in addresses],
        stage.pipe.protocol,
        connection_of(stage.pipe),
        connection_of(stage.pipe).handshake,
        stage.login.options(),
        txnats.NatsService(stage.net.clock, **stage.login.where()),
    ):
        stage.watch.thing(thing)


def info(**fields: Any) -> bytes:
    return b"INFO " + json.dumps({"server_id": "S", **fields}).encode() + b"\r\n"


FAULTS: dict[str, Callable[[Stage], None]] = {
    "connection refused": refuse,
    "the dial takes for ever": dial_for_ever,
    "a name that nobody knows": name_nobody_knows,
    "endpoint_factory raises": factory_raises,
    "the endpoint raises": endpoint_raises,
    "no INFO": say_nothing,
    "closed before INFO": close_before_info,
    "closed in the handshake": close_in_the_handshake,
    "no answer to CONNECT": never_answer_connect,
    "garbage for INFO": lambda stage: stage.greeting(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "an INFO that is not JSON": lambda stage: stage.greeting(b"INFO {x\r\n"),
    "a nonce that is a number": lambda stage: stage.greeting(info(nonce=5)),
    "a nonce that is a list": lambda stage: stage.greeting(info(nonce=["x"])),
    "a nonce that is not ASCII": lambda stage: stage.greeting(info(nonce="\u00e9\u4e2d")),
    "an INFO without an end": lambda stage: stage.greeting(b"INFO " + b"x" * 1_100_000),
    "a message before INFO": lambda stage: stage.greeting(b"MSG a 1 1\r\nx\r\n"),
    "TLS is required": lambda stage: stage.greeting(info(tls_required=True)),
    "an error before INFO": lambda stage: stage.greeting(b"-ERR 'maximum connections exceeded'\r\n"),
    "the login is refused": refuse_the_login,
    "the server repeats CONNECT in an error": repeat_connect(b"-ERR 'what is %b'\r\n"),
    "the server repeats CONNECT": repeat_connect(b"%b\r\n"),
    "the server repeats CONNECT in INFO": repeat_connect(b"INFO %b\r\n"),
    "the server repeats CONNECT later": repeat_connect_when_live,
    "a cancelled dial": cancel_the_dial,
    "a cancelled handshake": cancel_the_handshake,
    "the transport raises": write_raises,
    "on_event raises": on_event_raises,
    "a password callable raises": credentials(lambda secret: txnats.UserPassword("joe", raising(secret))),
    "a token callable raises": credentials(lambda secret: txnats.Token(raising(secret))),
    "a seed callable raises": credentials(lambda secret: txnats.NKey(raising(secret))),
    "a signing callable raises": credentials(lambda secret: txnats.Jwt(secret(), sign=raising(secret))),
    "a signing callable gives text": credentials(lambda secret: txnats.Jwt(secret(), sign=lambda _: secret())),  # type: ignore[arg-type, return-value]
    "a Deferred fails": credentials(lambda secret: txnats.Token(failing(secret))),
    "a Deferred never fires": never,
    "a callable gives bytes": credentials(lambda secret: txnats.Token(lambda: secret().encode())),  # type: ignore[arg-type, return-value]
    "a callable gives no seed": credentials(lambda secret: txnats.NKey(lambda: secret() + "x")),
    "a callable gives no credentials file": credentials(
        lambda secret: txnats.CredentialsFile(lambda: secret().encode())
    ),
    "a callable gives content for a path": credentials(
        lambda secret: txnats.CredentialsFile(lambda: f"-----BEGIN {secret()}")
    ),
    "a secret that cannot be encoded": credentials(lambda secret: txnats.Token(lambda: secret() + "\ud800")),
    "a credentials file that is not there": credentials(lambda secret: txnats.CredentialsFile("/nowhere")),
    "a handler raises": handler_raises,
    "OutboxFull": outbox_full,
    "a storm of reconnects": reconnect_storm,
    "all servers go": servers_go,
    "a stale connection": grow_stale,
    "an expired login": lines(b"-ERR 'User Authentication Expired'\r\n"),
    "a denied subject": lines(b"-ERR 'Permissions Violation for Publish to \"a\"'\r\n"),
    "an unknown error": lines(b"-ERR 'what now'\r\n"),
    "broken headers": lines(b"HMSG a 1 20 20\r\nNATS/1.0\r\nbroken\r\n\r\n\r\n"),
    "a broken line": lines(b"MSG a 1 x\r\n"),
    "a line without an end": lines(b"MSG " + b"x" * 70_000),
    "requests fail": requests_fail,
    "calls that cannot be": invalid_calls,
    "closed while it is down": close_while_down,
    "a timeout that cannot be": options_refused(timeout=-1),
    "an inbox prefix that cannot be": options_refused(inbox_prefix="a b"),
    "tls that cannot be": options_refused(tls=5),
    "servers and a context": options_refused(context="x"),
    "an address without a host": address_refused("nats://joe:%s@"),
    "an address with a wrong port": address_refused("nats://%s@host:99999"),
    "an address with a wrong scheme": address_refused("http://joe:%s@host"),
    "a password where the port belongs": address_refused("nats://joe:%s"),
    "a service whose login is refused": service_ends,
    "the options of twist": twist_options,
    "the protocol of 0.7": old_protocol,
    "everything that shows itself": show_everything,
}
