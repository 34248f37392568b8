"""TLS: from what the caller wants to OpenSSL connections that check what they meet, and from its failures to words.

Loaded when a connection first needs it: a client without TLS does not pay for OpenSSL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.interfaces import IHandshakeListener, IOpenSSLClientConnectionCreator, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import CertificateOptions, TLSVersion
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from ..errors import CertificateRefused, NatsError, TlsUnavailable
from ..options import TlsOptions
from ..wire.info import ServerInfo
from .certificates import Expected, distrusted, own_certificate, trusted
from .transports import Layer, StreamTransport, Top

RECORD = 16 * 1024
"""The most bytes that a record of TLS carries."""


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
    name = options.hostname or hostname
    if options.context is not None:
        return _of_the_caller(options.context, name)
    expected = Expected(name)
    try:
        made = CertificateOptions(
            trustRoot=trusted(options.ca),
            raiseMinimumTo=TLSVersion.TLSv1_2,
            **own_certificate(options.certificate, options.key),
        )
        context = made.getContext()
    except TlsUnavailable as error:
        error.where = name
        raise
    except SSL.Error as error:
        raise TlsUnavailable(name, f"OpenSSL refuses the options: {_reasons(error)}") from None
    return _Verifying(context, expected)


class TlsSecurity:
    """How one attempt at one server does TLS. The caller's files are read when this is made.

    Args:
        clock: For the layer.
        options: The caller's wishes; None has none.
        hostname: The name or address that was dialled.
        server: The server's name for texts.

    Raises:
        TlsUnavailable: A file cannot be used, or the name is none that a certificate could be for.
    """

    def __init__(self, clock: IReactorTime, options: TlsOptions | None, hostname: str, server: str) -> None:
        self._clock = clock
        self._server = server
        self._has_certificate = options is not None and (options.certificate or options.context) is not None
        try:
            self._creator = client_options(options, hostname)
        except TlsUnavailable as error:
            error.where = error.server = server
            raise

    def start(self, transport: StreamTransport, top: Top) -> Layer:
        """See ``transports.Security``.

        Not by ``startTLS``, which few transports have, and whose layer holds back what is written for a turn: here the
        writer has gathered it already.
        """
        factory = TLSMemoryBIOFactory(
            self._creator, True, Factory.forProtocol(lambda: _Inside(top)), cast(Any, self._clock)
        )
        factory.protocol = TlsLayer
        layer = factory.buildProtocol(None)
        raised = ""
        try:
            layer.makeConnection(Below(transport))
        except BaseException as error:  # the caller's own creator of connections
            raised = type(error).__name__
        if raised:
            # Behind the except clause: a traceback would else show the text of what was raised.
            raise TlsUnavailable(self._server, f"the TLS context raised {raised}")
        return cast(Layer, layer)

    def explain(self, error: BaseException | None, info: ServerInfo | None) -> NatsError | None:
        """See ``transports.Security``."""
        unasked = info is not None and info.tls_verify and not self._has_certificate
        return explain(self._server, error, unasked=unasked)


@implementer(IHandshakeListener)
class _Inside(Protocol):
    """What Twisted's TLS wraps: tells our own of what happens in it."""

    def __init__(self, top: Top) -> None:
        self._top = top
        self._read: list[bytes] = []

    def dataReceived(self, data: bytes) -> None:
        self._read.append(data)

    def flush(self) -> None:
        """Hand on what was read: all records of a chunk at once, since a parser likes long inputs."""
        read, self._read = self._read, []
        if read:
            self._top.read(read[0] if len(read) == 1 else b"".join(read))

    def handshakeCompleted(self) -> None:
        self._top.secured()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.flush()
        self._top.gone(reason)


