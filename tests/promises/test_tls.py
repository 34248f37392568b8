"""P21-P24: whoever asks for TLS gets it or nothing, from whom they asked for, and soon."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import pytest
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.ssl import TLSVersion
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

import txnats
from tests.one_by_one import one_by_one
from tests.promises.papers import Papers
from tests.promises.promise import Promise, Told, reactor, sized, until
from tests.promises.tls_peer import TlsPeer, server_options
from txnats import events
from txnats.net.connection import Connection
from txnats.net.tls import TlsSecurity
from txnats.options import Limits, PingOptions, TlsOptions
from txnats.server import ServerTls
from txnats.state.handshake import Handshake
from txnats.wire.info import ConnectInfo
from txnats.wire.parser import Parser

SECRETS = {
    "user": "S3CRET-user", "pass": "S3CRET-pass", "auth_token": "S3CRET-token", "jwt": "S3CRET-jwt",
    "nkey": "S3CRET-nkey", "sig": "S3CRET-sig",
}  # fmt: skip
WEBSOCKET = txnats.WebSocketOptions(path="/?key=S3CRET-query", headers={"Cookie": "S3CRET-header"})


class Everything:
    """Logs in by all means at once."""

    def fields(self, nonce: str) -> Mapping[str, str]:
        return SECRETS


class Wish(NamedTuple):
    """How TLS is asked for: the scheme of a URL, and options that are made from the authority's path."""

    scheme: str
    options: Callable[[str], TlsOptions | None]
    first: bool = False
    websocket: bool = False


def trusting(ca: str) -> Any:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.load_verify_locations(ca)
    context.set_verify(SSL.VERIFY_PEER)
    return context


# A further way to ask is one more row.
WISHES = {
    "tls://": Wish("tls", lambda ca: TlsOptions(ca=ca)),
    "context": Wish("nats", lambda ca: TlsOptions(context=partial(trusting, ca))),
    "handshake_first": Wish("tls", lambda ca: TlsOptions(ca=ca, handshake_first=True), first=True),
    "wss://": Wish("wss", lambda ca: TlsOptions(ca=ca), first=True, websocket=True),
}
LEAKS = (*(secret.encode() for secret in SECRETS.values()), b"S3CRET", b"CONNECT", b"GET ")


async def outcome(connecting: Deferred[txnats.Client]) -> object:
    """The error, or the client, which is closed."""
    try:
        client = await connecting
    except txnats.NatsError as error:
        return error
    await client.close()
    return client


class WithPapers(Promise):
    def setUp(self) -> None:
        self.papers = Papers()
        self.addCleanup(self.papers.close)

    def peer(self, **options: Any) -> TlsPeer:
        peer = TlsPeer(reactor, **options)
        self.addCleanup(peer.close)
        return peer


class NothingInClear(WithPapers):
    async def first(self, wish: Wish, wishes: dict[str, Any]) -> TlsPeer:
        """The very first server has no TLS."""
        recorder = self.peer()
        error = await outcome(txnats.connect(reactor, f"{wish.scheme}://127.0.0.1:{recorder.port}", **wishes))
        assert isinstance(error, txnats.TlsUnavailable), repr(error)
        return recorder

    async def reconnect(self, wish: Wish, wishes: dict[str, Any]) -> TlsPeer:
        """One that had TLS comes back without."""
        good = self.good(wish)
        client, told = await self.told(f"{wish.scheme}://127.0.0.1:{good.port}", **wishes)
        await good.close()
        recorder = self.peer(port=good.port)
        return await self.after(recorder, client, told)

    async def second(self, wish: Wish, wishes: dict[str, Any]) -> TlsPeer:
        """The next one of the pool has none."""
        good, recorder = self.good(wish), self.peer()
        urls = [f"{wish.scheme}://127.0.0.1:{each.port}" for each in (good, recorder)]
        client, told = await self.told(urls, **wishes)
        await good.close()
        return await self.after(recorder, client, told)

    async def announced(self, wish: Wish, wishes: dict[str, Any]) -> TlsPeer:
        """An INFO sends us to one that has none."""
        recorder = self.peer()
        good = self.good(wish, info={"connect_urls": [f"127.0.0.1:{recorder.port}"]})
        client, told = await self.told(f"{wish.scheme}://127.0.0.1:{good.port}", **wishes)
        await good.close()
        return await self.after(recorder, client, told)

    @sized
    async def test_p21_nothing_in_clear(self, occasions: tuple[str, ...]) -> None:
        """A server without TLS hears nothing but the start of it, whatever was asked for and whenever it is met."""
        heard, cases = 0, 0
        for wish in WISHES.values():
            options = wish.options(self.papers.ca)
            for occasion in occasions:
                recorder = await getattr(self, occasion)(
                    wish, {"tls": options, "auth": Everything(), "websocket": WEBSOCKET}
                )
                cases += 1
                assert recorder.accepted, "nobody came"
                assert recorder.only_hello, bytes(recorder.raw)
                heard += sum(leak in recorder.raw for leak in LEAKS)
        self.tell(cases=cases, secrets=heard)
        assert heard == 0

    def good(self, wish: Wish, **options: Any) -> TlsPeer:
        return self.peer(
            tls=server_options(self.papers.issue("127.0.0.1")), first=wish.first, websocket=wish.websocket, **options
        )

    async def told(self, servers: Any, **options: Any) -> tuple[txnats.Client, Told]:
        told = Told()
        reconnect = txnats.ReconnectOptions(first_wait=0.01, max_wait=0.02, max_attempts=-1, shuffle=False)
        client = await self.client(servers, on_event=told, reconnect=reconnect, timeout=1.0, **options)
        return client, told

    async def after(self, recorder: TlsPeer, client: txnats.Client, told: Told) -> TlsPeer:
        """Wait until it was tried in vain."""
        where = f":{recorder.port}"

        def tried() -> list[events.AttemptFailed]:
            return [each for each in told.of(events.AttemptFailed) if each.server.endswith(where)]

        await until(lambda: tried() and recorder.accepted)
        assert isinstance(tried()[-1].error, txnats.TlsUnavailable)
        await client.close()
        return recorder


