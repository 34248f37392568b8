"""The client over TLS: what it does in clear it does there too, over any transport."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.endpoints import (
    HostnameEndpoint,
    ProcessEndpoint,
    TCP4ClientEndpoint,
    UNIXServerEndpoint,
    wrapClientTLS,
)
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import Certificate, CertificateOptions, optionsForClientTLS, trustRootFromCertificates

import txnats
from tests.integration.test_client import ForwarderFactory, whole
from tests.promises.papers import Papers
from tests.promises.promise import Promise, Told, apart, reactor, turns, until
from tests.promises.tls_peer import TlsPeer, server_options
from txnats import TlsOptions, events
from txnats.server import Cluster, NatsServer, ServerConfig, ServerTls
from txnats.statistics import Status
from txnats.testing import ChaosProxy

RELAY = """
import os, socket, sys, threading
wire = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def up():
    while data := os.read(0, 65536):
        wire.sendall(data)
    wire.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := wire.recv(65536):
    while data:
        data = data[os.write(1, data):]
"""


@pytest.mark.usefixtures("make_server")
class Tls(Promise):
    make_server: Callable[..., NatsServer]

    def setUp(self) -> None:
        self.papers = Papers()
        self.addCleanup(self.papers.close)
        self.options = TlsOptions(ca=self.papers.ca)

    def tls(self, **options: Any) -> ServerTls:
        return self.papers.issue("localhost", "127.0.0.1").server(**options)

    def server(self, **options: Any) -> NatsServer:
        return self.make_server(tls=self.tls(**options))

    async def echoes(self, client: txnats.Client, size: int = 100_000) -> None:
        """A message of several records goes there and back."""
        subscription = client.subscribe("echo")
        payload = bytes(range(256)) * (size // 256)
        client.publish("echo", payload)
        assert (await subscription.next(timeout=10.0)).payload == payload
        subscription.unsubscribe()

    async def test_an_upgrade_that_the_server_alone_wants(self) -> None:
        """Without any wish of ours the system says whom to trust, and it does not know this one."""
        server = self.server()
        with pytest.raises(txnats.CertificateRefused, match="signed by nobody who is trusted here"):
            await self.client(f"nats://127.0.0.1:{server.port}")
        with pytest.raises(txnats.TlsUnavailable, match="no name to check"):
            await self.client(TCP4ClientEndpoint(reactor, "127.0.0.1", server.port))

    async def test_a_wish_of_ours_where_the_server_leaves_it_open(self) -> None:
        server = self.make_server(tls=self.tls(), extra="allow_non_tls: true")
        client = await self.client(f"nats://127.0.0.1:{server.port}", tls=self.options)
        assert (client.server_info.tls_required, client.server_info.tls_available) == (False, True)
        await self.echoes(client)
        plain = await self.client(f"nats://127.0.0.1:{server.port}")
        await self.echoes(plain)

    async def test_who_has_had_tls_takes_no_less(self) -> None:
        """The server alone wanted it; when it comes back without, it hears nothing."""
        before = os.environ.get("SSL_CERT_FILE")
        os.environ["SSL_CERT_FILE"] = self.papers.ca
        self.addCleanup(
            lambda: os.environ.pop("SSL_CERT_FILE") if before is None else os.environ.update(SSL_CERT_FILE=before)
        )
        good = TlsPeer(reactor, tls=server_options(self.papers.issue("127.0.0.1")))
        told = Told()
        client = await self.client(f"nats://joe:s3cret@127.0.0.1:{good.port}", on_event=told)
        await good.close()
        plain = TlsPeer(reactor, port=good.port)
        self.addCleanup(plain.close)
        assert isinstance(await client.when_closed(), txnats.TlsUnavailable)
        assert plain.accepted
        assert plain.raw == b""

    async def test_kill_and_reconnect(self) -> None:
        server = self.server()
        told = Told()
        client = await self.client(server.url, tls=self.options, on_event=told)
        got = client.subscribe("after")
        await got.ready()
        for round_ in range(3):
            await apart(server.kill)
            await until(lambda: client.status is Status.RECONNECTING)
            client.publish("after", b"%d" % round_)
            await apart(server.start)
            assert (await got.next(timeout=10.0)).payload == b"%d" % round_
        assert len(told.of(events.Reconnected)) == 3

    async def test_renewed_files_are_read_at_the_next_attempt(self) -> None:
        server = self.server()
        ca = self.papers.path / "mine.pem"
        ca.write_bytes((self.papers.path / "ca.pem").read_bytes())
        told = Told()
        client = await self.client(server.url, tls=TlsOptions(ca=ca), on_event=told)
        ca.write_bytes((self.papers.path / "other-ca.pem").read_bytes())
        client._session.reconnect()
        await until(lambda: len(told.of(events.AttemptFailed)) > 2)
        assert {type(each.error) for each in told.of(events.AttemptFailed)} == {txnats.CertificateRefused}
        # The right one comes back, and the client has not given up: certificates get renewed.
        ca.write_bytes((self.papers.path / "ca.pem").read_bytes())
        await until(lambda: told.of(events.Reconnected))

    async def test_files_that_cannot_be_used_are_told_at_once(self) -> None:
        cases = {
            "cannot be read": TlsOptions(ca=self.papers.path / "none.pem"),
            "Is a directory": TlsOptions(ca=self.papers.path),
            "no certificate in PEM": TlsOptions(ca=self.papers.issue("x").key),
            "not the key of": TlsOptions(
                certificate=self.papers.issue("x").certificate, key=self.papers.issue("y").key
            ),
            "no private key": TlsOptions(certificate=self.papers.issue("x").certificate),
        }
        for says, options in cases.items():
            with pytest.raises(txnats.TlsUnavailable, match=says):
                # Nobody listens there, and nobody is asked.
                await self.client("tls://127.0.0.1:1", tls=options)

    async def test_lame_duck(self) -> None:
        cluster = Cluster(jetstream=False, config=ServerConfig(tls=self.tls()))
        self.addCleanup(apart, cluster.stop)
        await apart(cluster.start)
        told = Told()
        client = await self.client(f"tls://localhost:{cluster.servers[0].port}", tls=self.options, on_event=told)
        # All are announced by their addresses, this one again too, and checked by the name that was dialled.
        await until(lambda: len(client._session._servers) == 4)
        names = {each.address.tls_name for each in client._session._servers._pool if each.announced and each.address}
        assert names == {"localhost"}
        got = client.subscribe("moved")
        await got.ready()
        await apart(cluster.servers[0].lame_duck)
        await until(lambda: told.of(events.Reconnected))
        assert client.server_info.server_name != cluster.servers[0].config.name
        assert told.of(events.Disconnected) == []
        client.publish("moved", b"x")
        assert (await got.next(timeout=10.0)).payload == b"x"
        await apart(cluster.kill, 0)  # it would wait for clients

    async def test_back_pressure(self) -> None:
        """Little is held while the server does not read, and nothing is lost of what was taken."""
        server = self.server()
        proxy = ChaosProxy(reactor, "127.0.0.1", server.port).start()
        self.addCleanup(proxy.close)
        client = await self.client(f"tls://127.0.0.1:{proxy.port}", tls=self.options)
        other = await self.client(server.url, tls=self.options)
        got: list[int] = []
        other.subscribe("much", lambda message: got.append(int(message.payload[:8])))
        await other.flush()
        proxy.to_server.stalled = True
        sent = 0
        ready = client.ready_to_write()
        while sent < 4000 and ready.called:
            client.publish("much", b"%08d" % sent + b"x" * 50_000)
            sent += 1
            if not sent % 16:
                await turns()
            ready = client.ready_to_write()
        assert not ready.called, "all of it was taken, and nobody reads"
        assert client._session.outbox.held < 4 * 2**20
        proxy.to_server.stalled = False
        await ready
        await client.flush(timeout=30.0)
        await other.flush()
        await until(lambda: len(got) == sent)
        assert got == list(range(sent))

    async def test_slices_of_a_byte(self) -> None:
        for first in (False, True):
            server = self.server(handshake_first=first)
            proxy = ChaosProxy(reactor, "127.0.0.1", server.port).start()
            self.addCleanup(proxy.close)
            proxy.to_client.slices = proxy.to_server.slices = 1
            client = await self.client(
                f"tls://127.0.0.1:{proxy.port}",
                tls=TlsOptions(ca=self.papers.ca, handshake_first=first),
                timeout=20.0,
            )
            await self.echoes(client, 2048)

    async def test_a_cut_in_the_handshake_leaves_nothing(self) -> None:
        """Wherever it is cut, the attempt fails with a reason and the next one succeeds."""
        server = self.server()
        proxy = ChaosProxy(reactor, "127.0.0.1", server.port).start()
        self.addCleanup(proxy.close)
        for direction, at in ((proxy.to_client, 900), (proxy.to_client, 1500), (proxy.to_server, 100)):
            direction.cut_after(at)
            with pytest.raises(txnats.NatsError):
                await txnats.connect(reactor, f"tls://127.0.0.1:{proxy.port}", tls=self.options)
            await until(lambda: proxy.open == 0)
        client = await self.client(f"tls://127.0.0.1:{proxy.port}", tls=self.options)
        await self.echoes(client)

    # Over other transports

    async def test_a_unix_socket(self) -> None:
        server = self.server()
        path = str(self.papers.path / "nats.sock")
        listening = await UNIXServerEndpoint(reactor, path).listen(ForwarderFactory(server.port, whole))
        self.addCleanup(listening.stopListening)
        client = await self.client(f"unix:{path}", tls=TlsOptions(ca=self.papers.ca, hostname="localhost"))
        await self.echoes(client)
        client._session.reconnect()
        await until(lambda: client.statistics.reconnects == 1)
        await self.echoes(client)
        with pytest.raises(txnats.CertificateRefused, match="not for elsewhere"):
            await self.client(f"unix:{path}", tls=TlsOptions(ca=self.papers.ca, hostname="elsewhere"))

    async def test_a_transport_without_any_tls_of_its_own(self) -> None:
        """The pipes of a process can neither start TLS nor be cut."""
        server = self.server()
        for hostname in ("localhost", "elsewhere"):
            endpoint = ProcessEndpoint(reactor, sys.executable, [sys.executable, "-c", RELAY, str(server.port)])
            connecting = self.client(endpoint, tls=TlsOptions(ca=self.papers.ca, hostname=hostname), timeout=20.0)
            if hostname == "localhost":
                client = await connecting
                await self.echoes(client)
                await client.close()
            else:
                with pytest.raises(txnats.CertificateRefused, match="not for elsewhere"):
                    await connecting

    async def test_an_endpoint_of_the_pool(self) -> None:
        server = self.server()
        asked: list[tuple[str, int]] = []

        def factory(host: str, port: int) -> IStreamClientEndpoint:
            asked.append((host, port))
            return HostnameEndpoint(reactor, "127.0.0.1", server.port)

        client = await self.client("tls://localhost:1", tls=self.options, endpoint_factory=factory)
        await self.echoes(client)
        assert asked == [("localhost", 1)]

    async def test_an_endpoint_that_does_tls_by_itself(self) -> None:
        server = self.server(handshake_first=True)
        trust = Certificate.loadPEM((self.papers.path / "ca.pem").read_bytes())
        endpoint = wrapClientTLS(
            optionsForClientTLS("localhost", trustRoot=trust), TCP4ClientEndpoint(reactor, "127.0.0.1", server.port)
        )
        client = await self.client(endpoint)
        await self.echoes(client)

    # A context of the caller's

    async def test_contexts(self) -> None:
        server = self.server()
        trust = trustRootFromCertificates([Certificate.loadPEM((self.papers.path / "ca.pem").read_bytes())])
        calls: list[str] = []

        def options() -> CertificateOptions:
            calls.append("made")
            return CertificateOptions(trustRoot=trust)

        client = await self.client(f"tls://localhost:{server.port}", tls=TlsOptions(context=options))
        await self.echoes(client)
        client._session.reconnect()
        await until(lambda: client.statistics.reconnects == 1)
        assert calls == ["made", "made"]
        url = f"tls://127.0.0.1:{server.port}"
        creator = TlsOptions(context=lambda: optionsForClientTLS("localhost", trustRoot=trust))
        await self.echoes(await self.client(url, tls=creator))
        # The name is checked all the same, but by a context that checks nothing at all.
        with pytest.raises(txnats.CertificateRefused, match="not for elsewhere"):
            await self.client(url, tls=TlsOptions(context=options, hostname="elsewhere"))
        with pytest.raises(txnats.CertificateRefused, match="own context refuses"):
            await self.client(
                url, tls=TlsOptions(context=lambda: CertificateOptions(trustRoot=trustRootFromCertificates([])))
            )
        await self.echoes(await self.client(url, tls=TlsOptions(context=CertificateOptions, hostname="elsewhere")))

    async def test_a_context_that_fails_tells_no_secret(self) -> None:
        def failing() -> Any:
            raise ValueError("s3cret")

        for context, says in ((failing, "raised ValueError"), (lambda: 5, "gave a int")):
            with pytest.raises(txnats.TlsUnavailable, match=says) as caught:
                await self.client("tls://127.0.0.1:1", tls=TlsOptions(context=context))
            assert "s3cret" not in str(caught.value)
