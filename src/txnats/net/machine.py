"""Which connection is in use, and what comes after it: the life of a client as a machine.

::

    Idle ──start──> Waiting ──retry──> Dialing ──dialed──> Live ──lost──> Waiting
                       ^───────failed─────┘                │ ^
                                                 lame duck v │ prepared (the successor), stay (the old one)
                                                       Migrating ──lost──> Waiting
    Live, Migrating ──drain──> Draining ──lost──> Closed <──close── all

The invariant: at most one connection takes publishes. A second one exists only in Migrating, until a deadline. States
own what only they need: Waiting its timer, Dialing its attempt, Live its link, Migrating the link and the move.

Entering a state runs its factory first and the transition's own code second; an input that arrives meanwhile waits
until both are done. So whatever the choice of a server depends on is noted before the input is given.
"""

from __future__ import annotations

from collections.abc import Callable

from automat import TypeMachineBuilder
from twisted.internet.interfaces import IDelayedCall

from ..errors import InvalidOption, NatsError
from ..state.servers import Server
from .links import Attempt, Core, Inputs, Link, Move
from .timer import cancel


def _wait(machine: Inputs, core: Core, reason: NatsError) -> list[IDelayedCall]:
    """Entering Waiting: choose a server, or see that none is left."""
    first_pass_failed = core.servers.pass_is_over() and not core.ever_live
    try:
        choice = core.servers.next()
    except InvalidOption as error:
        machine.close(error)
        return []
    if choice is None or (first_pass_failed and not core.options.retry_on_first_connect):
        machine.close(core.servers.verdict())
    elif core.ever_live and not core.options.enabled:
        machine.close(core.servers.last_error)
    else:
        server, wait = choice
        if core.tried:
            # Also without a wait: attempts that fail at once must not hold up the reactor.
            return [core.clock.callLater(wait, machine.retry, server)]
        core.tried = True
        machine.retry(server)
    return []


def _attempt(machine: Inputs, core: Core, server: Server) -> Attempt:
    """Entering Dialing."""
    return Attempt(server).start(machine, core)


def _enter(machine: Inputs, core: Core, link: Link) -> Link:
    """Entering Live."""
    return core.enter(link)


def _current(machine: Inputs, core: Core) -> Link:
    """Entering Draining: with the link that is in use."""
    assert core.link is not None
    return core.link


