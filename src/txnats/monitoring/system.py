"""Ask servers about themselves, by the system account's subjects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from ..client import Client
from ..errors import InvalidArgument, NatsError, NoResponders, RemoteProtocolError
from ..message import Message
from ..options import check_seconds
from ..request_many import Replies
from ..streams import Stream
from ..subjects import check_publish
from .errors import MonitoringError
from .records import About, Identity, Refused, Report, Statsz, read

A = TypeVar("A", bound=About)

TIMEOUT = 2.0
STALL = 0.3
_PREFIX = "$SYS.REQ.SERVER"
_NOT_SYSTEM = "log in to the system account; a server is named by its id or by its whole name"
_ID_LENGTH = 56


class Reports(Stream[Report[A]], Generic[A]):
    """What all servers told, as it comes: an iterator that starts at once and ends by itself. Made by ``gather``.

    Attributes:
        refused: Answers of servers that would not tell.
        unreadable: Answers that were no such report, and are left out.
    """

    __slots__ = ("_kind", "_replies", "refused", "unreadable")

    def __init__(self, client: Client, kind: type[A], replies: Replies) -> None:
        super().__init__(client.clock)
        self._kind = kind
        self._replies = replies
        self.refused: list[Refused] = []
        self.unreadable = 0

    def next(self, timeout: float | None = None) -> Deferred[Report[A]]:
        """The next report: see ``Stream.next``."""
        return self._replies.next(timeout).addCallbacks(self._read, self._failed, callbackArgs=(timeout,))

    def close(self) -> None:
        """Want no more."""
        self._replies.close()

    def _read(self, message: Message, timeout: float | None) -> Report[A] | Deferred[Report[A]]:
        try:
            told = read(message.payload, self._kind)
        except RemoteProtocolError:
            self.unreadable += 1
            return self.next(timeout)
        if isinstance(told, Refused):
            self.refused.append(told)
            return self.next(timeout)
        return told

    def _failed(self, failure: Failure) -> Failure:
        return Failure(_nobody(self._kind)) if failure.check(NoResponders) else failure


class System:
    """The servers of a system, through a client that is logged in to its system account.

    Args:
        client: It.
        timeout: Seconds that an answer may take.
    """

    def __init__(self, client: Client, *, timeout: float = TIMEOUT) -> None:
        self._client = client
        self._timeout = check_seconds("timeout", timeout)

    def ask(self, kind: type[A], server: str, *, timeout: float | None = None, **options: Any) -> Deferred[Report[A]]:
        """One server's report.

        Args:
            kind: ``Varz``, ``Connz``, ``Subsz``, ``Jsz``, ``Healthz``, ``Statsz``, ``Routez``, ``Leafz``, ``Gatewayz``
                or ``Accountz``.
            server: Its id, or its name.
            timeout: Seconds, in place of those of this object.
            options: What the server takes for it: ``limit=10, auth=True`` ... for ``Connz``, for one.

        Returns:
            A Deferred of it. It fails with MonitoringError when there is no such server or it refuses, with
            RequestTimeout, or with what ``Client.request`` fails with.
        """
        by_id = len(server) == _ID_LENGTH and server.isalnum()
        subject = f"{_PREFIX}.{server}.{kind.verb}" if by_id else _everyone(kind)
        try:
            check_publish(subject, "ask")
            body = _encoded(options if by_id else {**options, "server_name": server, "exact_match": True})
        except NatsError:
            return fail()
        asked = self._client.request(subject, body, timeout=self._timeout if timeout is None else timeout)
        return asked.addCallbacks(_answer(kind, server), _absent(kind, server))

    def gather(
        self,
        kind: type[A],
        *,
        timeout: float | None = None,
        stall: float = STALL,
        most: int | None = None,
        **options: Any,
    ) -> Reports[A]:
        """The reports of all servers that answer.

        Args:
            kind: As for ``ask``.
            timeout: Seconds for all.
            stall: Seconds without a further answer that end it: nobody knows how many servers there are.
            most: Reports that are enough, where their number is known.
            options: As for ``ask``; ``cluster=``, ``host=``, ``server_name=``, ``tags=``, ``domain=`` choose servers.

        Raises:
            As ``Client.request_many``.
        """
        replies = self._client.request_many(
            _everyone(kind),
            _encoded(options),
            timeout=self._timeout if timeout is None else timeout,
            stall=stall,
            max_messages=most,
        )
        return Reports(self._client, kind, replies)

    def servers(self, *, timeout: float | None = None, stall: float = STALL) -> Deferred[list[Identity]]:
        """All servers that answer, by name."""
        try:
            reports = self.gather(Statsz, timeout=timeout, stall=stall)
        except NatsError:
            return fail()
        return reports.collect().addCallback(
            lambda found: sorted((report.server for report in found), key=lambda server: server.name)
        )


def _everyone(kind: type[About]) -> str:
    """Source: the server answers STATSZ to a plain PING."""
    return f"{_PREFIX}.PING" if kind is Statsz else f"{_PREFIX}.PING.{kind.verb}"


def _encoded(options: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(options) if options else b""
    except (TypeError, ValueError) as error:
        raise InvalidArgument("the options cannot be sent", why=str(error)) from None


def _answer(kind: type[A], server: str) -> Callable[[Message], Report[A]]:
    def answer(message: Message) -> Report[A]:
        told = read(message.payload, kind)
        if isinstance(told, Refused):
            raise MonitoringError(
                f"the server refused to tell {kind.verb}", code=told.code, where=server, why=told.description
            )
        return told

    return answer


def _absent(kind: type[About], server: str) -> Callable[[Failure], Failure]:
    return lambda failure: Failure(_nobody(kind, server)) if failure.check(NoResponders) else failure


def _nobody(kind: type[About], server: str = "") -> MonitoringError:
    return MonitoringError(f"no server tells {kind.verb}", where=server, why="nobody answers", hint=_NOT_SYSTEM)
