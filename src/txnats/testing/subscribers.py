"""Who can have a message: a client's subscription, or the server itself."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Protocol, TypeAlias

from .commands import Publish, Subscribe
from .permissions import Permissions


class Subscriber(Protocol):
    """Whatever stands in the tree of interest.

    Attributes:
        served: When it last had a message of its group; the smaller the longer ago.
    """

    served: int

    def deliver(self, message: Publish, source: object) -> bool:
        """Take a message from whoever published it; False when it is not to have it."""


class Receiver(Protocol):
    """The connection that a subscription belongs to."""

    @property
    def echo(self) -> bool: ...
    @property
    def permissions(self) -> Permissions: ...
    def send_message(self, message: Publish, sid: bytes) -> None: ...
    def unsubscribe(self, sid: bytes) -> None: ...


class FakeSubscription:
    """A SUB of a client.

    Attributes:
        subject, queue, sid: As the client gave them.
        delivered: Messages that it has had.
        max_messages: How many it may have in all; 0 for no limit.
        ended: Whether it gets no more.
    """

    def __init__(self, receiver: Receiver, command: Subscribe) -> None:
        self.receiver = receiver
        self.subject = command.subject
        self.queue = command.queue
        self.sid = command.sid
        self.delivered = 0
        self.max_messages = 0
        self.ended = False
        self.served = 0

    def deliver(self, message: Publish, source: object) -> bool:
        receiver = self.receiver
        if self.ended or (source is receiver and not receiver.echo):
            return False
        if receiver.permissions.hides(message.subject, self.queue):
            return False
        self.delivered += 1
        if self.delivered == self.max_messages:
            receiver.unsubscribe(self.sid)
        if message.reply is not None:
            receiver.permissions.received(message.reply)
        receiver.send_message(message, self.sid)
        return True

    def __repr__(self) -> str:
        return f"<FakeSubscription {self.subject!r} {self.sid!r}, {self.delivered} delivered>"


class Answerer:
    """A responder within the server."""

    def __init__(self, answer: Callable[[Publish], object]) -> None:
        self.served = 0
        self._answer = answer

    def deliver(self, message: Publish, source: object) -> bool:
        self._answer(message)
        return True


Order: TypeAlias = Callable[[list[Subscriber]], list[Subscriber]]
"""Whom of a queue group to ask first, second ... whether it takes a message."""


def in_turn(members: list[Subscriber]) -> list[Subscriber]:
    """Whoever had nothing for the longest time comes first."""
    return sorted(members, key=lambda member: member.served)


def at_random(random: Random) -> Order:
    """Start at any member, as nats-server does."""

    def order(members: list[Subscriber]) -> list[Subscriber]:
        start = random.randrange(len(members))
        return members[start:] + members[:start]

    return order
