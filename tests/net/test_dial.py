from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.error import DNSLookupError, NoRouteError, UserError
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from zope.interface import implementer

from tests.client.harness import Failures, Outcome
from tests.net.test_connection import INFO, Cut, Told
from tests.one_by_one import one_by_one
from txnats.errors import DialFailed, NatsError
from txnats.net.connection import Connection
from txnats.net.dial import dial
from txnats.options import Limits, PingOptions
from txnats.state.handshake import Handshake
from txnats.wire.info import ConnectInfo
from txnats.wire.parser import Parser


@pytest.fixture(autouse=True)
def no_unhandled() -> Iterator[None]:
    with Failures() as seen:
        yield
    assert [event["log_failure"] for event in seen] == []


@implementer(IStreamClientEndpoint)
class Stage:
    """An endpoint, a clock and the dial of it."""

    def __init__(self, connect: Callable[[Stage], Deferred[Any]] | None = None) -> None:
        self.clock = Clock()
        self.transport = Cut()
        self.protocol: Any = None
        self.factory: Any = None
        self.connecting: Deferred[Any] = Deferred()
        self._connect = connect or (lambda stage: stage.connecting)
        self.made: list[Connection] = []

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803
        self.factory = protocolFactory
        return self._connect(self)

    def make(self) -> Connection:
        connection = Connection(
            clock=self.clock,
            server="s",
            handshake=Handshake("s", ConnectInfo(), lambda nonce: {}),
            parser=Parser(Limits()),
            ping=PingOptions(),
            deliver=one_by_one(lambda message: None),
            listener=Told(),
        )
        self.made.append(connection)
        return connection

    def dial(self, timeout: float = 2.0) -> Outcome:
        self.outcome = Outcome(dial(self.clock, self, self.make, server="s", timeout=timeout))
        return self.outcome

    def build(self) -> None:
        self.protocol = self.factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def connected(self) -> None:
        self.build()
        self.connecting.callback(self.protocol)

    def lose(self) -> None:
        self.protocol.connectionLost(None)


def test_a_good_dial() -> None:
    stage = Stage()
    outcome = stage.dial()
    stage.connected()
    stage.protocol.dataReceived(INFO)
    assert not outcome.fired
    stage.protocol.dataReceived(b"PONG\r\n")
    assert outcome.value is stage.protocol
    stage.clock.advance(10)
    assert not stage.transport.aborted
    assert len(stage.clock.getDelayedCalls()) == 1  # the keep-alive


@pytest.mark.parametrize(("step", "phase"), [(0, "no connection"), (1, "no INFO"), (2, "no answer to CONNECT")])
@pytest.mark.parametrize("cancel", [False, True])
def test_every_step_can_end(step: int, phase: str, cancel: bool) -> None:
    stage = Stage()
    outcome = stage.dial(2.5)
    if step >= 1:
        stage.clock.advance(1)
        stage.connected()
    if step >= 2:
        stage.clock.advance(1)
        stage.protocol.dataReceived(INFO)
    if cancel:
        outcome.deferred.cancel()
        assert isinstance(outcome.error, DialFailed)
    else:
        stage.clock.advance(2.5 - stage.clock.seconds() - 0.01)
        assert not outcome.fired
        stage.clock.advance(0.02)
        assert isinstance(outcome.error, DialFailed)
        assert f"{phase} within 2.5 s" in str(outcome.error)
    if step:
        assert stage.transport.aborted
        stage.lose()
    assert stage.clock.getDelayedCalls() == []


def test_an_endpoint_that_comes_too_late_gets_no_protocol() -> None:
    stage = Stage()
    outcome = stage.dial()
    stage.clock.advance(3)
    assert isinstance(outcome.error, DialFailed)
    assert stage.factory.buildProtocol(None) is None
    assert stage.made == []


def test_an_endpoint_that_connects_what_it_built_too_late_is_cut() -> None:
    stage = Stage()
    stage.dial()
    protocol = stage.factory.buildProtocol(None)
    stage.clock.advance(3)
    assert isinstance(stage.outcome.error, DialFailed)
    protocol.makeConnection(stage.transport)
    assert stage.transport.aborted
    protocol.connectionLost(None)
    assert stage.clock.getDelayedCalls() == []


