"""A NATS server in this process: the real protocol, no sockets needed, and whatever a test wants to go wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from random import Random
from typing import Any

import msgspec
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import ServerFactory

from ..errors import InvalidOption
from ..headers import HeaderSource
from ..nuid import next_nuid
from ..server import ServerConfig
from . import texts
from .answers import Reply, Script, message, replies
from .commands import Command, Publish
from .fake_connection import FakeConnection
from .faults import Faults
from .logins import ConnectOptions, Logins
from .permissions import Permissions
from .routing import Interest
from .subscribers import Answerer, Subscriber
from .timers import Timers

VERSION = "2.15.1"
"""The server whose behaviour this one follows."""

_MAX_PAYLOAD = 1_048_576
_MAX_PENDING = 67_108_864
_LAME_DUCK_GRACE = 10.0
_TAKEN = frozenset({"name", "host", "port", "user", "password", "token", "users", "max_payload", "max_pending"}) | {
    "max_connections",
    "ping_interval",
    "lame_duck_duration",
    "lame_duck_grace_period",
}

Order = Callable[[list[Subscriber]], list[Subscriber]]
"""Who of a queue group is asked first, second ... to take a message."""


def in_turn(members: list[Subscriber]) -> list[Subscriber]:
    """Whoever had nothing for the longest time comes first."""
    return sorted(members, key=lambda member: member.served)


def at_random(random: Random) -> Order:
    """Start anywhere, as nats-server does."""

    def order(members: list[Subscriber]) -> list[Subscriber]:
        start = random.randrange(len(members))
        return members[start:] + members[:start]

    return order
