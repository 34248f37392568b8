"""A nats-server of its own for each run, which does not cut a slow subscriber."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from txnats.server import NatsServer, ServerConfig, find_nats_server
from txnats.server import version as server_version

# By default the server drops a subscriber that is 64 MiB behind, or that does not read for ten seconds.
MAX_PENDING = 1024 * 1024 * 1024
PATIENT = ServerConfig(max_pending=MAX_PENDING, write_deadline=60.0)


def version() -> str:
    """The server's version, as ``2.15.1``.

    Raises:
        ServerNotFound: There is no nats-server.
    """
    return ".".join(str(number) for number in server_version(find_nats_server()))


@contextmanager
def running(*, jetstream: bool = False) -> Iterator[str]:
    """A fresh server on a port of its own choosing; gives its URL."""
    server = NatsServer(PATIENT, jetstream=jetstream)
    try:
        yield server.start().url
    finally:
        server.kill()  # at once: clients may still be connected
        server.stop()
