"""``top``: services at work, looked at again and again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import click
import msgspec
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..services import FoundService
from .app import verb
from .output import span
from .params import Seconds
from .running import Session, server_of
from .service import found

Key = tuple[str, str, str]
"""A service, an endpoint and its subject."""


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
    """What has happened at one endpoint between two looks, a second; the average is seconds of a request."""

    line: Line
    requests: float
    errors: float
    average: float

    def fields(self) -> dict[str, object]:
        """As JSON has it."""
        a_second = {"requests_per_second": self.requests, "errors_per_second": self.errors}
        return {**msgspec.structs.asdict(self.line), **a_second, "average": self.average}


def lines(services: Sequence[FoundService]) -> dict[Key, Line]:
    """The endpoints, each with its instances added up."""
    added: dict[Key, Line] = {}
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


def rates(before: Mapping[Key, Line], after: Mapping[Key, Line], seconds: float) -> list[Rate]:
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


_COLUMNS = (
    *(("service", False), ("endpoint", False), ("subject", False), ("instances", True), ("requests/s", True)),
    *(("errors/s", True), ("average", True), ("requests", True), ("errors", True)),
)
"""Each column, and whether it holds numbers."""


def table(told: Sequence[Rate], rtt: float, server: str) -> Table:
    """As it is shown."""
    shown = Table(title=f"{server}, {span(rtt)} away. Ctrl-C ends.", title_justify="left")
    for name, is_number in _COLUMNS:
        shown.add_column(name, justify="right" if is_number else "left")
    for each in told:
        line = each.line
        rates = (f"{each.requests:,.1f}", f"{each.errors:,.1f}", span(each.average) if each.average else "")
        names = (Text(line.service), Text(line.endpoint), Text(line.subject))
        shown.add_row(*names, f"{line.instances}", *rates, f"{line.requests:,}", f"{line.errors:,}")
    if not told:
        shown.add_row("no service answers", *([""] * (len(_COLUMNS) - 1)))
    return shown


@verb()
@click.argument("name", required=False)
@click.option("--interval", type=Seconds(), default=1.0, help="Time between two looks.  [1s]")
@click.option("--count", type=click.IntRange(1), help="End after so many.")
async def top(session: Session, *, name: str | None, interval: float, count: int | None) -> None:
    """Watch services at work: instances, requests a second, errors, times."""
    client = await session.connect()
    server = server_of(client)
    out = session.out
    on_terminal = out.console.is_terminal and not out.as_json
    before: dict[Key, Line] = {}
    looked_at = session.reactor.seconds()
    looks = 0
    with Live(console=out.console, auto_refresh=False, screen=True) if on_terminal else nullcontext() as live:
        while True:
            looks += 1
            after = lines(await found(client, session, name, None))
            now = session.reactor.seconds()
            seen = rates(before, after, now - looked_at if before else 0.0)
            before, looked_at = after, now
            picture = table(seen, await client.rtt(session.settings.seconds), server)
            if live is not None:
                live.update(picture, refresh=True)
            elif out.as_json:
                out.value([each.fields() for each in seen])
            else:
                out.show(picture)
            if looks == count or await session.pause(interval):
                break
