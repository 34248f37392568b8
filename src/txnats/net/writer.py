"""Where bytes leave: the outbox is written once a reactor turn, at its end or at the end of a chunk of input.

A connection that pauses us leaves the rest in the outbox, whose bound then holds.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ..errors import ClientClosed, NatsError
from ..state.outbox import Outbox
from ..state.pings import Waiter
from ..state.waiters import Waiters
from ..wire import encode
from .connection import Connection
from .timer import cancel

BARRIER_BYTES = 256 * 1024
BARRIER_SECONDS = 0.1


class Writer:
    """Moves the outbox to the connection in use and asks for the barriers that confirm publishes.

    Args:
        clock: For "once a turn" and the barrier.
        make_outbox: Makes the outbox around our wake-up call.
        ready_below: ``ready`` waits while more bytes than this wait.
    """

    def __init__(
        self, clock: IReactorTime, make_outbox: Callable[[Callable[[], None]], Outbox], ready_below: int
    ) -> None:
        self._clock = clock
        self._ready_below = ready_below
        self._connection: Connection | None = None
        self._turn: IDelayedCall | None = None
        self._barrier: IDelayedCall | None = None
        self._since_ping = 0
        self._pumping = False
        self._waiters: Waiters[None] = Waiters()
        self._closed: ClientClosed | None = None
        self.outbox = make_outbox(self._wake)

    @property
    def connection(self) -> Connection | None:
        """The connection that takes publishes, if any."""
        return self._connection

    def attach(self, connection: Connection, preface: list[bytes]) -> None:
        """Use this connection from now on: first the preface, in one write, then what waits."""
        self._connection = connection
        self._since_ping = 0
        if preface:
            connection.write(b"".join(preface))
        self.outbox.up()
        self.pump()

    def detach(self, *, again: bool) -> int:
        """The connection is gone; gives how many publishes nobody can vouch for.

        Args:
            again: Whether those that are kept for it are to be sent again.
        """
        self._connection = None
        self._stop_timers()
        return self.outbox.lost(again=again)

    def pump(self) -> None:
        """Write what waits, as far as the socket takes it: to be called once a turn, or at the end of its input."""
        connection = self._connection
        if connection is None or self._pumping:
            return
        self._pumping = True
        try:
            # Pushing saves a reactor turn for each batch, and for each request that is asked one at a time.
            while self._hand_over(connection):
                connection.push()
            outbox = self.outbox
            # A connection that wants no more now has the rest of it soon.
            if not (connection.paused and outbox.size):
                connection.settle()
        finally:
            self._pumping = False
        if outbox.unconfirmed and self._barrier is None and not connection.pings and self._connection is connection:
            self._barrier = self._clock.callLater(BARRIER_SECONDS, self._barrier_due)
        if self._waiters and outbox.held <= self._ready_below:
            self._waiters.tell(None)

    def _hand_over(self, connection: Connection) -> bool:
        """Hand batches to the connection until it wants no more; whether there were any."""
        outbox = self.outbox
        any_yet = False
        while not connection.paused:
            batch = outbox.take()
            if batch is None:
                break
            any_yet = True
            connection.hand_over(batch.data)
            if batch.publishes:
                self._since_ping += batch.size
                if self._since_ping >= BARRIER_BYTES and not connection.pings:
                    # At once, in front of what still waits: no other PING is queued that it could overtake.
                    self._since_ping = 0
                    connection.pings.sent(outbox.written, -1)
                    connection.hand_over(encode.PING)
        return any_yet

    def ping(self, connection: Connection, waiter: Waiter | None = None, *, share: bool = True) -> None:
        """Queue a PING; the waiter may share one that nothing was queued behind."""
        outbox = self.outbox
        if waiter is not None and share and connection.pings.join(outbox.position, waiter):
            return
        self._since_ping = 0
        connection.pings.sent(outbox.mark, outbox.position + 1, waiter)
        outbox.add_command(encode.PING)

    def finish(self) -> None:
        """Hand all that waits to the connection, whether or not it wants more: it is about to be closed."""
        connection = self._connection
        if connection is None:
            return
        while (batch := self.outbox.take()) is not None:
            connection.hand_over(batch.data)
        connection.settle()

    def ready(self) -> Deferred[None]:
        """Fires once few enough bytes wait; at once while that is so."""
        if self._closed is not None:
            return fail(self._closed)
        if self.outbox.held <= self._ready_below:
            return succeed(None)
        return self._waiters.wait()

    def stop(self, reason: NatsError | None) -> int:
        """The client is closed: gives how many publishes were never written."""
        self._connection = None
        self._stop_timers()
        self._closed = ClientClosed(reason)
        dropped = self.outbox.close(self._closed)
        self._waiters.fail(self._closed)
        return dropped

    def _wake(self) -> None:
        """Something waits: write it in this turn's end, or at the end of the input that is being read.

        Not before, however much it is: who publishes without a pause would keep the reactor from everything else.
        """
        connection = self._connection
        if connection is not None and self._turn is None and not connection.reading:
            self._turn = self._clock.callLater(0, self._turn_over)

    def _turn_over(self) -> None:
        self._turn = None
        self.pump()

    def _barrier_due(self) -> None:
        self._barrier = None
        connection = self._connection
        if connection is not None and self.outbox.unconfirmed and not connection.pings:
            self.ping(connection)

    def _stop_timers(self) -> None:
        cancel(self._turn, self._barrier)
        self._turn = self._barrier = None
