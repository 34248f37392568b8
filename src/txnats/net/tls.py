"""TLS: from what the caller wants to OpenSSL connections that check what they meet, and from its failures to words.

Loaded when a connection first needs it: a client without TLS does not pay for OpenSSL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate as X509Certificate
from cryptography.x509 import load_pem_x509_certificates
from OpenSSL import SSL
from OpenSSL.crypto import X509, PKey
from service_identity.cryptography import extract_patterns
from service_identity.exceptions import VerificationError
from service_identity.hazmat import DNS_ID, IPAddress_ID, verify_service_identity
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    TLSVersion,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from ..errors import CertificateRefused, NatsError, TlsUnavailable
from ..options import TlsOptions

Identity: TypeAlias = "DNS_ID | IPAddress_ID"

_MOST_NAMES = 5
_CODES = SSL.X509VerificationCodes


def client_options(options: TlsOptions | None, hostname: str) -> IOpenSSLClientConnectionCreator:
    """What makes the TLS side of one attempt, for ``startTLS`` or ``wrapClientTLS``. The files are read now.

    A certificate that does not pass ends the connection with CertificateRefused as the reason of its loss.

    Args:
        options: The caller's wishes; None has none.
        hostname: The name or address that was dialled; ``options.hostname`` comes first.

    Raises:
        TlsUnavailable: A file cannot be used, or the name is none that a certificate could be for.
    """
    options = options or TlsOptions()
    expected = _Expected(options.hostname or hostname)
    if options.context is not None:
        return _of_the_caller(options.context, expected)
    try:
        made = CertificateOptions(
            trustRoot=_trusted(options.ca),
            raiseMinimumTo=TLSVersion.TLSv1_2,
            **_own(options.certificate, options.key),
        )
    except TlsUnavailable as error:
        error.where = expected.name
        raise
    return _Verifying(made.getContext(), expected)


def explain(server: str, error: BaseException | None, *, unasked: bool = False) -> NatsError | None:
    """Why TLS failed, in words; None when the error is not one of TLS.

    Args:
        server: For the text.
        error: The reason of a lost connection.
        unasked: True when the server is known to want a client certificate and was given none.
    """
    if isinstance(error, NatsError):
        error.where = server
        return error
    if unasked:
        return CertificateRefused(server, "the server asks for a client certificate", hint=_GIVE_ONE)
    if not isinstance(error, SSL.Error):
        return None
    reasons = _reasons(error)
    for words, kind, why, hint in _ALERTS:
        if words in reasons:
            return kind(server, why, hint=hint)
    return TlsUnavailable(server, f"the handshake failed: {reasons or 'no reason was given'}")


# What is checked


class _Expected:
    """Whom we expect to meet.

    Args:
        name: A host name, or an address of either family.

    Raises:
        TlsUnavailable: It is neither.
    """

    def __init__(self, name: str) -> None:
        name = name.partition("%")[0].rstrip(".")
        self.name = name
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
        patterns: Sequence[Any] = ()
        try:
            patterns = extract_patterns(certificate)
            if patterns:
                verify_service_identity(patterns, [self._identity], [])
                return None
        except VerificationError:
            return self._wrong_name([_shown(each) for each in patterns])
        except Exception as error:
            # Whatever it is, it must not pass: OpenSSL's callbacks drop exceptions.
            return CertificateRefused(self.name, f"the names in the server's certificate cannot be read: {error}")
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


def _shown(pattern: Any) -> str:
    """A name of a certificate; those of other kinds than host and address are only mentioned."""
    name = getattr(pattern, "pattern", None)
    if isinstance(name, bytes):
        return name.decode("ascii", "replace")
    return "another kind of name" if name is None else str(name)


class _Creator:
    """Makes the connections of a context, each for the name that is expected."""

    def __init__(self, context: SSL.Context, expected: _Expected) -> None:
        self._context = context
        self._expected = expected

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:  # noqa: N803
        connection = SSL.Connection(self._context)
        if self._expected.server_name is not None:
            connection.set_tlsext_host_name(self._expected.server_name)
        self._check(connection, tlsProtocol)
        return connection

    def _check(self, connection: SSL.Connection, protocol: TLSMemoryBIOProtocol) -> None:
        """See to it that the certificate gets checked."""
        raise NotImplementedError


@implementer(IOpenSSLClientConnectionCreator)
class _Verifying(_Creator):
    """Trusts only what stands every check, and says which one a certificate has failed.

    Not left to ``optionsForClientTLS``: its failures carry no reason, and a certificate that it cannot compare, since
    it names no host at all, it logs and lets pass (seen in Twisted 26.10).
    """

    def _check(self, connection: SSL.Connection, protocol: TLSMemoryBIOProtocol) -> None:
        expected = self._expected

        def verify(_: SSL.Connection, certificate: X509, code: int, depth: int, passed: int) -> bool:
            refusal: CertificateRefused | None = None
            if not passed:
                refusal = _distrusted(expected.name, certificate, code, depth)
            elif depth == 0:
                refusal = expected.refusal(certificate.to_cryptography())
            if refusal is not None:
                protocol.failVerification(Failure(refusal))
            return refusal is None

        connection.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verify)


@implementer(IOpenSSLClientConnectionCreator)
class _OfTheCaller(_Creator):
    """Leaves the trust to the caller's context, and checks the name if the context checks anything."""

    def _check(self, connection: SSL.Connection, protocol: TLSMemoryBIOProtocol) -> None:
        def informed(connection: SSL.Connection, where: int, _: int) -> None:
            # The last moment: an earlier one would take the place of the context's own callback.
            if where & SSL.SSL_CB_HANDSHAKE_DONE:
                certificate = connection.get_peer_certificate(as_cryptography=True)
                refusal = None if certificate is None else self._expected.refusal(certificate)
                if refusal is not None:
                    protocol.failVerification(Failure(refusal))

        if self._context.get_verify_mode() != SSL.VERIFY_NONE:
            connection.set_info_callback(informed)


