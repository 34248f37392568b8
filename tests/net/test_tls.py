"""TLS between two ends in memory, and what its failures are called."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any, cast

import pytest
from OpenSSL import SSL
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.promises.papers import Papers
from tests.promises.tls_peer import server_options
from txnats.errors import CertificateRefused, TlsUnavailable
from txnats.net.tls import RECORD, TlsLayer, TlsSecurity, client_options, explain
from txnats.options import TlsOptions
from txnats.wire.info import ServerInfo


@pytest.fixture(scope="module")
def papers() -> Iterator[Papers]:
    made = Papers()
    yield made
    made.close()


class Records(StringTransport):
    """Counts what is written, and cannot be cut."""

    writes = 0

    def __getattribute__(self, name: str) -> Any:
        if name == "abortConnection":
            raise AttributeError(name)
        return super().__getattribute__(name)

    def write(self, data: bytes) -> None:
        self.writes += 1
        self.io.write(data)

    def writeSequence(self, data: Any) -> None:
        self.writes += 1
        self.io.write(b"".join(data))


class Ends:
    """Our layer, and Twisted's TLS at the other end."""

    def __init__(self, papers: Papers, name: str = "localhost") -> None:
        self.read_: list[bytes] = []
        self.secured_ = 0
        self.lost: list[Failure] = []
        self.got = bytearray()
        self.low, self.high = Records(), StringTransport()
        options = TlsOptions(ca=papers.ca)
        self.layer = TlsSecurity(Clock(), options, name, "tls://h").start(self.low, self)
        assert isinstance(self.layer, TlsLayer)
        peer = Protocol()
        peer.dataReceived = self.got.extend  # type: ignore[method-assign, assignment]
        factory = TLSMemoryBIOFactory(
            server_options(papers.issue("localhost")),
            False,
            Factory.forProtocol(lambda: peer),
            Clock(),
        )
        self.peer = peer
        self.server = factory.buildProtocol(None)
        self.server.makeConnection(self.high)
        self.turn()

    # What the layer tells

    def read(self, data: bytes) -> None:
        self.read_.append(data)

    def secured(self) -> None:
        self.secured_ += 1

    def gone(self, reason: Failure) -> None:
        self.lost.append(reason)

    def turn(self) -> None:
        while self.low.value() or self.high.value():
            sent, answered = self.low.value(), self.high.value()
            self.low.clear()
            self.high.clear()
            if sent:
                self.server.dataReceived(sent)
            if answered:
                self.layer.dataReceived(answered)


def test_a_handshake(papers: Papers) -> None:
    ends = Ends(papers)
    assert (ends.secured_, ends.read_, ends.lost) == (1, [], [])
    ends.layer.write(b"hello")
    ends.turn()
    assert ends.got == b"hello"


def test_a_refusal_is_the_reason_of_the_end(papers: Papers) -> None:
    ends = Ends(papers, "elsewhere")
    assert ends.secured_ == 0
    assert ends.low.disconnecting
    ends.layer.connectionLost(Failure(ConnectionDone()))
    (reason,) = ends.lost
    assert isinstance(reason.value, CertificateRefused)
    assert ends.got == b""


def test_all_records_of_a_chunk_are_read_at_once(papers: Papers) -> None:
    ends = Ends(papers)
    ends.server.write(b"x" * 5 * RECORD)
    ends.turn()
    assert ends.read_ == [b"x" * 5 * RECORD]


def test_batches_are_written_in_whole_records(papers: Papers) -> None:
    ends = Ends(papers)
    before = ends.low.writes
    ends.layer.gather([b"a" * 10, b"b" * RECORD, b"c" * RECORD])
    assert ends.low.writes == before + 1
    ends.turn()
    assert len(ends.got) == 2 * RECORD
    # What fills no record goes with what comes next, in its order, or when it is asked for.
    ends.layer.gather(b"d")
    assert ends.low.value() == b""
    ends.layer.write(b"e")
    ends.turn()
    ends.layer.gather(b"f")
    assert ends.layer.settle() is True
    assert ends.layer.settle() is False
    ends.turn()
    assert bytes(ends.got) == b"a" * 10 + b"b" * RECORD + b"c" * RECORD + b"def"


