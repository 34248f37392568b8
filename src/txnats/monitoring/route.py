"""The way that a message takes through servers, told by the servers.

A message that asks for it is followed by an event of each server that handles it. The first server numbers those that
it hands the message on to, and each of them tells its number: so the events become a tree.
Source: ADR-41.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from twisted.internet.defer import Deferred

from ..client import Client
from ..errors import EndOfStream, InvalidArgument, OperationTimeout, RemoteProtocolError
from ..headers import Headers, HeaderSource
from ..message import Message
from ..options import check_seconds
from .records import Identity

DESTINATION = "Nats-Trace-Dest"
ONLY = "Nats-Trace-Only"
HOP = "Nats-Trace-Hop"
TIMEOUT = 2.0
MOST = 1024
"""Events of one message, so that nobody can send us more than that."""

KINDS = ("client", "router", "gateway", "system", "leaf", "jetstream", "account")
"""By the server's number."""


class RouteEvent(msgspec.Struct, frozen=True, tag_field="type", tag="?"):
    """Something that befell the message; see its subclasses, and ``Route.events`` for their order."""

    ts: str = ""


class Ingress(RouteEvent, frozen=True, tag="in"):
    """It came in.

    Attributes:
        kind: ``client``, ``router``, ``gateway``, ``leaf`` ...
        cid: The connection's number.
        name: The client's, or the other server's.
        acc: The account.
        subj: The subject.
        error: Why it goes no further; empty when it does.
    """

    kind: int = 0
    cid: int = 0
    name: str = ""
    acc: str = ""
    subj: str = ""
    error: str = ""


class SubjectMapping(RouteEvent, frozen=True, tag="sm"):
    """Its subject was mapped to another."""

    to: str = ""


class StreamExport(RouteEvent, frozen=True, tag="se"):
    """It went to another account."""

    acc: str = ""
    to: str = ""


class ServiceImport(RouteEvent, frozen=True, tag="si"):
    """It went to another account as a request."""

    acc: str = ""
    from_: str = msgspec.field(default="", name="from")
    to: str = ""


class JetStreamStored(RouteEvent, frozen=True, tag="js"):
    """A stream took it, or would; or it did not, and why.

    Attributes:
        nointerest: A stream by interest, and nobody has any.
    """

    stream: str = ""
    subject: str = ""
    nointerest: bool = False
    error: str = ""


class Egress(RouteEvent, frozen=True, tag="eg"):
    """It went out.

    Attributes:
        kind: As of ``Ingress``; 0 is a client.
        cid: The connection's number.
        name: The client's, or the other server's.
        hop: The number of the other server's own event; empty for a client.
        acc: The account, where it is another.
        sub: The subscription that it went to.
        queue: Its queue group.
        error: Why it did not get there.
    """

    kind: int = 0
    cid: int = 0
    name: str = ""
    hop: str = ""
    acc: str = ""
    sub: str = ""
    queue: str = ""
    error: str = ""


_Event = Ingress | SubjectMapping | StreamExport | ServiceImport | JetStreamStored | Egress
_KNOWN = frozenset({"in", "sm", "se", "si", "js", "eg"})