def _of_the_caller(make: Callable[[], Any], expected: _Expected) -> IOpenSSLClientConnectionCreator:
    """From what the caller's own function gives."""
    try:
        made = make()
        made = made.getContext() if callable(getattr(made, "getContext", None)) else made
    except NatsError:
        raise
    except Exception as error:
        # The caller's own code. Its text may tell what it was made of, and is not shown.
        raise TlsUnavailable(expected.name, f"TlsOptions.context raised {type(error).__name__}") from error
    if isinstance(made, SSL.Context):
        return _OfTheCaller(made, expected)
    if IOpenSSLClientConnectionCreator.providedBy(made):
        return made
    raise TlsUnavailable(
        expected.name,
        f"TlsOptions.context gave a {type(made).__name__}",
        hint="it gives an OpenSSL.SSL.Context, or what optionsForClientTLS gives",
    )


# What is read


def _read(name: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        failure = TlsUnavailable("", f"TlsOptions.{name} cannot be read: {path!r}: {why}")
    raise failure


def _certificates(name: str, path: str) -> list[Certificate]:
    try:
        return [Certificate(X509.from_cryptography(each)) for each in load_pem_x509_certificates(_read(name, path))]
    except ValueError:
        failure = TlsUnavailable("", f"TlsOptions.{name} holds no certificate in PEM: {path!r}")
    raise failure


def _trusted(path: str | None) -> Any:
    """Whom to trust, for want of a file those whom the system trusts."""
    return platformTrust() if path is None else trustRootFromCertificates(_certificates("ca", path))


def _own(certificate: str | None, key: str | None) -> dict[str, Any]:
    """Our certificate, those that lead from it to its authority, and its key, which may stand in the same file."""
    if certificate is None:
        return {}
    first, *chain = _certificates("certificate", certificate)
    private = _private_key("key" if key is not None else "certificate", key or certificate)
    if first.original.to_cryptography().public_key() != private.public_key():
        raise TlsUnavailable("", "TlsOptions.key is not the key of TlsOptions.certificate")
    return {
        "certificate": first.original,
        "privateKey": PKey.from_cryptography_key(private),
        "extraCertChain": [each.original for each in chain],
    }


def _private_key(name: str, path: str) -> Any:
    # What was read has no name here, so that no traceback can show it.
    try:
        return load_pem_private_key(_read(name, path), None)
    except TypeError:
        failure = TlsUnavailable("", f"TlsOptions.{name} is encrypted: {path!r}", hint="use TlsOptions.context")
    except (ValueError, UnsupportedAlgorithm):
        failure = TlsUnavailable("", f"TlsOptions.{name} holds no private key that can be used: {path!r}")
    raise failure


# What is said


def _distrusted(expected: str, certificate: X509, code: int, depth: int) -> CertificateRefused:
    """Why OpenSSL does not trust a certificate of the chain."""
    whose = "the server's certificate" if depth == 0 else "a certificate of the server's authorities"
    why, hint = _DISTRUST.get(code, (f"does not pass: OpenSSL's verification code {code}", ""))
    parsed = certificate.to_cryptography()
    why = why.format(since=parsed.not_valid_before_utc, until=parsed.not_valid_after_utc)
    return CertificateRefused(expected, f"{whose} {why}", hint=hint)


def _reasons(error: SSL.Error) -> str:
    """OpenSSL's own words; empty when it has none."""
    if isinstance(error, SSL.SysCallError):
        return str(error.args[-1])
    queue = error.args[0] if error.args and isinstance(error.args[0], (list, tuple)) else ()
    return "; ".join(str(each[-1]) for each in queue)


_UNKNOWN_AUTHORITY = ("is signed by nobody who is trusted here", "give the authority's certificate as TlsOptions.ca")
_DISTRUST = {
    _CODES.ERR_CERT_HAS_EXPIRED: ("has expired: it was good until {until:%Y-%m-%d %H:%M:%S} UTC", ""),
    _CODES.ERR_CERT_NOT_YET_VALID: ("is not good before {since:%Y-%m-%d %H:%M:%S} UTC", "is the clock right?"),
    _CODES.ERR_CERT_REVOKED: ("was revoked", ""),
    _CODES.ERR_DEPTH_ZERO_SELF_SIGNED_CERT: (
        "is self-signed and not trusted here",
        "if it is the right one, give it as TlsOptions.ca",
    ),
    _CODES.ERR_SELF_SIGNED_CERT_IN_CHAIN: _UNKNOWN_AUTHORITY,
    _CODES.ERR_UNABLE_TO_GET_ISSUER_CERT: _UNKNOWN_AUTHORITY,
    _CODES.ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY: _UNKNOWN_AUTHORITY,
    _CODES.ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: _UNKNOWN_AUTHORITY,
    _CODES.ERR_INVALID_PURPOSE: ("is not one for servers", ""),
    _CODES.ERR_CERT_SIGNATURE_FAILURE: ("has a wrong signature", ""),
}

_GIVE_ONE = "TlsOptions(certificate=..., key=...)"
_OLD = "no common version of TLS: 1.2 is the oldest that is good enough"
_NOT_TLS = "what answers there does not speak TLS"
_FIRST = "with handshake_first the server must be set to it too"
_Why: TypeAlias = "tuple[str, type[TlsUnavailable], str, str]"
# In this order: what OpenSSL's text holds, what it is, in our words.
_ALERTS: tuple[_Why, ...] = (
    ("certificate required", CertificateRefused, "the server asks for a client certificate", _GIVE_ONE),
    ("alert unknown ca", CertificateRefused, "the server does not trust our certificate's authority", ""),
    ("certificate expired", CertificateRefused, "the server says that our certificate has expired", ""),
    ("certificate revoked", CertificateRefused, "the server says that our certificate was revoked", ""),
    ("bad certificate", CertificateRefused, "the server takes no such certificate, or misses ours", _GIVE_ONE),
    ("certificate unknown", CertificateRefused, "the server does not take our certificate", ""),
    ("unsupported certificate", CertificateRefused, "the server takes no certificate of this kind", ""),
    ("certificate verify failed", CertificateRefused, "the caller's own context refuses the certificate", ""),
    ("protocol version", TlsUnavailable, _OLD, ""),
    ("unsupported protocol", TlsUnavailable, _OLD, ""),
    ("version too low", TlsUnavailable, _OLD, ""),
    ("wrong version number", TlsUnavailable, _NOT_TLS, _FIRST),
    ("packet length too long", TlsUnavailable, _NOT_TLS, _FIRST),
    ("record layer failure", TlsUnavailable, _NOT_TLS, _FIRST),
    ("handshake failure", TlsUnavailable, "the server found no cipher, or misses a client certificate", ""),
)