def _build() -> Callable[[Core], Inputs]:
    builder = TypeMachineBuilder(Inputs, Core)
    idle = builder.state("Idle")
    waiting = builder.state("Waiting", _wait)
    dialing = builder.state("Dialing", _attempt)
    live = builder.state("Live", _enter)
    migrating = builder.state("Migrating", Move)
    draining = builder.state("Draining", _current)
    closed = builder.state("Closed")

    idle.upon(Inputs.start).to(waiting).returns(None)
    waiting.upon(Inputs.retry).to(dialing).returns(None)
    dialing.upon(Inputs.failed).to(waiting).returns(None)

    @dialing.upon(Inputs.dialed).to(live)
    def up(machine: Inputs, core: Core, attempt: Attempt, link: Link) -> None:
        again, core.ever_live = core.ever_live, True
        core.owner.up(link.connection, link.server, again=again)
        if core.draining:
            machine.drain()

    @live.upon(Inputs.lost).to(waiting)
    def down(machine: Inputs, core: Core, link: Link, reason: NatsError) -> None:
        core.leave(link, reason)

    @live.upon(Inputs.reconnect).to(waiting)
    def cut(machine: Inputs, core: Core, link: Link, reason: NatsError) -> None:
        link.drop(reason.why)
        core.leave(link, reason)

    live.upon(Inputs.lame_duck).to(migrating).returns(None)

    @migrating.upon(Inputs.dialed).loop()
    def prepare(machine: Inputs, core: Core, move: Move, link: Link) -> None:
        move.dialed(machine, core, link)

    @migrating.upon(Inputs.prepared).to(live)
    def switch(machine: Inputs, core: Core, move: Move, link: Link) -> None:
        move.end()
        core.moved = core.clock.seconds()
        core.owner.switch(move.link.connection, link.connection, link.server)

    @migrating.upon(Inputs.failed).loop()
    def again(machine: Inputs, core: Core, move: Move, reason: NatsError) -> None:
        move.again(machine, core)

    @migrating.upon(Inputs.stay).to(live)
    def stay(machine: Inputs, core: Core, move: Move, link: Link) -> None:
        move.abandon()

    @migrating.upon(Inputs.lost).to(waiting)
    def lost_on_the_way(machine: Inputs, core: Core, move: Move, reason: NatsError) -> None:
        move.abandon()
        core.leave(move.link, reason)

    @migrating.upon(Inputs.reconnect).to(waiting)
    def cut_on_the_way(machine: Inputs, core: Core, move: Move, reason: NatsError) -> None:
        move.abandon()
        move.link.drop(reason.why)
        core.leave(move.link, reason)

    live.upon(Inputs.drain).to(draining).returns(None)

    @migrating.upon(Inputs.drain).to(draining)
    def drain_where_it_is(machine: Inputs, core: Core, move: Move) -> None:
        move.abandon()

    @idle.upon(Inputs.drain).loop()
    @waiting.upon(Inputs.drain, nodata=True).loop()
    @dialing.upon(Inputs.drain, nodata=True).loop()
    def drain_later(machine: Inputs, core: Core) -> None:
        core.draining = True

    @draining.upon(Inputs.lost).to(closed)
    def drained_too_late(machine: Inputs, core: Core, link: Link, reason: NatsError) -> None:
        core.leave(link, reason)
        core.owner.closed(reason, None)

    @idle.upon(Inputs.close).to(closed)
    def close_idle(machine: Inputs, core: Core, reason: NatsError | None) -> None:
        core.owner.closed(reason, None)

    @waiting.upon(Inputs.close).to(closed)
    def close_waiting(machine: Inputs, core: Core, timers: list[IDelayedCall], reason: NatsError | None) -> None:
        cancel(*timers)
        core.owner.closed(reason, None)

    @dialing.upon(Inputs.close).to(closed)
    def close_dialing(machine: Inputs, core: Core, attempt: Attempt, reason: NatsError | None) -> None:
        attempt.cancel()
        core.owner.closed(reason, None)

    @live.upon(Inputs.close).to(closed)
    @draining.upon(Inputs.close).to(closed)
    def close_live(machine: Inputs, core: Core, link: Link, reason: NatsError | None) -> None:
        core.link = None
        core.owner.closed(reason, link.connection)

    @migrating.upon(Inputs.close).to(closed)
    def close_migrating(machine: Inputs, core: Core, move: Move, reason: NatsError | None) -> None:
        move.abandon()
        core.link = None
        core.owner.closed(reason, move.link.connection)

    @waiting.upon(Inputs.reconnect).loop()
    def wait_no_longer(machine: Inputs, core: Core, timers: list[IDelayedCall], reason: NatsError) -> None:
        for timer in timers:
            if timer.active():
                timer.reset(0)

    @waiting.upon(Inputs.dialed, nodata=True).loop()
    @live.upon(Inputs.dialed, nodata=True).loop()
    @draining.upon(Inputs.dialed, nodata=True).loop()
    @closed.upon(Inputs.dialed).loop()
    def too_late(machine: Inputs, core: Core, link: Link) -> None:
        link.drop("it came too late")

    # What may still arrive when its time is over, and then means nothing.
    late: Callable[..., None]
    for late in (Inputs.reconnect, Inputs.lame_duck):
        idle.upon(late).loop().returns(None)
    for late in (Inputs.start, Inputs.failed, Inputs.lost, Inputs.lame_duck, Inputs.prepared, Inputs.stay):
        waiting.upon(late).loop().returns(None)
    for late in (Inputs.start, Inputs.lost, Inputs.reconnect, Inputs.lame_duck, Inputs.prepared, Inputs.stay):
        dialing.upon(late).loop().returns(None)
    for late in (Inputs.start, Inputs.failed, Inputs.prepared, Inputs.stay):
        live.upon(late).loop().returns(None)
    for late in (Inputs.start, Inputs.lame_duck):
        migrating.upon(late).loop().returns(None)
    for late in (Inputs.start, Inputs.failed, Inputs.reconnect, Inputs.lame_duck, Inputs.prepared, Inputs.stay):
        draining.upon(late).loop().returns(None)
    draining.upon(Inputs.drain).loop().returns(None)
    for late in (Inputs.start, Inputs.retry, Inputs.failed, Inputs.lost, Inputs.reconnect, Inputs.lame_duck):
        closed.upon(late).loop().returns(None)
    for late in (Inputs.prepared, Inputs.stay, Inputs.drain, Inputs.close):
        closed.upon(late).loop().returns(None)
    return builder.build()


make_machine = _build()
"""Gives a new machine, in Idle, around a core."""
