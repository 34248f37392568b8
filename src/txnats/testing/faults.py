"""What a test can make go wrong at the in-memory server: settings, and troubles by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec


class Faults(msgspec.Struct, kw_only=True):
    """Set its fields at any time; each holds for what happens from then on.

    Attributes:
        no_info: Say nothing to a new connection.
        refuse_login: Answer every CONNECT with this ``-ERR`` text and close; ``"Authorization Violation"`` for one.
        withhold_pongs: Answer no PING; what was withheld never comes.
        pong_delay: Seconds that each PONG takes.
    """

    no_info: bool = False
    refuse_login: str | None = None
    withhold_pongs: bool = False
    pong_delay: float = 0.0


class Server(Protocol):
    """What troubles need of a server."""

    faults: Faults

    def drop(self) -> None: ...
    def kill(self) -> None: ...
    def start(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class Network(Protocol):
    """What they need of the network."""

    frozen: bool
    slices: int | None


class Place(Protocol):
    """Where they happen: a ``World``."""

    @property
    def server(self) -> Server: ...
    @property
    def network(self) -> Network: ...
    def advance(self, seconds: float) -> None: ...


def _connection_lost(place: Place) -> None:
    place.server.drop()
    place.advance(1.0)


def _server_restarted(place: Place) -> None:
    place.server.kill()
    place.advance(2.0)
    place.server.start()
    place.advance(10.0)


def _cable_out(place: Place) -> None:
    place.network.frozen = True
    place.advance(3.0)
    place.network.frozen = False
    place.advance(1.0)


def _server_silent(place: Place) -> None:
    place.server.faults.withhold_pongs = True
    place.advance(120.0)
    place.server.faults.withhold_pongs = False
    place.server.drop()
    place.advance(10.0)


def _server_stuck(place: Place) -> None:
    place.server.pause_reading()
    place.advance(5.0)
    place.server.resume_reading()
    place.advance(1.0)


def _small_pieces(place: Place) -> None:
    before, place.network.slices = place.network.slices, 1
    place.advance(1.0)
    place.network.slices = before


def _slow_answers(place: Place) -> None:
    place.server.faults.pong_delay = 0.5
    place.advance(5.0)
    place.server.faults.pong_delay = 0.0


TROUBLES: dict[str, Callable[[Place], None]] = {
    "connection lost": _connection_lost,
    "server restarted": _server_restarted,
    "cable out": _cable_out,
    "server silent": _server_silent,
    "server stuck": _server_stuck,
    "small pieces": _small_pieces,
    "slow answers": _slow_answers,
}
"""What befalls programs, each over when it returns: the server is there and the client connected again."""
