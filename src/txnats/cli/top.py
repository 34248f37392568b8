"""``top``: services at work, looked at again and again."""

from __future__ import annotations

from collections.abc import Sequence
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


class Counts(msgspec.Struct, frozen=True):
    """What has been done, in all: requests, errors, and the seconds that they took."""

    requests: int = 0
    errors: int = 0
    seconds: float = 0.0

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(self.requests + other.requests, self.errors + other.errors, self.seconds + other.seconds)

    def since(self, earlier: Counts) -> Counts:
        """What came on top of what was counted earlier; nothing when the count began anew."""
        if self.requests < earlier.requests:
            return Counts()
        return Counts(
            self.requests - earlier.requests,
            max(0, self.errors - earlier.errors),
            max(0.0, self.seconds - earlier.seconds),
        )


Look = dict[Key, dict[str, Counts]]
"""What was seen at one moment, by endpoint and by instance."""


class Rate(msgspec.Struct, frozen=True):
    """One endpoint of all instances of a service, with what happened between two looks."""

    service: str
    endpoint: str
    subject: str
    instances: int
    requests: int
    errors: int
    requests_per_second: float
    errors_per_second: float
    average: float


def look(services: Sequence[FoundService]) -> Look:
    """What services tell of their endpoints."""
    seen: Look = {}
    for service in services:
        for endpoint in service.endpoints:
            counted = endpoint.stats
            counts = Counts(counted.num_requests, counted.num_errors, counted.seconds) if counted else Counts()
            seen.setdefault((service.name, endpoint.name, endpoint.subject), {})[service.id] = counts
    return seen


def rates(before: Look, after: Look, seconds: float) -> list[Rate]:
    """What has happened between two looks. Of instances that were seen once nothing is known of that."""
    told = []
    for key, instances in after.items():
        earlier = before.get(key, {})
        total = done = Counts()
        for name, counts in instances.items():
            total = total.plus(counts)
            done = done.plus(counts.since(earlier.get(name, counts)))
        a_second = 1 / seconds if seconds > 0 else 0.0
        average = done.seconds / done.requests if done.requests else 0.0
        shares = (done.requests * a_second, done.errors * a_second, average)
        told.append(Rate(*key, len(instances), total.requests, total.errors, *shares))
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
        names = (Text(each.service), Text(each.endpoint), Text(each.subject))
        shares = (f"{each.requests_per_second:,.1f}", f"{each.errors_per_second:,.1f}")
        average = span(each.average) if each.average else ""
        shown.add_row(*names, f"{each.instances}", *shares, average, f"{each.requests:,}", f"{each.errors:,}")
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
    before: Look = {}
    looked_at = session.reactor.seconds()
    looks = 0
    with Live(console=out.console, auto_refresh=False, screen=True) if on_terminal else nullcontext() as live:
        while True:
            looks += 1
            after = look(await found(client, session, name, None))
            now = session.reactor.seconds()
            seen = rates(before, after, now - looked_at if before else 0.0)
            before, looked_at = after, now
            picture = table(seen, await client.rtt(session.settings.seconds), server)
            if live is not None:
                live.update(picture, refresh=True)
            elif out.as_json:
                out.value(seen)
            else:
                out.show(picture)
            if looks == count or await session.pause(interval):
                break
