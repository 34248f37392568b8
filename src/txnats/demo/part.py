"""One process of the demo: ``python -m txnats.demo.part ROLE SUBJECT NAME_OR_COUNT``, the server in NATS_URL.

It tells its notes on stdout and ends when its stdin does: at the latest when whoever started it is gone.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IReactorCore
from twisted.internet.protocol import Protocol
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from zope.interface import implementer

import txnats
from txnats import Client, NatsError
from txnats.demo import roles
from txnats.demo.notes import Failed, Note, encode


@implementer(IHalfCloseableProtocol)
class Line(Protocol):
    """The pipe to whoever started this process.

    Attributes:
        told_to_end: Fires when stdin ends.
        closed: Fires when all that was said has left, or never will.
    """

    transport: Any

    def __init__(self) -> None:
        self.told_to_end: Deferred[None] = Deferred()
        self.closed: Deferred[None] = Deferred()

    def say(self, note: Note) -> None:
        """Tell a note."""
        self.transport.write(encode(note) + b"\n")

    def readConnectionLost(self) -> None:
        self.told_to_end.callback(None)

    def writeConnectionLost(self) -> None:
        self.closed.callback(None)  # nobody listens any more

    def connectionLost(self, reason: object = None) -> None:
        if not self.closed.called:
            self.closed.callback(None)


async def take_part(reactor: IReactorCore, role: str, subject: str, detail: str) -> None:
    """Connect, play the role, say goodbye."""
    line = Line()
    stdio = StandardIO(line)
    try:
        async with await txnats.connect(reactor, os.environ["NATS_URL"], name=f"demo {role}") as client:
            await _play(client, role, subject, detail, line)
    except NatsError as error:
        line.say(Failed(str(error)))
    stdio.loseConnection()
    await line.closed


async def _play(client: Client, role: str, subject: str, detail: str, line: Line) -> None:
    match role:
        case "responder":
            await roles.respond(client, subject, detail, line)
        case "subscriber":
            await roles.watch(client, subject, line)
        case "requester":
            await roles.request(client, subject, int(detail), line)


if __name__ == "__main__":
    # Ctrl-C in a terminal reaches every process there. The one that started us ends us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    react(lambda reactor: Deferred.fromCoroutine(take_part(reactor, *sys.argv[1:])))
