"""Files of an authority, and of a server that it knows as this machine's loopback."""

from __future__ import annotations

import atexit
import tempfile
from functools import cache
from pathlib import Path

import trustme

from txnats import TlsOptions
from txnats.server import ServerTls


class Certificates:
    """One authority and one server; the folder goes when this does."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1", "localhost")
        self.ca, certificate, key = (str(folder / name) for name in ("ca.pem", "cert.pem", "key.pem"))
        authority.cert_pem.write_to_path(self.ca)
        issued.cert_chain_pems[0].write_to_path(certificate)
        issued.private_key_pem.write_to_path(key)
        self.server = ServerTls(certificate=certificate, key=key)
        self.client = TlsOptions(ca=self.ca)

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()


@cache
def certificates() -> Certificates:
    """The same for every test of a run."""
    made = Certificates()
    atexit.register(made.close)
    return made
