"""A nats-server of its own for each run, which does not cut a slow subscriber."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import trustme

from txnats.server import NatsServer, ServerConfig, ServerTls, find_nats_server
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
def running(*, tls: bool = False, websocket: bool = False) -> Iterator[tuple[NatsServer, str]]:
    """A fresh server on ports of its own choosing; gives it and, for TLS, the file of whom to trust."""
    with TemporaryDirectory(prefix="txnats-bench-") as folder:
        ca = Path(folder) / "ca.pem"
        server = NatsServer(PATIENT, tls=_certified(ca) if tls else None, websocket=websocket)
        try:
            yield server.start(), str(ca) if tls else ""
        finally:
            server.kill()  # at once: clients may still be connected
            server.stop()


def _certified(ca: Path) -> ServerTls:
    """A certificate for loopback, and its authority's in this file."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate, key = ca.with_name("server.pem"), ca.with_name("key.pem")
    authority.cert_pem.write_to_path(ca)
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    return ServerTls(certificate=str(certificate), key=str(key))
