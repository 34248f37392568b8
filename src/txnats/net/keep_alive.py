"""Notices a dead connection: silence, in spite of PINGs."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ..options import PingOptions
from ..state.pings import Liveness, Verdict
from .timer import cancel


class KeepAlive:
    """Looks at one connection from time to time. What is to be done about it is decided in ``Liveness``.

    Args:
        clock: Time.
        options: How long silence may last, and how often it is asked into.
        received: Gives the bytes that have come so far.
        ask: Called when a PING is due.
        stale: Called, once, when none was answered, with the seconds of silence.

    Attributes:
        heard_at: When the last byte came; set by the connection.
    """

    __slots__ = (
        "_ask",
        "_clock",
        "_liveness",
        "_options",
        "_received",
        "_received_at_check",
        "_stale",
        "_timer",
        "heard_at",
    )

    def __init__(
        self,
        clock: IReactorTime,
        options: PingOptions,
        *,
        received: Callable[[], int],
        ask: Callable[[], None],
        stale: Callable[[float], None],
    ) -> None:
        self.heard_at = 0.0
        self._clock = clock
        self._options = options
        self._received = received
        self._ask = ask
        self._stale = stale
        self._liveness = Liveness(options.max_outstanding)
        self._received_at_check = 0
        self._timer: IDelayedCall | None = None

    def start(self) -> None:
        """Look from now on, if at all."""
        if self._options.interval and self._timer is None:
            self._timer = self._clock.callLater(self._options.interval, self._check)

    def restart(self) -> None:
        """Look from now on; what was silent until now does not count."""
        self.heard_at = self._clock.seconds()
        self.start()

    def stop(self) -> None:
        """Look no longer."""
        cancel(self._timer)
        self._timer = None

    def _check(self) -> None:
        self._timer = None
        now, interval = self._clock.seconds(), self._options.interval
        # Compared with the very sum that the timer was set to: rounding must not make it look too early for ever.
        due = self.heard_at + interval
        # A byte that came since the last check answers it, though a quick PONG may be older than an interval by now.
        received = self._received()
        heard, self._received_at_check = received != self._received_at_check, received
        match self._liveness.judge(heard=heard, silent=not self.heard_at <= now < due):
            case Verdict.ALIVE:
                # From the last byte on, so that a loss is noticed after interval x (max_outstanding + 1) seconds.
                self._timer = self._clock.callLater(due - now, self._check)
            case Verdict.ASK:
                self.start()
                self._ask()
            case Verdict.STALE:
                self._stale(interval * (self._options.max_outstanding + 1))
