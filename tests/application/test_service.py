"""NatsService through its whole life, in memory; whatever happens, it leaves no socket and no timer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.application.service import Application, IService, IServiceCollection, MultiService
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface import implementer

import txnats
from tests.client.harness import Outcome
from txnats import Message, NatsService, events
from txnats.testing import FakeServer, MemoryNetwork

URL = "nats://127.0.0.1:4222"


class Stage:
    """A server that may be absent, and a service that wants it."""

    def __init__(self, *, up: bool = True, **options: Any) -> None:
        self.network = MemoryNetwork()
        self.clock = self.network.clock
        self.server = FakeServer(self.clock, **options)
        self.pump = self.network.pump
        self.advance = self.network.advance
        self.heard: list[bytes] = []
        if up:
            self.come()

    def come(self) -> None:
        self.network.listen("127.0.0.1", 4222, self.server)

    def service(self, **options: Any) -> NatsService:
        options.setdefault("endpoint_factory", self.network.endpoint_factory)
        return NatsService(self.clock, URL, **options)

    def stop(self, service: IService) -> None:
        """Stop, and see that nothing is left."""
        stopping = Outcome(service.stopService())
        self.network.advance(31)
        assert all(succeeded for succeeded, _ in stopping.value or ())  # a parent tells of each child
        self.nothing_left()

    def nothing_left(self) -> None:
        assert self.clock.getDelayedCalls() == []
        assert self.server.connections == []

    def hear(self, message: Message) -> None:
        self.heard.append(message.payload)


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def logged() -> Iterator[list[LogEvent]]:
    """What the service itself logs."""
    observer = _Observer()
    globalLogPublisher.addObserver(observer)
    yield observer.seen
    globalLogPublisher.removeObserver(observer)


@implementer(ILogObserver)
class _Observer:
    def __init__(self) -> None:
        self.seen: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        if event.get("log_namespace") == "txnats.application.NatsService":
            self.seen.append(event)


# Before the start


def test_what_is_declared_and_published_before_the_start_is_carried_out(stage: Stage) -> None:
    service = stage.service()
    service.client.subscribe("greet.*", stage.hear)
    service.client.publish("greet.joe", b"first")
    replies = Outcome(service.client.request("greet.ann", b"second"))
    stage.pump()
    assert stage.server.accepted == 0
    service.startService()
    stage.pump()
    assert stage.heard == [b"first", b"second"]
    assert not replies.fired
    stage.stop(service)
    assert isinstance(replies.error, txnats.NatsError)


def test_it_waits_for_a_server_that_comes_later() -> None:
    stage = Stage(up=False)
    service = stage.service(reconnect=txnats.ReconnectOptions(max_attempts=-1))
    service.client.subscribe("a", stage.hear)
    connected = Outcome(service.whenConnected())
    service.startService()
    service.client.publish("a", b"kept")
    stage.advance(100)
    assert not connected.fired
    stage.come()
    stage.advance(6)
    assert connected.value is service.client
    assert stage.heard == [b"kept"]
    stage.stop(service)


@pytest.mark.parametrize(
    "options", [{"drain_timeout": -1}, {"timeout": "2"}, {"inbox_prefix": "a b"}, {"drain_timeout": True}], ids=repr
)
def test_bad_options_raise_at_once(stage: Stage, options: dict[str, Any]) -> None:
    with pytest.raises(txnats.InvalidArgument):
        stage.service(**options)


# whenConnected


def test_when_connected_at_any_time(stage: Stage) -> None:
    service = stage.service()
    before = Outcome(service.whenConnected())
    service.startService()
    during = Outcome(service.whenConnected())
    stage.pump()
    after = Outcome(service.whenConnected())
    assert before.value is during.value is after.value is service.client
    stage.stop(service)
    for _ in range(2):
        assert isinstance(Outcome(service.whenConnected()).error, txnats.ClientClosed)


def test_when_connected_while_reconnecting_waits_for_the_next_connection(stage: Stage) -> None:
    service = stage.service()
    service.startService()
    stage.pump()
    stage.server.kill()
    stage.pump()
    assert service.client.status == "reconnecting"
    again = Outcome(service.whenConnected())
    stage.advance(1)
    assert not again.fired
    stage.server.start()
    stage.advance(6)
    assert again.value is service.client
    stage.stop(service)


def test_cancelling_a_wait_forgets_that_one(stage: Stage) -> None:
    service = stage.service()
    first, second = Outcome(service.whenConnected()), Outcome(service.whenConnected())
    first.deferred.cancel()
    service.startService()
    stage.pump()
    assert isinstance(first.error, CancelledError)
    assert second.value is service.client
    stage.stop(service)


@pytest.mark.parametrize("started", [False, True])
def test_waits_fail_when_it_stops_before_it_was_connected(started: bool) -> None:
    stage = Stage(up=False)
    service = stage.service()
    waiting = Outcome(service.whenConnected())
    if started:
        service.startService()
        stage.advance(1)
    stage.stop(service)
    assert isinstance(waiting.error, txnats.ClientClosed)


def test_a_stop_from_within_a_wait(stage: Stage) -> None:
    service = stage.service()
    service.whenConnected().addCallback(lambda _: stopped.append(Outcome(service.stopService())))
    late = Outcome(service.whenConnected())
    stopped: list[Outcome] = []
    service.startService()
    stage.advance(1)
    assert stopped[0].value is None
    assert late.value is service.client
    stage.nothing_left()


# stopService


STEPS: dict[str, Callable[[Stage, NatsService], object]] = {
    "start": lambda stage, service: service.startService(),
    "stop": lambda stage, service: service.stopService(),
    "publish": lambda stage, service: service.client.publish("a", b"x"),
    "drain": lambda stage, service: service.client.drain().addErrback(lambda _: None),
    "close": lambda stage, service: service.client.close(),
    "pump": lambda stage, service: stage.pump(),
    "wait": lambda stage, service: stage.advance(10),
    "kill": lambda stage, service: stage.server.kill(),
    "withhold": lambda stage, service: setattr(stage.server.faults, "withhold_pongs", True),
    "refuse": lambda stage, service: setattr(stage.server.faults, "refuse_login", "Authorization Violation"),
}
STATES = {
    "never started": "",
    "never started, published": "publish",
    "never started, drained": "drain",
    "never started, closed": "close",
    "just started": "start",
    "dialing": "start publish",
    "waiting for a server": "kill start wait",
    "waiting for a server, published": "kill start publish wait",
    "shaking hands": "withhold start pump",
    "connected": "start pump",
    "reconnecting": "start pump kill wait",
    "reconnecting, published": "start pump kill wait publish",
    "draining": "start pump drain",
    "closing": "start pump close",
    "closed": "start pump close pump",
    "refused": "refuse start wait",
    "stopping": "start pump stop",
    "stopped": "start pump stop pump",
}


def bring(stage: Stage, service: NatsService, state: str) -> None:
    for step in STATES[state].split():
        STEPS[step](stage, service)


@pytest.mark.parametrize("state", STATES)
def test_stopping_from_any_state_leaves_nothing(stage: Stage, state: str) -> None:
    service = stage.service()
    service.client.subscribe("b", stage.hear)
    bring(stage, service, state)
    first, second = Outcome(service.stopService()), Outcome(service.stopService())
    stage.advance(31)
    assert first.value is second.value is None
    assert service.client.status == "closed"
    assert not service.running
    stage.stop(service)


def test_stopping_finishes_what_is_in_hand_and_sends_what_was_published(stage: Stage) -> None:
    service = stage.service()
    work: Deferred[None] = Deferred()

    def handle(message: Message) -> Deferred[None]:
        return work.addCallback(lambda _: message.respond(b"done"))

    service.client.subscribe("job", handle)
    service.startService()
    stage.pump()
    asking = stage.service()
    asking.startService()
    reply = Outcome(asking.client.request("job", timeout=10))
    stage.pump()
    stopping = Outcome(service.stopService())
    stage.advance(1)
    assert not stopping.fired
    assert len(stage.server.connections) == 2
    work.callback(None)
    stage.pump()
    assert reply.value.payload == b"done"
    assert stopping.value is None
    assert len(stage.server.connections) == 1
    stage.stop(asking)


def test_stopping_takes_no_longer_than_it_may(stage: Stage) -> None:
    service = stage.service(drain_timeout=3)
    service.client.subscribe("job", lambda _: Deferred())
    service.client.publish("job")
    service.startService()
    stage.pump()
    stopping = Outcome(service.stopService())
    stage.advance(2.9)
    assert not stopping.fired
    stage.advance(0.2)
    assert stopping.value is None
    stage.nothing_left()


def test_a_handler_may_stop_the_service(stage: Stage) -> None:
    service = stage.service()
    stopping: list[Outcome] = []

    async def handle(message: Message) -> None:
        stopping.append(Outcome(service.stopService()))
        await stopping[0].deferred

    service.client.subscribe("end", handle)
    service.client.publish("end")
    service.startService()
    stage.advance(1)
    assert stopping[0].value is None
    stage.nothing_left()


def test_it_fires_when_the_socket_is_gone_and_not_before(stage: Stage) -> None:
    service = stage.service()
    service.startService()
    stage.pump()
    stage.network.frozen = True
    stopping = Outcome(service.stopService())
    stage.pump()
    assert not stopping.fired
    assert service.running == 0
    stage.network.frozen = False
    stage.pump()
    assert stopping.value is None
    assert stage.server.connections == []


# Start again


def test_starting_twice_is_starting_once(stage: Stage) -> None:
    service = stage.service()
    service.startService()
    service.startService()
    stage.pump()
    service.startService()
    stage.pump()
    assert stage.server.accepted == 1
    stage.stop(service)


@pytest.mark.parametrize("state", ["never started, closed", "draining", "closed"])
def test_it_cannot_start_when_it_was_stopped(stage: Stage, state: str) -> None:
    service = stage.service()
    bring(stage, service, state)
    stopping = Outcome(service.stopService())
    with pytest.raises(txnats.ClientClosed):
        service.startService()
    assert not service.running
    stage.advance(1)
    assert stopping.fired
    with pytest.raises(txnats.ClientClosed):
        service.startService()
    stage.nothing_left()


# A client that ends by itself


def test_a_refused_login_is_told_and_logged_and_the_service_can_be_stopped(
    stage: Stage, logged: list[LogEvent]
) -> None:
    stage.server.faults.refuse_login = "Authorization Violation"
    service = stage.service()
    service.setName("orders")
    waiting = Outcome(service.whenConnected())
    service.startService()
    stage.advance(10)
    assert isinstance(waiting.error, txnats.AuthenticationRefused)
    assert isinstance(Outcome(service.whenConnected()).error, txnats.AuthenticationRefused)
    assert [event["log_level"] for event in logged] == [LogLevel.critical]
    assert isinstance(logged[0]["reason"], txnats.AuthenticationRefused)
    assert "orders" in repr(logged[0]["service"])
    assert service.running
    stage.stop(service)


def test_an_end_after_it_was_connected_is_told_and_logged(stage: Stage, logged: list[LogEvent]) -> None:
    service = stage.service(reconnect=txnats.ReconnectOptions(max_attempts=2))
    service.startService()
    stage.pump()
    stage.server.kill()
    stage.pump()
    waiting = Outcome(service.whenConnected())
    stage.advance(60)
    assert isinstance(waiting.error, txnats.NatsError)
    assert len(logged) == 1
    stage.stop(service)


def test_an_end_that_was_asked_for_is_not_logged(stage: Stage, logged: list[LogEvent]) -> None:
    service = stage.service()
    service.startService()
    stage.pump()
    service.client.close()
    stage.stop(service)
    assert logged == []


def test_a_connection_that_is_lost_while_it_drains_is_not_logged(stage: Stage, logged: list[LogEvent]) -> None:
    service = stage.service()
    service.client.subscribe("job", lambda _: Deferred())
    service.client.publish("job")
    service.startService()
    stage.pump()
    stopping = Outcome(service.stopService())
    stage.pump()
    stage.server.kill()
    stage.advance(31)
    assert stopping.value is None
    assert logged == []
    stage.nothing_left()


# Events


def test_on_event_is_told_after_the_service(stage: Stage) -> None:
    told: list[events.Event] = []
    waiting: list[bool] = []

    def on_event(event: events.Event) -> None:
        told.append(event)
        waiting.append(first.fired)

    service = stage.service(on_event=on_event)
    first = Outcome(service.whenConnected())
    service.startService()
    stage.pump()
    stage.stop(service)
    assert [type(event) for event in told] == [events.Connected, events.Closed]
    assert waiting == [True, True]


# Inside Twisted's containers


def test_inside_a_multi_service(stage: Stage) -> None:
    parent = MultiService()
    service = stage.service()
    service.setName("nats")
    service.setServiceParent(parent)
    assert parent.getServiceNamed("nats") is service
    parent.privilegedStartService()
    stage.pump()
    assert stage.server.accepted == 0
    parent.startService()
    stage.pump()
    assert service.client.status == "connected"
    stage.stop(parent)
    assert service.client.status == "closed"


def test_joining_and_leaving_a_parent_that_runs(stage: Stage) -> None:
    parent = MultiService()
    parent.startService()
    service = stage.service()
    service.setServiceParent(parent)
    stage.pump()
    assert service.client.status == "connected"
    leaving = Outcome(service.disownServiceParent())
    stage.pump()
    assert leaving.value is None
    stage.stop(parent)


def test_inside_an_application(stage: Stage) -> None:
    application = Application("orders")
    service = stage.service()
    service.setServiceParent(IServiceCollection(application))
    whole = IService(application)
    whole.privilegedStartService()
    whole.startService()
    stage.pump()
    assert Outcome(service.whenConnected()).value is service.client
    stage.stop(whole)


def test_the_lame_duck_changes_nothing_for_the_service(stage: Stage) -> None:
    other = FakeServer(stage.clock, beside=stage.server, port=4223)
    stage.network.listen("127.0.0.1", 4223, other)
    told: list[type] = []
    service = NatsService(
        stage.clock,
        f"{URL},nats://127.0.0.1:4223",
        endpoint_factory=stage.network.endpoint_factory,
        reconnect=txnats.ReconnectOptions(shuffle=False),
        on_event=lambda event: told.append(type(event)),
    )
    service.startService()
    stage.pump()
    stage.server.lame_duck()
    stage.advance(5)
    assert told == [events.Connected, events.LameDuck, events.Reconnecting, events.Reconnected]
    assert Outcome(service.whenConnected()).value is service.client
    stopping = Outcome(service.stopService())
    stage.advance(1)
    assert stopping.value is None
    assert other.connections == []
    stage.server.kill()
    stage.pump()
    stage.nothing_left()


def test_its_text_tells_its_state(stage: Stage) -> None:
    service = stage.service()
    assert repr(service) == "<NatsService connecting>"
    service.setName("orders")
    stage.stop(service)
    assert repr(service) == "<NatsService 'orders' closed>"
