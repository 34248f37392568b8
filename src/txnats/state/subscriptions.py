"""The table of subscriptions: who gets a message, how often, and what a new server has to be told.

A sid is never used twice in a client's life, so that a late message of an ended subscription reaches nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ..errors import NatsError, PermissionDenied
from ..message import Message
from ..wire import encode
from ..wire.ops import Op


class Receiver(Protocol):
    """Who gets an entry's messages."""

    def accept(self, message: Message) -> None: ...


class Runner(Protocol):
    """Who takes several messages in one call."""

    def accept_run(self, ops: list[Op], at: int, entry: Entry) -> int:
        """Take the message at this place and, one by one, those behind it that are the entry's too.

        Nothing is taken once ``entry.runner`` is None. Those behind the first are still to be counted, each in
        ``entry.delivered`` before it is handed on. Gives the place of the first op that was not taken.
        """


class Owner(Receiver, Protocol):
    """Whose entry it is."""

    def exhausted(self) -> None:
        """The last message that was asked for has been accepted; the entry is gone."""

    def denied(self, error: PermissionDenied) -> None:
        """The server refused it; the entry is gone."""

    def client_closed(self, reason: NatsError | None) -> None:
        """The client has ended, and the entry with it."""


class Entry:
    """One subscription as the server knows it.

    Attributes:
        maximum: Messages in all after which it ends; 0 for no end.
        delivered: Messages so far, over all connections.
        receiver: Gets each message; the owner at first.
        runner: Takes several messages in one call, in place of the receiver; None when there is nobody who can, when
            there is a maximum, and once it stands in the table no longer.
        earlier: Of these, how many the server in use has not counted, because it was told of the entry later.
        tolerant: True when a message that comes twice does no harm.
        draining: True once the server was asked for no more: a new one is not told of it.
    """

    __slots__ = (
        "delivered",
        "draining",
        "earlier",
        "maximum",
        "owner",
        "queue",
        "receiver",
        "runner",
        "sid",
        "subject",
        "tolerant",
    )

    def __init__(self, sid: int, subject: bytes, queue: bytes | None, owner: Owner, maximum: int) -> None:
        self.sid = sid
        self.subject = subject
        self.queue = queue
        self.owner = owner
        self.receiver: Receiver = owner
        self.runner: Runner | None = None
        self.maximum = maximum
        self.delivered = 0
        self.earlier = 0
        self.draining = False
        self.tolerant = queue is not None


class Subscriptions:
    """All subscriptions of one client, by sid."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._last_sid = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        """The entries as they are now; the table may change meanwhile."""
        return iter(list(self._entries.values()))

    def add(self, subject: bytes, queue: bytes | None, owner: Owner, maximum: int = 0) -> Entry:
        """A new entry under a new sid."""
        self._last_sid += 1
        entry = Entry(self._last_sid, subject, queue, owner, maximum)
        self._entries[entry.sid] = entry
        return entry

    def remove(self, entry: Entry) -> bool:
        """Forget an entry; False when it was gone already."""
        entry.runner = None
        return self._entries.pop(entry.sid, None) is not None

    def limit(self, entry: Entry, maximum: int) -> bool:
        """End an entry after so many messages in all; False when it has had them already, and is gone.

        The count here decides; the server is told what is left of it on its own connection.
        """
        entry.maximum = maximum
        entry.runner = None
        return entry.delivered < maximum or not self.remove(entry)

    def deliver(self, ops: list[Op], at: int) -> int:
        """Hand the messages from this place on to their owners, up to the first op that is none; gives its place.

        A message without an owner is dropped: that is normal after an UNSUB.
        """
        find, end = self._entries.get, len(ops)
        while at < end:
            message = ops[at]
            if message.__class__ is not Message:
                break
            entry = find(message.sid)
            if entry is None:
                at += 1
                continue
            entry.delivered = count = entry.delivered + 1
            runner = entry.runner
            if runner is not None:
                at = runner.accept_run(ops, at, entry)
                continue
            at += 1
            if count != entry.maximum:
                entry.receiver.accept(message)
            else:
                self.remove(entry)
                entry.receiver.accept(message)
                entry.owner.exhausted()
        return at

    def replay(self) -> list[bytes]:
        """The commands that make a new server know all entries, with what is left of each maximum."""
        commands = []
        for entry in self._entries.values():
            if entry.draining:
                continue
            commands.append(encode.subscribe(entry.subject, entry.queue, entry.sid))
            if entry.maximum:
                commands.append(encode.unsubscribe(entry.sid, entry.maximum - entry.delivered))
        return commands

    def counts(self) -> dict[int, int]:
        """By sid, the messages so far: those that a server which is told now will not count. Without those of none."""
        return {entry.sid: entry.delivered for entry in self._entries.values() if entry.delivered}

    def adopt(self, counts: dict[int, int]) -> None:
        """The server in use from now on is one that was told when these were the counts."""
        for entry in self._entries.values():
            entry.earlier = counts.get(entry.sid, 0)

    def find(self, subject: bytes, queue: bytes | None, sid: int | None = None) -> list[Entry]:
        """The entries that a refusal of this subject and queue group speaks of; just one when the sid is known."""
        if sid is not None:
            entry = self._entries.get(sid)
            return [] if entry is None else [entry]
        return [entry for entry in self if entry.subject == subject and entry.queue == queue]

    def clear(self) -> list[Entry]:
        """Forget everything; gives what there was."""
        entries = list(self._entries.values())
        self._entries.clear()
        for entry in entries:
            entry.runner = None
        return entries