GLUED = (b"PING\r\n", b"+OK\r\n", b"-ERR 'Authorization Violation'\r\n", b"MSG a 1 1\r\nx\r\n", b"\r\n", b"\x16\x03",
         b'INFO {"server_id":"EVIL","auth_required":true}\r\n', b"PON")  # fmt: skip


class Glued(WithPapers):
    def attempt(self) -> tuple[Connection, StringTransport, list[object]]:
        connection = Connection(
            clock=Clock(),
            server="tls://h",
            handshake=Handshake("tls://h", ConnectInfo(), Everything().fields, tls=True, can_upgrade=True),
            parser=Parser(Limits()),
            ping=PingOptions(),
            deliver=one_by_one(lambda _: None),
            listener=None,  # type: ignore[arg-type]
            security=lambda: TlsSecurity(Clock(), TlsOptions(ca=self.papers.ca), "h", "tls://h"),
        )
        transport = StringTransport()
        connection.makeConnection(transport)
        outcome: list[object] = []
        connection.ready.addBoth(outcome.append)
        return connection, transport, outcome

    @sized
    async def test_p22_glued_to_info(self) -> None:
        """What stands behind INFO, and did not come out of TLS, ends the attempt, wherever the input is split."""
        info = b'INFO {"server_id":"A","tls_required":true,"nonce":"n"}\r\n'
        cases, accepted = 0, 0
        for glued in GLUED:
            whole = info + glued
            for at in range(len(whole) + 1):
                connection, transport, outcome = self.attempt()
                for part in (whole[:at], whole[at:]):
                    if part:
                        connection.dataReceived(part)
                connection.connectionLost()
                cases += 1
                (failure,) = outcome
                assert isinstance(failure, Failure)
                written = transport.value()
                accepted += b"CONNECT" in written or any(secret.encode() in written for secret in SECRETS.values())
                kinds = (txnats.RemoteProtocolError, txnats.TlsUnavailable, txnats.DialFailed)
                assert isinstance(failure.value, kinds), repr(failure.value)
                # Whole in one piece it is never even answered.
                if at in (0, len(whole)):
                    assert isinstance(failure.value, txnats.RemoteProtocolError)
                    assert written == b""
                    assert failure.value.snippet == glued[:32]
                elif at == len(info) and glued[:1] != b"\x16":
                    assert isinstance(failure.value, txnats.RemoteProtocolError)
                    assert failure.value.snippet == glued[:32]
        self.tell(cases=cases, accepted=accepted)
        assert accepted == 0

    async def test_glued_over_sockets(self) -> None:
        for glued in GLUED:
            peer = self.peer(tls=server_options(self.papers.issue("127.0.0.1")), glued=glued)
            url, options = f"tls://127.0.0.1:{peer.port}", TlsOptions(ca=self.papers.ca)
            error = await outcome(txnats.connect(reactor, url, tls=options, auth=Everything()))
            assert isinstance(error, txnats.NatsError), f"{glued!r} was accepted"
            assert not peer.told


class Case(NamedTuple):
    """A server that must not be accepted: how it is set up and dialled, and what the error says."""

    tls: Callable[[Papers], ServerTls]
    says: str
    host: str = "localhost"
    client: Callable[[Papers], dict[str, Any]] = lambda papers: {"ca": papers.ca}