class TlsLayer(TLSMemoryBIOProtocol):
    """Twisted's TLS, which tells what it has read once a chunk, and writes batches in whole records.

    A batch of 64 KiB that is written as it comes leaves a last record of a few bytes, and each record costs a server
    about as much as a message.
    """

    _rest = b""

    def gather(self, data: bytes | list[bytes]) -> None:
        """Write as many whole records as there are; the rest waits for what is written next, or for ``settle``."""
        whole = b"".join([self._rest, *data]) if isinstance(data, list) else self._rest + data
        end = len(whole) - len(whole) % RECORD
        self._rest = whole[end:]
        if end:
            below = cast(Below, self.transport)
            below.hold()
            try:
                super().write(memoryview(whole)[:end])  # type: ignore[no-untyped-call]
            finally:
                below.release()

    def settle(self) -> bool:
        """Write what waits; whether there was anything."""
        rest, self._rest = self._rest, b""
        if rest:
            super().write(rest)  # type: ignore[no-untyped-call]
        return bool(rest)

    def write(self, bytes: bytes) -> None:  # noqa: A002  # Twisted calls it so
        rest, self._rest = self._rest, b""
        super().write(rest + bytes)  # type: ignore[no-untyped-call]

    def loseConnection(self) -> None:
        self.settle()
        super().loseConnection()  # type: ignore[no-untyped-call]

    def dataReceived(self, bytes: bytes) -> None:  # noqa: A002  # Twisted calls it so
        super().dataReceived(bytes)  # type: ignore[no-untyped-call]
        cast(_Inside, self.wrappedProtocol).flush()


class Below:
    """The transport under TLS: takes the records of a batch together, and is cut even where it can only be closed."""

    def __init__(self, transport: StreamTransport) -> None:
        self._transport = transport
        self._records: list[bytes] | None = None
        self.abortConnection = getattr(transport, "abortConnection", transport.loseConnection)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if self._records is None:
            self._transport.write(data)
        else:
            self._records.append(data)

    def hold(self) -> None:
        """Let what is written wait for ``release``."""
        self._records = []

    def release(self) -> None:
        """Write what waits."""
        records, self._records = self._records, None
        if records:
            self._transport.writeSequence(records)


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
    reasons = _reasons(error) if isinstance(error, SSL.Error) else ""
    if unasked and (not reasons or "certificate" in reasons or "handshake failure" in reasons):
        return CertificateRefused(server, "the server asks for a client certificate", hint=_GIVE_ONE)
    for words, kind, why, hint in _ALERTS:
        if words in reasons:
            return kind(server, why, hint=hint)
    if not isinstance(error, SSL.Error):
        return None
    return TlsUnavailable(server, f"the handshake failed: {reasons or 'no reason was given'}")


# What is checked


class _Creator:
    """Makes the connections of a context, each for the name that is expected."""

    def __init__(self, context: SSL.Context, expected: Expected) -> None:
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
                refusal = distrusted(expected.name, certificate, code, depth)
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


def _of_the_caller(make: Callable[[], Any], name: str) -> IOpenSSLClientConnectionCreator:
    """From what the caller's own function gives."""
    made, raised = None, ""
    try:
        made = make()
        made = made.getContext() if callable(getattr(made, "getContext", None)) else made
    except NatsError:
        raise
    except BaseException as error:  # the caller's own code
        raised = type(error).__name__
    if raised:
        # Its text may tell what it was made of, and is shown in no traceback either.
        raise TlsUnavailable(name, f"TlsOptions.context raised {raised}")
    if isinstance(made, SSL.Context):
        return _OfTheCaller(made, Expected(name))
    if IOpenSSLClientConnectionCreator.providedBy(made):
        return made
    raise TlsUnavailable(
        name,
        f"TlsOptions.context gave a {type(made).__name__}",
        hint="it gives an OpenSSL.SSL.Context, or what optionsForClientTLS gives",
    )


# What is said


def _reasons(error: SSL.Error) -> str:
    """OpenSSL's own words; empty when it has none."""
    if isinstance(error, SSL.SysCallError):
        return str(error.args[-1])
    queue = error.args[0] if error.args and isinstance(error.args[0], (list, tuple)) else ()
    return "; ".join(str(each[-1]) for each in queue)


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