def test_a_transport_that_stands_before_the_endpoint_has_fired_is_cut_in_silence() -> None:
    stage = Stage()
    stage.dial()
    stage.build()
    stage.clock.advance(3)
    assert isinstance(stage.outcome.error, DialFailed)
    assert stage.transport.aborted
    stage.lose()
    assert stage.clock.getDelayedCalls() == []


def test_a_handshake_that_is_done_before_the_endpoint_has_fired() -> None:
    stage = Stage()
    outcome = stage.dial()
    stage.build()
    stage.protocol.dataReceived(INFO + b"PONG\r\n")
    assert not outcome.fired
    stage.connecting.callback(stage.protocol)
    assert outcome.value is stage.protocol
    stage.protocol.fail(DialFailed("s", "end of test"))
    stage.lose()


def test_a_handshake_that_is_done_before_an_endpoint_that_fails() -> None:
    stage = Stage()
    outcome = stage.dial()
    stage.build()
    stage.protocol.dataReceived(INFO + b"PONG\r\n")
    stage.connecting.errback(OSError("wrapper"))
    assert isinstance(outcome.error, NatsError)
    assert stage.transport.aborted
    stage.lose()
    assert stage.clock.getDelayedCalls() == []


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Refused(osError=OSError(111, "Connection refused")), "connection refused"),
        (DNSLookupError("x"), "the host name is not known"),
        (NoRouteError(), "no route"),
        (UserError(), "refused the attempt"),
        (OSError("odd"), "OSError: odd"),
        (DialFailed("s", "mine"), "mine"),
    ],
)
def test_an_endpoint_that_fails_at_once(error: Exception, text: str) -> None:
    stage = Stage(lambda stage: fail(error))
    outcome = stage.dial()
    assert isinstance(outcome.error, DialFailed)
    assert text in str(outcome.error).lower() or text in str(outcome.error)
    assert stage.clock.getDelayedCalls() == []


@pytest.mark.parametrize("error", [ZeroDivisionError("broken"), SystemExit("broken"), KeyboardInterrupt("broken")])
def test_an_endpoint_that_raises_fails_the_dial(error: BaseException) -> None:
    def connect(stage: Stage) -> Deferred[Any]:
        raise error

    stage = Stage(connect)
    outcome = stage.dial()
    assert isinstance(outcome.error, DialFailed)
    assert f"{type(error).__name__}: broken" in str(outcome.error)
    assert stage.clock.getDelayedCalls() == []


@pytest.mark.parametrize("given", [succeed(object()), None, object()])
def test_an_endpoint_that_gives_another_protocol_fails_the_dial(given: Any) -> None:
    stage = Stage(lambda stage: given)
    outcome = stage.dial()
    assert isinstance(outcome.error, NatsError)
    assert stage.clock.getDelayedCalls() == []


def test_make_that_raises_fails_the_dial() -> None:
    stage = Stage()

    def make() -> Connection:
        raise ZeroDivisionError

    outcome = Outcome(dial(stage.clock, stage, make, server="s", timeout=2))
    with pytest.raises(ZeroDivisionError):
        stage.factory.buildProtocol(cast(Any, None))
    stage.connecting.errback(ZeroDivisionError())
    assert isinstance(outcome.error, NatsError)


def test_the_server_closes_in_the_handshake() -> None:
    stage = Stage()
    outcome = stage.dial()
    stage.connected()
    stage.lose()
    assert "before the handshake was done" in str(outcome.error)
    assert stage.clock.getDelayedCalls() == []


def test_a_refusal_is_itself() -> None:
    stage = Stage()
    outcome = stage.dial()
    stage.connected()
    stage.protocol.dataReceived(INFO + b"-ERR 'Authorization Violation'\r\n")
    stage.lose()
    assert type(outcome.error).__name__ == "AuthenticationRefused"
    assert stage.clock.getDelayedCalls() == []
