"""How fast txnats has to be: one table, and what its words mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BASELINE = "nats-py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One demand.

    Attributes:
        measure: "rate" and "cpu" compare with ``against`` in the same round; "value" stands alone.
        limit: The least ratio of rates; the greatest ratio of CPU per message; the greatest value, in the row's unit.
    """

    measure: Literal["rate", "cpu", "value"]
    limit: float
    against: str = BASELINE

    def met(self, found: float) -> bool:
        """Whether what was found is good enough."""
        return found >= self.limit if self.measure == "rate" else found <= self.limit

    def __str__(self) -> str:
        peer = "" if self.against == BASELINE else f" {self.against}"
        match self.measure:
            case "rate":
                return f"{self.limit:g}x{peer}"
            case "cpu":
                return f"CPU {self.limit:g}x{peer}"
            case "value":
                return f"{self.limit:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a row must reach, and what we would like it to reach."""

    must: tuple[Bound, ...]
    goal: tuple[Bound, ...]


def rate(limit: float, against: str = BASELINE) -> Bound:
    return Bound(measure="rate", limit=limit, against=against)


def cpu(limit: float, against: str = BASELINE) -> Bound:
    return Bound(measure="cpu", limit=limit, against=against)


def value(limit: float) -> Bound:
    return Bound(measure="value", limit=limit)


SMALL_PUBLISH = Goal(must=(rate(3),), goal=(rate(4.5),))
MIDDLE_PUBLISH = Goal(must=(rate(2.5),), goal=(rate(3.5),))
LARGE = Goal(must=(rate(1.2), cpu(0.5)), goal=(rate(1.6),))
SUBSCRIBE = Goal(must=(rate(3),), goal=(rate(4.5),))
COMPILED = Goal(must=(rate(6),), goal=(cpu(1, "c"),))
SMALL_TLS = Goal(must=(rate(1.5),), goal=(rate(2.5),))
LARGE_TLS = Goal(must=(rate(1),), goal=(rate(1.2),))

GOALS = {
    "publish 16 B": SMALL_PUBLISH,
    "publish 128 B": SMALL_PUBLISH,
    "publish 1 KiB": MIDDLE_PUBLISH,
    "publish 64 KiB": LARGE,
    "publish 128 B + headers": MIDDLE_PUBLISH,
    "subscribe 16 B": COMPILED,
    "subscribe 128 B": COMPILED,
    "subscribe 16 B, pure": SUBSCRIBE,
    "subscribe 128 B, pure": SUBSCRIBE,
    "subscribe 16 B, async, pure": Goal(must=(rate(2.5),), goal=(rate(3.5),)),
    "publish + receive 16 B": Goal(must=(rate(2.5), rate(1, "natsio")), goal=(rate(3.5),)),
    "publish + receive 1 KiB": Goal(must=(rate(2), rate(1, "natsio")), goal=(rate(3),)),
    "subscribe 1 KiB": SUBSCRIBE,
    "subscribe 64 KiB": LARGE,
    "subscribe 16 B, live": SUBSCRIBE,
    "subscribe 64 KiB, live": LARGE,
    "subscribe 16 B + headers": SUBSCRIBE,
    "subscribe 16 B, async": Goal(must=(rate(2.5),), goal=(rate(3.5),)),
    "request, one at a time": Goal(must=(rate(1.3),), goal=(rate(1.6), rate(1, "c"))),
    "request, 100 in flight": Goal(must=(rate(1.5),), goal=(rate(1.8), rate(1, "c"))),
    "JetStream publish, one at a time": Goal(must=(rate(1.2),), goal=(rate(1.5),)),
    "JetStream publish, 256 in flight": Goal(must=(rate(5.5),), goal=(rate(9),)),
    "publish 128 B, TLS": SMALL_TLS,
    "publish 64 KiB, TLS": LARGE_TLS,
    "subscribe 128 B, TLS": SMALL_TLS,
    "subscribe 64 KiB, TLS": LARGE_TLS,
    "request, one at a time, TLS": Goal(must=(rate(1),), goal=(rate(1.3),)),
    "publish 128 B, WebSocket": SMALL_TLS,
    "subscribe 128 B, WebSocket, live": SMALL_TLS,
    "JetStream fetch 256 + ack": Goal(must=(rate(5.5), rate(1, "natsio"), rate(1, "c")), goal=(rate(7.5),)),
    "JetStream consume + ack": Goal(must=(rate(5.5), rate(1, "natsio"), rate(1, "c")), goal=(rate(7.5),)),
    "JetStream ordered read": Goal(must=(rate(3),), goal=(rate(5.5),)),
    "KV put, one at a time": Goal(must=(rate(1.3), rate(1, "natsio")), goal=(rate(1.5, "natsio"),)),
    "KV put, 100 in flight": Goal(must=(rate(3), rate(1, "natsio")), goal=(rate(1.5, "natsio"),)),
    "KV get, one at a time": Goal(must=(rate(1.3), rate(1, "natsio")), goal=(rate(1.5, "natsio"),)),
    "KV get, 100 in flight": Goal(must=(rate(3), rate(1, "natsio")), goal=(rate(1.5, "natsio"),)),
    "KV watch, 50k keys": Goal(must=(rate(4), rate(1, "natsio")), goal=(rate(1.5, "natsio"),)),
    "object put, 64 x 1 MiB": Goal(must=(rate(2), rate(1, "natsio")), goal=(rate(1.5, "natsio"),)),
    "object get, 64 x 1 MiB": Goal(must=(rate(10), rate(1, "natsio")), goal=(rate(1.5, "natsio"),)),
    "object put and get, 64 x 1 MiB": Goal(must=(rate(2), rate(1, "natsio")), goal=(rate(1.5, "natsio"),)),
    "memory, 100k subscriptions": Goal(must=(value(100),), goal=(value(60),)),
    "import": Goal(must=(value(40),), goal=(value(20),)),
    "subject check": Goal(must=(value(100),), goal=(value(50),)),
}