class Route(msgspec.Struct, frozen=True):
    """What one server did with the message, and where it went from there.

    Attributes:
        server: The server.
        hop: Its number; empty for the first.
        events: What befell it there, in order.
        onward: The servers that it was handed on to.
        missing: Numbers of servers that should have told, and have not.
    """

    server: Identity
    hop: str
    events: tuple[RouteEvent, ...]
    onward: tuple[Route, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether all servers have told."""
        return not self.missing and all(each.is_complete for each in self.onward)

    def all(self) -> Iterator[Route]:
        """This server and all behind it."""
        yield self
        for each in self.onward:
            yield from each.all()

    @property
    def delivered(self) -> tuple[Egress, ...]:
        """To which clients it went, on all servers; or would have, were it no mere trace."""
        return tuple(
            event
            for route in self.all()
            for event in route.events
            if isinstance(event, Egress) and KINDS[event.kind % len(KINDS)] == "client" and not event.error
        )

    def __str__(self) -> str:
        return "\n".join(_lines(self, ""))


class _Told(msgspec.Struct, frozen=True):
    """One server's event."""

    server: Identity
    hop: str
    hops: int
    events: tuple[RouteEvent, ...]


def trace_route(
    client: Client,
    subject: str,
    payload: bytes | str = b"",
    *,
    headers: HeaderSource | None = None,
    deliver: bool = False,
    timeout: float = TIMEOUT,
) -> Deferred[Route]:
    """Follow a message through the servers.

    Args:
        client: Sends it.
        subject: Where to.
        payload: The body.
        headers: As for ``Client.publish``.
        deliver: Whether it is to arrive, too; else nobody gets it and no stream stores it.
        timeout: Seconds to wait for what the servers tell.

    Returns:
        A Deferred of the way, from the first server on. What some server did not tell in time is in ``missing``. It
        fails with OperationTimeout when the first one told nothing: it is older than 2.11, or may not send to us.
    """
    return Deferred.fromCoroutine(_trace(client, subject, payload, headers, deliver=deliver, timeout=timeout))


async def _trace(
    client: Client,
    subject: str,
    payload: bytes | str,
    headers: HeaderSource | None,
    *,
    deliver: bool,
    timeout: float,
) -> Route:
    end = client.clock.seconds() + check_seconds("timeout", timeout)
    asked = Headers(headers)
    inbox = client.new_inbox()
    asked.set(DESTINATION, inbox)
    if not deliver:
        asked.set(ONLY, "true")
    told: dict[str, _Told] = {}
    async with client.subscribe(inbox, max_messages=MOST) as events:
        client.publish(subject, payload, headers=asked)
        while not told or _missing(told):
            left = end - client.clock.seconds()
            if left <= 0:
                break
            try:
                event = read(await events.next(left))
            except (OperationTimeout, EndOfStream):
                break
            told[event.hop] = event
    if "" not in told:
        hint = "nats-server 2.11 or later tells it, if this account may publish to inboxes"
        raise OperationTimeout(f"tracing {subject!r}", timeout=timeout, hint=hint)
    return join(told)


def read(message: Message) -> _Told:
    """One server's event.

    Raises:
        RemoteProtocolError: It is none.
    """
    try:
        told = msgspec.json.decode(message.payload, type=dict[str, Any])
        events = [event for event in told.get("events") or () if event.get("type") in _KNOWN]
        header = told.get("request", {}).get("header") or {}
        return _Told(
            msgspec.convert(told.get("server", {}), Identity),
            next(iter(header.get(HOP) or ()), ""),
            told.get("hops", 0),
            msgspec.convert(events, tuple[_Event, ...]),
        )
    except (msgspec.DecodeError, AttributeError, TypeError) as error:
        raise RemoteProtocolError(f"a trace event cannot be read: {error}", snippet=message.payload) from None


def join(told: Mapping[str, _Told], hop: str = "") -> Route:
    """The tree of what was told, from a server on. Pure.

    Raises:
        InvalidArgument: That server has not told.
    """
    if hop not in told:
        raise InvalidArgument(f"nothing was told of hop {hop!r}")
    here = told[hop]
    named = dict.fromkeys(_onward(here))
    return Route(
        here.server,
        hop,
        here.events,
        tuple(join(told, each) for each in named if each in told and each != hop),
        tuple(each for each in named if each not in told),
    )


def _onward(told: _Told) -> list[str]:
    """Numbers of the servers that it was handed on to. A server never names itself or one before it."""
    hops = [event.hop for event in told.events if isinstance(event, Egress) and event.hop and not event.error]
    return [each for each in hops if len(each) > len(told.hop)]


def _missing(told: Mapping[str, _Told]) -> bool:
    return "" not in told or any(each not in told for one in told.values() for each in _onward(one))


def _lines(route: Route, indent: str) -> Iterator[str]:
    yield f"{indent}{route.server.name}"
    onward = {each.hop: each for each in route.onward}
    for event in route.events:
        yield f"{indent}  {_words(event)}"
        if isinstance(event, Egress) and event.hop in onward:
            yield from _lines(onward[event.hop], indent + "    ")
        elif isinstance(event, Egress) and event.hop in route.missing:
            yield f"{indent}    (nothing was told)"


def _words(event: RouteEvent) -> str:
    match event:
        case Ingress():
            text = f"from {_end(event)}, account {event.acc}, {event.subj}"
        case Egress():
            group = f" in {event.queue}" if event.queue else ""
            text = f"to {_end(event)}" + (f", {event.sub}{group}" if event.sub else "")
        case JetStreamStored():
            text = f"stream {event.stream}" + (", nobody is interested" if event.nointerest else "")
        case SubjectMapping():
            text = f"mapped to {event.to}"
        case StreamExport() | ServiceImport():
            text = f"to account {event.acc} as {event.to}"
        case _:
            text = "?"
    error = getattr(event, "error", "")
    return f"{text}: {error}" if error else text


def _end(event: Ingress | Egress) -> str:
    return f"{KINDS[event.kind % len(KINDS)]} {event.name or event.cid}"
