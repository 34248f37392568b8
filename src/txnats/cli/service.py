"""``service``: who offers what, and how it goes."""

from __future__ import annotations

import click

from ..client import Client
from ..services import FoundService, Service, discover, pings
from .app import Family, verb
from .output import span
from .running import Session

_NAME = click.argument("name", required=False)
_ID = click.argument("instance", required=False, metavar="[ID]")


@click.group(cls=Family)
def service() -> None:
    """Find services, and see what they do."""


async def found(client: Client, session: Session, name: str | None, instance: str | None) -> list[FoundService]:
    """The instances that run, by name and id."""
    services = await discover(client, name, instance, timeout=session.settings.seconds).collect()
    return sorted(services, key=lambda each: (each.name, each.id))


@verb(service, "list")
@_NAME
async def list_(session: Session, *, name: str | None) -> None:
    """List the instances that run."""
    services = await found(await session.connect(), session, name, None)
    rows = [(each.name, each.version, each.id, each.description, len(each.endpoints)) for each in services]
    session.out.table(["name", "version", "id", "description", "endpoints#"], rows, services)


@verb(service)
@_NAME
@_ID
async def info(session: Session, *, name: str | None, instance: str | None) -> None:
    """Show the endpoints of services."""
    services = await found(await session.connect(), session, name, instance)
    rows = [
        (each.name, each.version, each.id, endpoint.name, endpoint.subject, endpoint.queue_group)
        for each in services
        for endpoint in each.endpoints
    ]
    session.out.table(["service", "version", "id", "endpoint", "subject", "queue group"], rows, services)


@verb(service)
@_NAME
@_ID
async def stats(session: Session, *, name: str | None, instance: str | None) -> None:
    """Show what services have done."""
    services = await found(await session.connect(), session, name, instance)
    rows = [
        (
            each.name,
            each.id,
            endpoint.name,
            counted.num_requests,
            counted.num_errors,
            span(counted.average),
            counted.last_error,
        )
        for each in services
        for endpoint in each.endpoints
        if (counted := endpoint.stats) is not None
    ]
    session.out.table(["service", "id", "endpoint", "requests#", "errors#", "average#", "last error"], rows, services)


@verb(service)
@_NAME
async def ping(session: Session, *, name: str | None) -> None:
    """Ask who is there, and how long each takes to answer."""
    client = await session.connect()
    start = session.reactor.seconds()
    told = [
        {"name": each.name, "version": each.version, "id": each.id, "seconds": session.reactor.seconds() - start}
        async for each in pings(client, name, timeout=session.settings.seconds)
    ]
    rows = [(each["name"], each["version"], each["id"], span(each["seconds"])) for each in told]
    session.out.table(["name", "version", "id", "answered after#"], rows, told)


@verb(service)
@click.argument("name")
@click.option("--endpoint", default="echo", show_default=True, help="Its one endpoint, and the subject of that.")
@click.option("--version", default="1.0.0", show_default=True, help="What it says of its version.")
@click.option("--description", default="", help="For whoever looks.")
async def serve(session: Session, *, name: str, endpoint: str, version: str, description: str) -> None:
    """Run a service that answers with what it is asked, until Ctrl-C: something for `top` to look at."""
    ended = session.interrupted()
    running = await Service.start(await session.connect(), name, version, description=description)
    await running.add_endpoint(endpoint, lambda request: request.payload).ready()
    session.out.value({"name": name, "id": running.id, "subject": endpoint})
    session.out.line(f'{name} {running.id} answers at "{endpoint}"')
    await ended
    await running.stop()