BAD = {
    "wrong name": Case(
        lambda papers: papers.issue("elsewhere.example").server(), "for elsewhere.example and not for localhost"
    ),
    "wrong authority": Case(
        lambda papers: papers.issue("localhost", untrusted=True).server(), "signed by nobody who is trusted"
    ),
    "expired": Case(lambda papers: papers.issue("localhost", expired=True).server(), "has expired: it was good until"),
    "self-signed": Case(lambda papers: papers.self_signed("localhost").server(), "self-signed and not trusted"),
    "address without its SAN": Case(
        lambda papers: papers.issue("localhost").server(), "for localhost and not for 127.0.0.1", "127.0.0.1"
    ),
    "no name but the common one": Case(
        lambda papers: papers.self_signed("localhost", named=False).server(),
        "names no host at all",
        client=lambda papers: {"ca": str(papers.path / "1.pem")},
    ),
    "no client certificate": Case(
        lambda papers: papers.issue("localhost").server(ca=papers.ca, verify=True), "asks for a client certificate"
    ),
    "client certificate of another authority": Case(
        lambda papers: papers.issue("localhost").server(ca=papers.ca, verify=True),
        "our certificate",
        client=lambda papers: {"ca": papers.ca} | papers.issue("me@elsewhere.example", untrusted=True)._asdict(),
    ),
    "another server's": Case(
        lambda papers: papers.issue("a.example", "10.0.0.1").server(), "for a.example, 10.0.0.1 and not for localhost"
    ),
}


@pytest.mark.usefixtures("make_server")
class Certificates(WithPapers):
    @sized
    async def test_p23_bad_certificates(self) -> None:
        """None of them is accepted, and each error says what is wrong."""
        accepted: list[str] = []
        seconds = 0.0
        for name, case in BAD.items():
            for first in (False, True):
                papers = Papers()
                self.addCleanup(papers.close)
                made = case.tls(papers)
                server = self.make_server(
                    tls=ServerTls(**_fields(made) | {"handshake_first": first}), user="u", password="p"
                )
                start = reactor.seconds()
                url = f"tls://u:p@{case.host}:{server.port}"
                options = TlsOptions(handshake_first=first, **case.client(papers))
                error = await outcome(txnats.connect(reactor, url, tls=options, timeout=5.0))
                if not isinstance(error, txnats.CertificateRefused):
                    accepted.append(name)
                assert case.says in str(error), f"{name}: {error}"
                assert "u:p" not in str(error)
                seconds = max(seconds, reactor.seconds() - start)
                server.kill()
        old = await self.too_old()
        self.tell(cases=len(BAD) + 1, accepted=len(accepted), seconds=round(seconds, 2))
        assert "no common version of TLS" in old, old
        assert accepted == []

    async def too_old(self) -> str:
        """What is said of a server that knows no more than TLS 1.1."""
        options = server_options(
            self.papers.issue("localhost"),
            insecurelyLowerMinimumTo=TLSVersion.TLSv1_1,
            lowerMaximumSecurityTo=TLSVersion.TLSv1_1,
        )
        options.getContext().set_cipher_list(b"ALL:@SECLEVEL=0")
        peer = self.peer(tls=options)
        error = await outcome(
            txnats.connect(reactor, f"tls://localhost:{peer.port}", tls=TlsOptions(ca=self.papers.ca))
        )
        assert isinstance(error, txnats.TlsUnavailable)
        # It is there for those who ask for less.
        await self.lax(peer)
        return str(error)

    async def lax(self, peer: TlsPeer) -> None:
        def context() -> SSL.Context:
            made = SSL.Context(SSL.TLS_CLIENT_METHOD)
            made.set_min_proto_version(SSL.TLS1_VERSION)
            made.set_cipher_list(b"ALL:@SECLEVEL=0")
            return made

        client = await self.client(f"tls://localhost:{peer.port}", tls=TlsOptions(context=context))
        await client.flush()

    @sized
    async def test_p23_good_certificates(self) -> None:
        """By name, by address, of both sides, and TLS first: by a real server."""
        papers = self.papers
        me = papers.issue("me@example")
        good = 0
        for first in (False, True):
            for verify in (False, True):
                tls = papers.issue("localhost", "127.0.0.1").server(ca=papers.ca, verify=verify, handshake_first=first)
                server = self.make_server(tls=tls, user="u", password="p")
                for host in ("localhost", "127.0.0.1"):
                    options = TlsOptions(ca=papers.ca, handshake_first=first, **(me._asdict() if verify else {}))
                    client = await self.client(f"tls://u:p@{host}:{server.port}", tls=options)
                    await client.flush()
                    assert client.server_info.tls_required
                    await client.close()
                    good += 1
        self.tell(accepted=good)

    @sized
    async def test_p24_stalled_handshake(self, timeout: float) -> None:
        """A server that falls silent is given up at the deadline of the attempt, whatever part it falls silent in."""
        slowest = 0.0
        for first, waited_for in ((False, "TLS handshake"), (True, "TLS handshake")):
            peer = self.peer(silent=True, first=first)
            start = reactor.seconds()
            with pytest.raises(txnats.NoServersLeft, match=f"no {waited_for} within"):
                await txnats.connect(
                    reactor,
                    f"tls://127.0.0.1:{peer.port}",
                    tls=TlsOptions(ca=self.papers.ca, handshake_first=first),
                    timeout=timeout,
                )
            slowest = max(slowest, reactor.seconds() - start)
            assert peer.only_hello
            assert peer.raw
            await until(lambda: not peer.links)  # noqa: B023
        self.tell(seconds=round(slowest, 2))
        assert timeout <= slowest < timeout + 1.5


def _fields(tls: ServerTls) -> dict[str, Any]:
    return {name: getattr(tls, name) for name in tls.__struct_fields__}
