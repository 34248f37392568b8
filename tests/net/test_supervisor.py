"""The supervisor under any order of events: one connection at most takes publishes, and nothing is ever left over."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from tests.client.harness import Failures
from txnats.errors import AuthenticationRefused, ConnectionLost, DialFailed, NatsError
from txnats.net.connection import Connection
from txnats.net.supervisor import Supervisor
from txnats.options import ReconnectOptions
from txnats.state.addresses import parse_servers
from txnats.state.servers import Server, Servers


class FakeConnection:
    def __init__(self, owner: FakeOwner) -> None:
        self.owner = owner
        self.listens = True
        self.over = False
        self.being_left = False
        self.prepared: Deferred[None] | None = None
        owner.made.append(self)

    def leave(self) -> None:
        self.listens = False

    def fail(self, reason: NatsError) -> None:
        self.over = True

    def lose(self) -> None:
        """As a real one: whoever waits on it hears first, then its listener."""
        if self.over and not self.being_left:
            return
        self.over = True
        reason = ConnectionLost("", "cut")
        if self.prepared is not None and not self.prepared.called:
            self.prepared.errback(reason)
        if self.listens:
            self.owner.supervisor.lost(cast(Connection, self), reason)


class Dial:
    def __init__(self, owner: FakeOwner, server: Server, on_cancel: str) -> None:
        self.owner = owner
        self.server = server
        self.on_cancel = on_cancel
        self.cancelled = False
        self.deferred: Deferred[Any] = Deferred(self._cancel)

    def _cancel(self, _: Deferred[Any]) -> None:
        self.cancelled = True
        if self.on_cancel == "succeed":
            self.deferred.callback(FakeConnection(self.owner))
        elif self.on_cancel == "fail":
            self.deferred.errback(DialFailed("", "given up"))

    @property
    def pending(self) -> bool:
        return not self.deferred.called


class FakeOwner:
    def __init__(self) -> None:
        self.supervisor: Supervisor
        self.made: list[FakeConnection] = []
        self.dials: list[Dial] = []
        self.next_dial: list[str] = []
        self.on_cancel = "plain"
        self.current: FakeConnection | None = None
        self.is_closed = 0
        self.reactions: list[str] = []
        self.told: list[str] = []

    def dial(self, server: Server) -> Deferred[Connection]:
        dial = Dial(self, server, self.on_cancel)
        self.dials.append(dial)
        at_once = self.next_dial.pop(0) if self.next_dial else ""
        if at_once == "ok":
            dial.deferred.callback(FakeConnection(self))
        elif at_once == "refused":
            dial.deferred.errback(AuthenticationRefused(server.name, "no"))
        elif at_once:
            dial.deferred.errback(DialFailed(server.name, "no"))
        return dial.deferred

    def react(self) -> None:
        if not self.reactions:
            return
        match self.reactions.pop(0):
            case "close":
                self.supervisor.close(None)
            case "reconnect":
                self.supervisor.reconnect(ConnectionLost("", "asked"))
            case "drain":
                self.supervisor.drain()
            case "lose":
                if self.current is not None:
                    self.current.lose()
            case "duck":
                if self.current is not None:
                    self.supervisor.lame_duck(cast(Connection, self.current))

    def dialing(self, server: Server, *, again: bool) -> None:
        self.told.append("dialing")
        self.react()

    def failed(self, server: Server, error: NatsError) -> None:
        self.react()

    def up(self, connection: Connection, server: Server, *, again: bool) -> None:
        self.told.append("up")
        assert self.current is None, "two connections take publishes"
        assert not self.is_closed
        self.current = cast(FakeConnection, connection)
        self.react()

    def down(self, connection: Connection, server: Server, reason: NatsError) -> None:
        self.told.append("down")
        assert self.current is cast(FakeConnection, connection)
        assert self.current.over
        self.current = None
        self.react()

    def prepare(self, connection: Connection) -> Deferred[None]:
        self.told.append("prepare")
        fake = cast(FakeConnection, connection)
        fake.prepared = Deferred()
        return fake.prepared

    def switch(self, old: Connection, new: Connection, server: Server) -> None:
        self.told.append("switch")
        assert self.current is cast(FakeConnection, old)
        self.current.being_left = True
        self.current = cast(FakeConnection, new)
        self.react()

    def closed(self, reason: NatsError | None, connection: Connection | None) -> None:
        self.told.append("closed")
        self.is_closed += 1
        assert self.is_closed == 1
        assert self.current is cast("FakeConnection | None", connection)
        if connection is not None:
            cast(FakeConnection, connection).over = True
        self.current = None
        self.react()


REACTIONS = st.lists(st.sampled_from(["", "close", "reconnect", "drain", "lose", "duck"]), max_size=3)


@st.composite
def reconnect_options(draw: st.DrawFn) -> ReconnectOptions:
    return ReconnectOptions(
        enabled=draw(st.booleans() | st.just(True)),
        max_attempts=draw(st.sampled_from([-1, 1, 3])),
        retry_on_first_connect=draw(st.booleans()),
        first_wait=draw(st.sampled_from([0.1, 1.0])),
        shuffle=False,
    )


class SupervisorMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.failures = Failures()
        self.failures.__enter__()
        self.clock = Clock()
        self.owner = FakeOwner()

    @initialize(options=reconnect_options(), count=st.integers(1, 3))
    def build(self, options: ReconnectOptions, count: int) -> None:
        addresses = parse_servers(",".join(f"nats://h{n}" for n in range(count)))
        servers = Servers([Server(address.name, address) for address in addresses], options, 100)
        self.owner.supervisor = Supervisor(self.clock, servers, options, self.owner.dial, self.owner)

    @rule()
    def start(self) -> None:
        self.owner.supervisor.start()

    @rule(reactions=REACTIONS)
    def plan_reactions(self, reactions: list[str]) -> None:
        self.owner.reactions[:] = reactions

    @rule(at_once=st.lists(st.sampled_from(["", "ok", "no", "refused"]), max_size=4))
    def plan_dials(self, at_once: list[str]) -> None:
        self.owner.next_dial[:] = at_once

    @rule(how=st.sampled_from(["plain", "succeed", "fail"]))
    def plan_cancel(self, how: str) -> None:
        self.owner.on_cancel = how

    def _pending(self) -> list[Dial]:
        return [dial for dial in self.owner.dials if dial.pending]

    @precondition(lambda self: self._pending())
    @rule(number=st.integers(0, 9))
    def dial_succeeds(self, number: int) -> None:
        pending = self._pending()
        pending[number % len(pending)].deferred.callback(FakeConnection(self.owner))

    @precondition(lambda self: self._pending())
    @rule(number=st.integers(0, 9), refused=st.booleans())
    def dial_fails(self, number: int, refused: bool) -> None:
        pending = self._pending()
        error = AuthenticationRefused("", "no") if refused else DialFailed("", "no")
        pending[number % len(pending)].deferred.errback(error)

    @precondition(lambda self: self.owner.made)
    @rule(number=st.integers(0, 99))
    def lose_any(self, number: int) -> None:
        self.owner.made[number % len(self.owner.made)].lose()

    @precondition(lambda self: self.owner.current)
    @rule()
    def lose(self) -> None:
        cast(FakeConnection, self.owner.current).lose()

    @precondition(lambda self: self.owner.current)
    @rule()
    def lame_duck(self) -> None:
        self.owner.supervisor.lame_duck(cast(Connection, self.owner.current))

    @precondition(lambda self: any(made.prepared and not made.prepared.called for made in self.owner.made))
    @rule(good=st.booleans())
    def prepared(self, good: bool) -> None:
        made = next(made for made in self.owner.made if made.prepared and not made.prepared.called)
        assert made.prepared is not None
        if made.over or not good:
            made.over = True
            made.prepared.errback(ConnectionLost("", "lost"))
        else:
            made.prepared.callback(None)

    @rule()
    def reconnect(self) -> None:
        self.owner.supervisor.reconnect(ConnectionLost("", "asked"))

    @rule()
    def drain(self) -> None:
        self.owner.supervisor.drain()

    @rule(reason=st.sampled_from([None, DialFailed("", "fatal")]))
    def close(self, reason: NatsError | None) -> None:
        self.owner.supervisor.close(reason)
        assert self.owner.is_closed == 1

    @rule(seconds=st.sampled_from([0, 0.1, 0.25, 1, 5, 15, 60]))
    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @invariant()
    def one_attempt(self) -> None:
        assert len(self._pending()) <= 1

    @invariant()
    def in_use_is_what_the_supervisor_says(self) -> None:
        if hasattr(self.owner, "supervisor"):
            link = self.owner.supervisor.link
            assert (link and cast(FakeConnection, link.connection)) is self.owner.current

    @invariant()
    def each_connection_has_a_place(self) -> None:
        preparing = [
            made for made in self.owner.made if not made.over and not made.being_left and made is not self.owner.current
        ]
        assert len(preparing) <= 1
        assert all(made.prepared is not None and not made.prepared.called for made in preparing)

    @invariant()
    def at_most_one_timer_of_waiting_or_two_of_a_move(self) -> None:
        assert len(self.clock.getDelayedCalls()) <= 2

    @invariant()
    def nothing_lives_after_the_end(self) -> None:
        if self.owner.is_closed:
            assert self.clock.getDelayedCalls() == []
            assert self._pending() == []
            assert all(made.over or made.being_left for made in self.owner.made)

    def teardown(self) -> None:
        if hasattr(self.owner, "supervisor"):
            self.owner.reactions.clear()
            self.owner.supervisor.close(None)
            self.nothing_lives_after_the_end()
            for made in self.owner.made:
                made.lose()
            self.owner.supervisor.start()
            self.owner.supervisor.reconnect(ConnectionLost("", ""))
            self.owner.supervisor.drain()
            self.owner.supervisor.close(None)
            assert self.owner.is_closed == 1
        globalLogPublisher.removeObserver(self.failures)
        assert self.failures.seen == []


SupervisorMachine.TestCase.settings = settings(
    max_examples=300, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestSupervisor = SupervisorMachine.TestCase


@pytest.fixture
def owner() -> FakeOwner:
    return FakeOwner()


def make(owner: FakeOwner, clock: Clock, count: int = 1, **options: Any) -> Supervisor:
    reconnect = ReconnectOptions(shuffle=False, jitter=0, **options)
    addresses = parse_servers(",".join(f"nats://h{n}" for n in range(count)))
    servers = Servers([Server(address.name, address) for address in addresses], reconnect, 100)
    owner.supervisor = Supervisor(clock, servers, reconnect, owner.dial, owner)
    return owner.supervisor


def test_a_lame_duck_with_a_dial_that_never_ends_stays_after_the_deadline(owner: FakeOwner) -> None:
    clock = Clock()
    supervisor = make(owner, clock, 2)
    owner.next_dial = ["ok"]
    supervisor.start()
    first = owner.current
    assert first is not None
    supervisor.lame_duck(cast(Connection, first))
    assert len(owner.dials) == 2
    clock.advance(15)
    assert owner.dials[1].cancelled
    assert owner.current is first
    assert clock.getDelayedCalls() == []
    first.lose()
    clock.advance(0)
    assert owner.told == ["dialing", "up", "dialing", "down", "dialing"]


def test_a_lame_duck_tries_again_after_a_failed_successor(owner: FakeOwner) -> None:
    clock = Clock()
    supervisor = make(owner, clock, 2)
    owner.next_dial = ["ok", "no", "ok"]
    supervisor.start()
    first = owner.current
    supervisor.lame_duck(cast(Connection, first))
    assert owner.current is first
    clock.advance(0.25)
    assert owner.told[-1] == "prepare"
    successor = owner.made[-1]
    assert successor.prepared is not None
    successor.prepared.callback(None)
    assert owner.current is successor
    assert clock.getDelayedCalls() == []
    # The old one is of no interest any more.
    assert first is not None
    first.lose()
    assert owner.current is successor


def test_the_retry_of_a_lame_duck_asks_another_server_each_time(owner: FakeOwner) -> None:
    clock = Clock()
    supervisor = make(owner, clock, 3)
    owner.next_dial = ["ok", "no", "no"]
    supervisor.start()
    supervisor.lame_duck(cast(Connection, owner.current))
    clock.advance(0.25)
    assert {dial.server.name for dial in owner.dials[1:]} == {"nats://h1:4222", "nats://h2:4222"}


@pytest.mark.parametrize("what", ["close", "reconnect"])
@pytest.mark.parametrize("turn", [1, 2, 3])
def test_ending_a_move_when_its_attempt_is_told_leaves_no_dial(owner: FakeOwner, what: str, turn: int) -> None:
    clock = Clock()
    supervisor = make(owner, clock, 2)
    owner.next_dial = ["ok", "no", "no"][:turn]
    supervisor.start()
    owner.reactions = [*[""] * 2 * (turn - 1), what]  # it is told of attempts and of their failures
    supervisor.lame_duck(cast(Connection, owner.current))
    for _ in range(turn - 1):
        clock.advance(0.25)
    clock.advance(0)
    assert owner.reactions == []
    waiting = [dial for dial in owner.dials if dial.pending]
    assert len(waiting) == (what == "reconnect")
    supervisor.close(None)
    assert not any(dial.pending for dial in owner.dials)
    assert clock.getDelayedCalls() == []


def test_a_move_to_a_server_that_is_away_for_long_does_not_strike_it_off(owner: FakeOwner) -> None:
    clock = Clock()
    supervisor = make(owner, clock, 2, max_attempts=3)
    owner.next_dial = ["ok", *["no"] * 100]
    supervisor.start()
    first = owner.current
    assert first is not None
    supervisor.lame_duck(cast(Connection, first))
    for _ in range(100):
        clock.advance(0.25)
    owner.next_dial = []
    first.lose()
    clock.advance(0)
    assert owner.dials[-1].server.name == "nats://h1:4222"
    supervisor.close(None)


def test_the_waits_of_a_reconnect(owner: FakeOwner) -> None:
    clock = Clock()
    supervisor = make(owner, clock, 2, max_attempts=-1)
    owner.next_dial = ["ok"] + ["no"] * 20
    supervisor.start()
    assert owner.current is not None
    clock.advance(2)
    owner.current.lose()
    clock.pump([0, 0])
    assert len(owner.dials) == 3  # both without a wait
    times = []
    for _ in range(3):
        before = len(owner.dials)
        start = clock.seconds()
        while len(owner.dials) == before:
            clock.advance(0.01)
        times.append(round(clock.seconds() - start, 2))
    assert times == pytest.approx([0.1, 0.2, 0.4], abs=0.02)


def test_reconnect_while_waiting_tries_at_once(owner: FakeOwner) -> None:
    clock = Clock()
    supervisor = make(owner, clock, 1, first_wait=5)
    owner.next_dial = ["ok", "no"]
    supervisor.start()
    assert owner.current is not None
    clock.advance(2)
    owner.current.lose()
    clock.advance(0)
    assert len(owner.dials) == 2
    supervisor.reconnect(ConnectionLost("", "asked"))
    clock.advance(0)
    assert len(owner.dials) == 3


def test_disabled_reconnect_closes_with_the_loss(owner: FakeOwner) -> None:
    supervisor = make(owner, Clock(), enabled=False)
    owner.next_dial = ["ok"]
    supervisor.start()
    assert owner.current is not None
    owner.current.lose()
    assert owner.told == ["dialing", "up", "down", "closed"]
    assert len(owner.dials) == 1


def test_disabled_reconnect_still_allows_a_first_pass_over_all_servers(owner: FakeOwner) -> None:
    clock = Clock()
    supervisor = make(owner, clock, 2, enabled=False)
    owner.next_dial = ["no", "ok"]
    supervisor.start()
    clock.advance(0)
    assert owner.current is not None


def test_a_cancelled_attempt_leaves_no_unhandled_error(owner: FakeOwner) -> None:
    with Failures() as logged:
        supervisor = make(owner, Clock())
        supervisor.start()
        supervisor.close(None)
        assert owner.dials[0].cancelled
        owner.dials[0].deferred.addErrback(lambda failure: failure.trap(CancelledError) and None)
        owner.dials.clear()
    assert logged == []
