"""Certificates: read from files, compared with the name that was dialled, and what is wrong with one in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate as X509Certificate
from cryptography.x509 import (
    DNSName,
    ExtensionNotFound,
    IPAddress,
    SubjectAlternativeName,
    load_pem_x509_certificates,
)
from OpenSSL.crypto import X509
from OpenSSL.SSL import X509VerificationCodes
from service_identity.exceptions import CertificateError, VerificationError
from service_identity.hazmat import DNS_ID, DNSPattern, IPAddress_ID, IPAddressPattern, verify_service_identity
from twisted.internet.ssl import Certificate, platformTrust, trustRootFromCertificates

from ..errors import CertificateRefused, TlsUnavailable

StrPath: TypeAlias = "str | PathLike[str]"
Identity: TypeAlias = "DNS_ID | IPAddress_ID"

_MOST_NAMES = 5


# From files


def _read(name: str, path: StrPath) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        failure = TlsUnavailable("", f"TlsOptions.{name} cannot be read: {str(path)!r}: {why}", hint=_READABLE)
    raise failure


def _certificates(name: str, path: StrPath) -> list[X509Certificate]:
    try:
        return load_pem_x509_certificates(_read(name, path))
    except ValueError:
        failure = TlsUnavailable("", f"TlsOptions.{name} holds no certificate in PEM: {str(path)!r}")
    raise failure


def trusted(path: StrPath | None) -> Any:
    """Whom to trust, for want of a file those whom the system trusts."""
    if path is None:
        return platformTrust()
    return trustRootFromCertificates([Certificate(X509.from_cryptography(each)) for each in _certificates("ca", path)])


def own_certificate(certificate: StrPath | None, key: StrPath | None) -> dict[str, Any]:
    """Our certificate, those that lead from it to its authority, and its key, which may stand in the same file."""
    if certificate is None:
        return {}
    first, *chain = _certificates("certificate", certificate)
    private = _private_key("key" if key is not None else "certificate", key or certificate)
    if first.public_key() != private.public_key():
        raise TlsUnavailable("", "TlsOptions.key is not the key of TlsOptions.certificate")
    return {"certificate": first, "privateKey": private, "extraCertChain": chain}


def _private_key(name: str, path: StrPath) -> Any:
    # What was read has no name here, so that no traceback can show it.
    try:
        return load_pem_private_key(_read(name, path), None)
    except TypeError:
        failure = TlsUnavailable("", f"TlsOptions.{name} is encrypted: {str(path)!r}", hint="use TlsOptions.context")
    except (ValueError, UnsupportedAlgorithm):
        failure = TlsUnavailable("", f"TlsOptions.{name} holds no private key that can be used: {str(path)!r}")
    raise failure


# Whom they name


class Expected:
    """Whom we expect to meet.

    Args:
        name: A host name, or an address of either family.

    Raises:
        TlsUnavailable: It is neither.
    """

    def __init__(self, name: str) -> None:
        name = name.partition("%")[0].rstrip(".")
        self.name = name
        if not name:
            raise TlsUnavailable(
                "", "there is no name to check the server's certificate against", hint="give TlsOptions.hostname"
            )
        try:
            self._identity = _identity_of(name)
        except ValueError as error:
            raise TlsUnavailable(
                name, f"no certificate can be for this name: {error}", hint="give TlsOptions.hostname"
            ) from None

    @property
    def server_name(self) -> bytes | None:
        """What the server is told of whom we look for; addresses are not told."""
        return self._identity.hostname if isinstance(self._identity, DNS_ID) else None

    def refusal(self, certificate: X509Certificate) -> CertificateRefused | None:
        """What is wrong with the names in a certificate; None when nothing is."""
        try:
            names = _names(certificate)
            if _matches(self._identity, names):
                return None
        except Exception as error:
            # Whatever it is, it must not pass: OpenSSL's callbacks drop exceptions.
            return CertificateRefused(self.name, f"the names in the server's certificate cannot be read: {error}")
        if names:
            return self._wrong_name([str(name) for name in names])
        return CertificateRefused(
            self.name, "the server's certificate names no host at all", hint="it needs a subjectAltName"
        )

    def _wrong_name(self, names: Sequence[str]) -> CertificateRefused:
        shown = ", ".join(names[:_MOST_NAMES]) + (" ..." if len(names) > _MOST_NAMES else "")
        return CertificateRefused(
            self.name,
            f"the server's certificate is for {shown} and not for {self.name}",
            hint="dial a name that it is for, or give TlsOptions.hostname",
        )


def _identity_of(name: str) -> Identity:
    """A name as what a certificate is compared with. A ValueError is raised for what is no name."""
    try:
        return IPAddress_ID(name)
    except ValueError:
        return DNS_ID(name)


def _names(certificate: X509Certificate) -> list[str | IPv4Address | IPv6Address]:
    """The host names and addresses that it is for."""
    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except ExtensionNotFound:
        return []
    addresses = (each for each in names.get_values_for_type(IPAddress) if isinstance(each, (IPv4Address, IPv6Address)))
    return [*names.get_values_for_type(DNSName), *addresses]


def _matches(identity: Identity, names: Iterable[str | IPv4Address | IPv6Address]) -> bool:
    """Whether one of them is who we expect. One that no certificate should hold matches nobody, and spoils no other."""
    patterns: list[DNSPattern | IPAddressPattern] = []
    for name in names:
        with suppress(CertificateError):
            patterns.append(DNSPattern.from_bytes(name.encode()) if isinstance(name, str) else IPAddressPattern(name))
    try:
        return bool(patterns) and bool(verify_service_identity(patterns, [identity], []))
    except VerificationError:
        return False


# Why one is not trusted


def distrusted(expected: str, certificate: X509, code: int, depth: int) -> CertificateRefused:
    """Why OpenSSL does not trust a certificate of the chain."""
    whose = "the server's certificate" if depth == 0 else "a certificate of the server's authorities"
    why, hint = _DISTRUST.get(code, (f"does not pass: OpenSSL's verification code {code}", ""))
    parsed = certificate.to_cryptography()
    why = why.format(since=parsed.not_valid_before_utc, until=parsed.not_valid_after_utc)
    return CertificateRefused(expected, f"{whose} {why}", hint=hint)


_READABLE = "check the path, and who may read the file"
_UNKNOWN_AUTHORITY = ("is signed by nobody who is trusted here", "give the authority's certificate as TlsOptions.ca")
_DISTRUST = {
    X509VerificationCodes.ERR_CERT_HAS_EXPIRED: (
        "has expired: it was good until {until:%Y-%m-%d %H:%M:%S} UTC",
        "renew it; or is the clock here wrong?",
    ),
    X509VerificationCodes.ERR_CERT_NOT_YET_VALID: (
        "is not good before {since:%Y-%m-%d %H:%M:%S} UTC",
        "is the clock right?",
    ),
    X509VerificationCodes.ERR_CERT_REVOKED: ("was revoked", ""),
    X509VerificationCodes.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: (
        "is self-signed and not trusted here",
        "if it is the right one, give it as TlsOptions.ca",
    ),
    X509VerificationCodes.ERR_SELF_SIGNED_CERT_IN_CHAIN: _UNKNOWN_AUTHORITY,
    X509VerificationCodes.ERR_UNABLE_TO_GET_ISSUER_CERT: _UNKNOWN_AUTHORITY,
    X509VerificationCodes.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: _UNKNOWN_AUTHORITY,
    X509VerificationCodes.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: _UNKNOWN_AUTHORITY,
    X509VerificationCodes.ERR_INVALID_PURPOSE: ("is not one for servers", ""),
    X509VerificationCodes.ERR_CERT_SIGNATURE_FAILURE: ("has a wrong signature", ""),
}
