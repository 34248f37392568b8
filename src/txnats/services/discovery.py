"""Find the services that run. Source: ADR-32.

Every instance answers for itself, and nobody knows how many there are: what is found ends when no further answer has
come for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from ..client import Client
from ..errors import InvalidArgument, NoResponders, RemoteProtocolError
from ..message import Message
from ..options import check_seconds
from ..request_many import Replies
from ..streams import Queue
from ..subjects import check_publish
from .names import check_name
from .records import EndpointStats, Record, ServiceInfo, ServicePing, ServiceStats, decode
from .service import DEFAULT_PREFIX

TIMEOUT = 2.0
STALL = 0.3
MOST = 65_536
"""Answers that may wait to be read."""

Found = TypeVar("Found")


class FoundEndpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint that was found; ``call`` takes it.

    Attributes:
        name: How it is listed.
        subject: Where it listens.
        queue_group: Empty for none: then every instance answers.
        metadata: Text by text.
        stats: What it has done; None when the service did not tell.
    """

    name: str
    subject: str
    queue_group: str
    metadata: dict[str, str]
    stats: EndpointStats | None


class FoundService(msgspec.Struct, frozen=True, kw_only=True):
    """One instance that was found.

    Attributes:
        name: Its name, shared by all instances.
        id: This instance.
        version: Its semantic version.
        description: Its own words.
        metadata: Text by text.
        started: When, RFC 3339 in UTC; empty when it did not tell.
        endpoints: Its endpoints, with what they have done.
    """

    name: str
    id: str
    version: str
    description: str
    metadata: dict[str, str]
    started: str
    endpoints: tuple[FoundEndpoint, ...]

    def endpoint(self, name: str) -> FoundEndpoint:
        """The endpoint of this name.

        Raises:
            KeyError: There is none.
        """
        for each in self.endpoints:
            if each.name == name:
                return each
        raise KeyError(name)


class Answers(Queue[Found]):
    """What was found, as it comes: an iterator that starts at once and ends by itself.

    Attributes:
        unreadable: Answers that were no such record, and are left out.
    """

    __slots__ = ("_asking", "unreadable")

    def __init__(self, client: Client) -> None:
        super().__init__(client.clock, MOST)
        self.unreadable = 0
        self._asking: Deferred[None] | None = None

    def start(self, asking: Deferred[None]) -> None:
        """It is fed by what runs here, and ends with that."""
        self._asking = asking
        asking.addCallbacks(self._finish, self._failed)

    def found(self, item: Found) -> None:
        """One more."""
        self._put(item)

    def read(self, message: Message, kind: type[Record]) -> Record | None:
        """An answer as a record; None, and counted, when it is none."""
        try:
            return decode(message.payload, kind)
        except RemoteProtocolError:
            self.unreadable += 1
            return None

    def _released(self) -> None:
        if self._asking is not None:
            self._asking.cancel()

    def _failed(self, failure: Failure) -> None:
        # Nobody there is an answer, too; and who cancelled was our own ``close``.
        self._finish(None if failure.check(NoResponders, CancelledError) else failure.value)


def pings(client: Client, name: str | None = None, id: str | None = None, **options: Any) -> Answers[ServicePing]:  # noqa: A002
    """Which instances are there. As ``discover``."""
    return _records(_Search.of(client, name, id, **options), "PING", ServicePing)


def infos(client: Client, name: str | None = None, id: str | None = None, **options: Any) -> Answers[ServiceInfo]:  # noqa: A002
    """What the instances are. As ``discover``."""
    return _records(_Search.of(client, name, id, **options), "INFO", ServiceInfo)


def stats(client: Client, name: str | None = None, id: str | None = None, **options: Any) -> Answers[ServiceStats]:  # noqa: A002
    """What the instances have done. As ``discover``."""
    return _records(_Search.of(client, name, id, **options), "STATS", ServiceStats)


def discover(
    client: Client,
    name: str | None = None,
    id: str | None = None,  # noqa: A002
    *,
    timeout: float = TIMEOUT,
    stall: float = STALL,
    prefix: str = DEFAULT_PREFIX,
) -> Answers[FoundService]:
    """The instances that run, with their endpoints and what those have done: an iterator that starts at once.

    Args:
        client: The connection.
        name: Only services of this name.
        id: Only this instance; needs the name.
        timeout: Seconds for all of it.
        stall: Seconds without a further answer that end it.
        prefix: The first tokens of the subjects at which services are looked for.

    Raises:
        InvalidArgument: A name or prefix cannot be.
    """
    search = _Search.of(client, name, id, timeout=timeout, stall=stall, prefix=prefix)
    return _answers(client, lambda answers: _match(answers, search))


class _Search(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask, and how long."""

    client: Client
    place: str
    timeout: float
    stall: float
    prefix: str

    @classmethod
    def of(
        cls,
        client: Client,
        name: str | None,
        instance: str | None,
        *,
        timeout: float = TIMEOUT,
        stall: float = STALL,
        prefix: str = DEFAULT_PREFIX,
    ) -> _Search:
        if name is None and instance is not None:
            raise InvalidArgument("an instance is looked for without its service's name", hint="give name, too")
        place = "" if name is None else f".{check_name(name)}"
        if instance is not None:
            place += f".{check_name(instance, 'instance')}"
        check_seconds("timeout", timeout)
        check_seconds("stall", stall)
        check_publish(prefix, "look for services at")
        return cls(client=client, place=place, timeout=timeout, stall=stall, prefix=prefix)

    def ask(self, verb: str) -> Replies:
        subject = f"{self.prefix}.{verb}{self.place}"
        return self.client.request_many(subject, timeout=self.timeout, stall=self.stall)


def _records(search: _Search, verb: str, kind: type[Record]) -> Answers[Record]:
    async def ask(answers: Answers[Record]) -> None:
        async for message in search.ask(verb):
            record = answers.read(message, kind)
            if record is not None:
                answers.found(record)

    return _answers(search.client, ask)


def _answers(client: Client, ask: Callable[[Answers[Found]], Coroutine[Any, Any, None]]) -> Answers[Found]:
    answers: Answers[Found] = Answers(client)
    answers.start(Deferred.fromCoroutine(ask(answers)))
    return answers


async def _match(answers: Answers[FoundService], search: _Search) -> None:
    """Ask both at once. An instance is found when both its answers are there, or when no more come."""
    waiting: dict[str, ServiceInfo] = {}
    async with search.ask("STATS") as counts, search.ask("INFO") as infos_:
        async for message in infos_:
            info = answers.read(message, ServiceInfo)
            if info is not None and len(waiting) < MOST:
                waiting[info.id] = info
        try:
            async for message in counts:
                told = answers.read(message, ServiceStats)
                info = None if told is None else waiting.pop(told.id, None)
                if info is not None:
                    answers.found(_found(info, told))
        except NoResponders:
            pass  # gone since
    for info in waiting.values():
        answers.found(_found(info, None))


def _found(info: ServiceInfo, stats: ServiceStats | None) -> FoundService:
    counted = {each.name: each for each in (stats.endpoints or ())} if stats is not None else {}
    return FoundService(
        name=info.name,
        id=info.id,
        version=info.version,
        description=info.description,
        metadata=info.metadata or {},
        started="" if stats is None else stats.started,
        endpoints=tuple(
            FoundEndpoint(
                name=each.name,
                subject=each.subject,
                queue_group=each.queue_group,
                metadata=each.metadata or {},
                stats=counted.get(each.name),
            )
            for each in info.endpoints or ()
        ),
    )
