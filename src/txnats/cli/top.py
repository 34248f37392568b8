"""``top``: services at work, looked at again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click
import msgspec
from rich.live import Live
from rich.table import Table

from ..services import FoundService
from .app import verb
from .output import span
from .running import Session
from .service import found
from .settings import Seconds


class Line(msgspec.Struct, frozen=True):
    """One endpoint of all instances of a service."""

    service: str
    endpoint: str
    subject: str
    instances: int
    requests: int
    errors: int
    seconds: float


class Rate(msgspec.Struct, frozen=True):
    """What has happened at one endpoint between two looks."""

    line: Line
    requests: float
    errors: float
    average: float


def lines(services: Sequence[FoundService]) -> dict[tuple[str, str, str], Line]:
    """The endpoints, each with its instances added up."""
    added: dict[tuple[str, str, str], Line] = {}
    for service in services:
        for endpoint in service.endpoints:
            key = (service.name, endpoint.name, endpoint.subject)
            before = added.get(key, Line(*key, instances=0, requests=0, errors=0, seconds=0.0))
            counted = endpoint.stats
            added[key] = Line(
                *key,
                instances=before.instances + 1,
                requests=before.requests + (counted.num_requests if counted else 0),
                errors=before.errors + (counted.num_errors if counted else 0),
                seconds=before.seconds + (counted.seconds if counted else 0.0),
            )
    return added


def rates(
    before: Mapping[tuple[str, str, str], Line], after: Mapping[tuple[str, str, str], Line], seconds: float
) -> list[Rate]:
    """What has happened between two looks. Counts that went down began anew, with an instance that left."""
    told = []
    for key, line in after.items():
        earlier = before.get(key, line)
        requests = max(0, line.requests - earlier.requests)
        errors = max(0, line.errors - earlier.errors)
        busy = max(0.0, line.seconds - earlier.seconds)
        told.append(
            Rate(line, requests / seconds, errors / seconds, busy / requests if requests else 0.0)
            if seconds > 0
            else Rate(line, 0.0, 0.0, 0.0)
        )
    return told


def table(told: Sequence[Rate], rtt: float, server: str) -> Table:
    """As it is shown."""
    shown = Table(title=f"{server}, {span(rtt)} away. Ctrl-C ends.", title_justify="left", expand=False)
    for name, side in (
        *(("service", "left"), ("endpoint", "left"), ("subject", "left"), ("instances", "right")),
        *(
            ("requests/s", "right"),
            ("errors/s", "right"),
            ("average", "right"),
            ("requests", "right"),
            ("errors", "right"),
        ),
    ):
        shown.add_column(name, justify=side)  # type: ignore[arg-type]
    for each in told:
        line = each.line
        counts = (
            f"{each.requests:,.1f}",
            f"{each.errors:,.1f}",
            span(each.average),
            f"{line.requests:,}",
            f"{line.errors:,}",
        )
        shown.add_row(line.service, line.endpoint, line.subject, f"{line.instances}", *counts)
    if not told:
        shown.add_row("no service answers", *([""] * 8))
    return shown


@verb()
@click.argument("name", required=False)
@click.option("--interval", type=Seconds(), default=1.0, help="Time between two looks.  [1s]")
@click.option("--count", type=click.IntRange(1), help="End after so many.")
async def top(session: Session, *, name: str | None, interval: float, count: int | None) -> None:
    """Watch services at work: instances, requests a second, errors, times."""
    session.endless = True
    client = await session.connect()
    server = client.server_info.server_name or f"{client.server_info.host}:{client.server_info.port}"
    before: dict[tuple[str, str, str], Line] = {}
    looked_at = session.reactor.seconds()
    looks = 0
    with Live(console=session.out.console, auto_refresh=False, screen=session.out.console.is_terminal) as live:
        while True:
            looks += 1
            after = lines(await found(client, session, name, None))
            now = session.reactor.seconds()
            seen = rates(before, after, now - looked_at if before else 0.0)
            before, looked_at = after, now
            if session.out.as_json:
                session.out.value(seen)
            else:
                live.update(table(seen, await client.rtt(), server), refresh=True)
            if looks == count or await session.pause(interval):
                break
