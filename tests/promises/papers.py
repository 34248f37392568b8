"""Certificates for tests, good ones and bad ones, as files."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import NamedTuple

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from txnats.server import ServerTls

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


class Pair(NamedTuple):
    """Paths of a certificate and its key."""

    certificate: str
    key: str

    def server(self, **options: object) -> ServerTls:
        """For a server's configuration."""
        return ServerTls(certificate=self.certificate, key=self.key, **options)  # type: ignore[arg-type]


class Papers:
    """A certificate authority, and another one that nobody trusts, in a temporary folder.

    Attributes:
        ca: Path of the authority's certificate.
        other_ca: Path of the other's.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.path = Path(self._folder.name)
        self._authority, self._other = trustme.CA(), trustme.CA()
        self.ca = self._written(self._authority, "ca")
        self.other_ca = self._written(self._other, "other-ca")
        self._count = 0

    def close(self) -> None:
        self._folder.cleanup()

    def issue(
        self, *names: str, untrusted: bool = False, common_name: str | None = None, expired: bool = False
    ) -> Pair:
        """A certificate for host names and addresses, or mail addresses for a client's."""
        authority = self._other if untrusted else self._authority
        until, since = (NOW - DAY, NOW - 30 * DAY) if expired else (None, None)
        issued = authority.issue_cert(*names, common_name=common_name, not_after=until, not_before=since)
        pair = self._place()
        issued.private_key_pem.write_to_path(pair.key)
        for number, pem in enumerate(issued.cert_chain_pems):
            pem.write_to_path(pair.certificate, append=number > 0)
        return pair

    def self_signed(self, name: str, *, named: bool = True) -> Pair:
        """One that vouches for itself; without ``named`` the name stands only where nobody looks any more."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, NOW - DAY, NOW + DAY)
        if named:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        pair = self._place()
        made = builder.sign(key, hashes.SHA256())
        Path(pair.certificate).write_bytes(made.public_bytes(serialization.Encoding.PEM))
        Path(pair.key).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return pair

    def _place(self) -> Pair:
        self._count += 1
        return Pair(str(self.path / f"{self._count}.pem"), str(self.path / f"{self._count}.key"))

    def _written(self, authority: trustme.CA, name: str) -> str:
        path = self.path / f"{name}.pem"
        authority.cert_pem.write_to_path(path)
        return str(path)
