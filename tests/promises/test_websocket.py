"""P30: whatever a WebSocket's other end does, it ends in time and by name; and ``wss://`` knows whom it talks to."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest
import trustme
from twisted.internet.defer import TimeoutError as DeferredTimeout

import txnats
from tests.hostile.server import HostileServer, Script, Talk
from tests.hostile.test_websocket import BREAKS, HANDSHAKES, Break, websocket
from tests.hostile.websocket import WebSocketTalk
from tests.promises.promise import Promise, Told, apart, reactor, sized
from tests.wire.websocket_server import closing
from txnats.server import NatsServer, ServerTls

CLOSE_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999)
SECRET = "s3cr3t"
PATIENCE = 10.0


def broken(each: Break) -> Script:
    """A session that breaks."""

    def script(talk: Talk) -> None:
        talk.session()
        for data in [each.data] if isinstance(each.data, bytes) else each.data():
            websocket(talk).raw(data)
        talk.gone()

    return script


def closed(code: int) -> Script:
    """A session that the server closes with a code."""

    def script(talk: Talk) -> None:
        talk.session()
        websocket(talk).raw(closing(code, b"why"))
        talk.gone()

    return script


def cases() -> Iterator[tuple[Script, dict[str, int]]]:
    """Every script, with the options that belong to it."""
    for script, _ in HANDSHAKES:
        yield script, {}
    for each in BREAKS:
        yield broken(each), each.options
    for code in CLOSE_CODES:
        yield closed(code), {}


@pytest.mark.usefixtures("make_server")
class WebSockets(Promise):
    make_server: Callable[..., NatsServer]

    @sized
    async def test_p30_hostile_websockets(self, rounds: int) -> None:
        """No case hangs, and each has an error of ours as its cause."""
        count = hangs = unnamed = secrets = 0
        slowest = 0.0
        for script, options in list(cases()) * rounds:
            count += 1
            started = monotonic()
            told = Told()
            try:
                reason = await self.reason_of(script, told, options)
            except DeferredTimeout:
                hangs += 1
                continue
            slowest = max(slowest, monotonic() - started)
            unnamed += type(reason) not in (
                txnats.WebSocketRefused,
                txnats.WebSocketClosed,
                txnats.AuthenticationRefused,
                txnats.RemoteProtocolError,
            )
            secrets += SECRET in repr(told) + repr(reason)
        self.tell(cases=count, hangs=hangs, unnamed=unnamed, slowest=round(slowest, 2), secrets_told=secrets)
        assert (hangs, unnamed, secrets) == (0, 0, 0)

    async def reason_of(self, script: Script, told: Told, options: dict[str, int]) -> BaseException | None:
        """Why a client that meets this server ends."""
        server = await apart(HostileServer, script, WebSocketTalk)
        try:
            client = await txnats.connect(
                reactor,
                f"ws://{SECRET}@127.0.0.1:{server.port}/?key={SECRET}",
                reconnect=txnats.ReconnectOptions(enabled=False),
                websocket=txnats.WebSocketOptions(headers={"Cookie": SECRET}, **options),  # type: ignore[arg-type]
                on_event=told,
            ).addTimeout(PATIENCE, reactor)
            client.subscribe("it", lambda message: None)
            return await client.when_closed().addTimeout(PATIENCE, reactor)
        except txnats.NatsError as error:
            return error
        finally:
            await apart(server.close)

    @sized
    async def test_p30_wss_names(self) -> None:
        """A certificate for somebody else, or from somebody else, is refused; a good one is not."""
        authority, stranger = trustme.CA(), trustme.CA()
        folder = await apart(self.folder_with, authority)
        trusted = str(folder / "ca.pem")
        refused = accepted = 0
        for issuer, name, good in (
            (authority, "elsewhere.example", False),
            (stranger, "127.0.0.1", False),
            (authority, "127.0.0.1", True),
        ):
            server = await apart(self.wss_server, folder, issuer, name)
            try:
                client = await self.client(server.websocket_url, tls=txnats.TlsOptions(ca=trusted), timeout=5.0)
            except txnats.CertificateRefused:
                refused += 1
                assert not good
            else:
                accepted += 1
                assert good
                await client.flush()
        in_clear = await self.said_without_tls()
        self.tell(refused=refused, accepted=accepted, in_clear=in_clear)
        assert (refused, accepted, in_clear) == (2, 1, 0)

    async def said_without_tls(self) -> int:
        """How much of its request or login a client of ``wss://`` shows to a server that has no TLS."""

        def script(talk: Talk) -> None:
            while len(talk.received) < 20:
                talk.receive()
            talk.send(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
            talk.gone()

        server = await apart(HostileServer, script)
        url = f"wss://{SECRET}@127.0.0.1:{server.port}/?key={SECRET}"
        options = txnats.WebSocketOptions(headers={"Cookie": SECRET})
        with pytest.raises(txnats.NatsError) as caught:
            await txnats.connect(reactor, url, websocket=options, timeout=2.0)
        await apart(server.close)
        assert SECRET not in repr(caught.value)
        assert server.received.startswith(b"\x16\x03"), "a ClientHello"
        return sum(server.received.count(word) for word in (b"GET", b"CONNECT", SECRET.encode()))

    def folder_with(self, authority: trustme.CA) -> Path:
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        folder = Path(made.name)
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        return folder

    def wss_server(self, folder: Path, issuer: trustme.CA, name: str) -> NatsServer:
        certificate = issuer.issue_cert(name)
        key, chain = folder / "key.pem", folder / "cert.pem"
        certificate.private_key_pem.write_to_path(str(key))
        chain.write_bytes(b"".join(each.bytes() for each in certificate.cert_chain_pems))
        return self.make_server(websocket=True, tls=ServerTls(certificate=str(chain), key=str(key)))