def test_what_waits_leaves_before_the_end(papers: Papers) -> None:
    ends = Ends(papers)
    ends.layer.gather(b"last words")
    ends.layer.loseConnection()
    ends.turn()
    assert ends.got == b"last words"


# ---------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("said", "kind", "why"),
    [
        ("tlsv13 alert certificate required", CertificateRefused, "the server asks for a client certificate"),
        ("tlsv1 alert unknown ca", CertificateRefused, "the server does not trust our certificate's authority"),
        ("ssl/tls alert bad certificate", CertificateRefused, "the server takes no such certificate, or misses ours"),
        ("tlsv1 alert protocol version", TlsUnavailable, "no common version of TLS"),
        ("unsupported protocol", TlsUnavailable, "no common version of TLS"),
        ("wrong version number", TlsUnavailable, "what answers there does not speak TLS"),
        ("something new", TlsUnavailable, "the handshake failed: something new"),
    ],
)
def test_openssl_in_our_words(said: str, kind: type[TlsUnavailable], why: str) -> None:
    error = explain("tls://h", SSL.Error([("SSL routines", "", said)]))
    assert type(error) is kind
    assert error.why.startswith(why)
    assert error.where == "tls://h"


def test_what_is_no_failure_of_tls() -> None:
    assert explain("tls://h", ConnectionDone()) is None
    assert explain("tls://h", None) is None


def test_a_certificate_that_is_known_to_be_missing(papers: Papers) -> None:
    info = ServerInfo(tls_verify=True)
    without = TlsSecurity(Clock(), TlsOptions(ca=papers.ca), "localhost", "tls://h")
    error = without.explain(ConnectionDone(), info)
    assert isinstance(error, CertificateRefused)
    assert "asks for a client certificate" in str(error)
    pair = papers.issue("me")
    with_one = TlsOptions(ca=papers.ca, certificate=pair.certificate, key=pair.key)
    assert TlsSecurity(Clock(), with_one, "localhost", "tls://h").explain(ConnectionDone(), info) is None


def test_an_error_names_the_server(papers: Papers) -> None:
    with pytest.raises(TlsUnavailable) as caught:
        TlsSecurity(Clock(), TlsOptions(ca=papers.path / "none"), "localhost", "tls://h:4222")
    assert str(caught.value).startswith("TLS is not available [tls://h:4222]: TlsOptions.ca cannot be read: ")


@pytest.mark.parametrize("raised", [RuntimeError, SystemExit])
def test_what_the_callers_context_raises_is_named_and_not_shown(raised: type[BaseException]) -> None:
    def context() -> object:
        raise raised("the passphrase S3CRET is wrong")

    with pytest.raises(TlsUnavailable) as caught:
        client_options(TlsOptions(context=context), "host")
    shown = "".join(traceback.format_exception(caught.value)) + Failure(caught.value).getTraceback(detail="verbose")
    assert raised.__name__ in shown
    assert "S3CRET" not in shown


def test_what_the_callers_creator_raises_is_named_and_not_shown() -> None:
    @implementer(IOpenSSLClientConnectionCreator)
    class Creator:
        def clientConnectionForTLS(self, tlsProtocol: object) -> Any:  # noqa: N803
            raise RuntimeError("the passphrase S3CRET is wrong")

    security = TlsSecurity(Clock(), TlsOptions(context=Creator), "host", "s")
    with pytest.raises(TlsUnavailable) as caught:
        security.start(cast(Any, StringTransport()), cast(Any, None))
    shown = "".join(traceback.format_exception(caught.value)) + Failure(caught.value).getTraceback(detail="verbose")
    assert "the TLS context raised RuntimeError" in shown
    assert "S3CRET" not in shown
