"""WebSocket and the caller's own transports, to real servers."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.endpoints import HostnameEndpoint, ProcessEndpoint, TCP4ClientEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.threads import deferToThread
from twisted.internet.utils import getProcessOutput
from twisted.trial.unittest import TestCase

import txnats
from tests.certificates import certificates
from tests.integration.connect_proxy import ConnectProxy
from tests.promises.promise import QUICK, Told, until
from txnats import NatsError, ReconnectOptions, WebSocketOptions, events
from txnats.server import Cluster, NatsServer
from txnats.testing import ChaosProxy

reactor: Any = _reactor
ROOT = Path(__file__).parents[2]
FORWARD = """
import os, socket, sys, threading
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def up():
    while data := os.read(0, 65536): peer.sendall(data)
    peer.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := peer.recv(65536): os.write(1, data)
"""
"""As ``ssh -W host:port`` does: standard input and output are the connection."""


class Base(TestCase):
    make_server: Callable[..., NatsServer]

    async def serve(self, **options: Any) -> NatsServer:
        return await deferToThread(self.make_server, **options)

    async def client(self, servers: Any, **options: Any) -> txnats.Client:
        options.setdefault("reconnect", QUICK)
        client = await txnats.connect(reactor, servers, **options)
        self.addCleanup(client.close)
        return client

    async def works(self, client: txnats.Client, count: int = 200) -> None:
        """Messages of many sizes come back as they went."""
        sent = [bytes([number % 256]) * (number * 37 % 5000) for number in range(count)]
        subscription = client.subscribe("it")
        for payload in sent:
            client.publish("it", payload, headers={"A": "b"})
        assert [(await subscription.next(5.0)).payload for _ in sent] == sent
        subscription.unsubscribe()


@pytest.mark.usefixtures("make_server")
class WebSocket(Base):
    async def test_messages_of_every_size(self) -> None:
        for compression in (False, True):
            server = await self.serve(websocket=True, websocket_compression=compression, max_payload=8_000_000)
            client = await self.client(server.websocket_url)
            await self.works(client)
            subscription = client.subscribe("large")
            large = bytes(range(256)) * 30_000
            client.publish("large", large)
            assert (await subscription.next(10.0)).payload == large

    async def test_a_compressed_batch_may_be_larger_than_max_payload(self) -> None:
        """The server unpacks no message to more than that: it would cut us."""
        server = await self.serve(websocket=True, websocket_compression=True, max_payload=500)
        client = await self.client(server.websocket_url)
        subscription = client.subscribe("it")
        for _ in range(2000):
            client.publish("it", bytes(480))
        await client.flush()
        assert subscription.pending == 2000
        assert client.statistics.reconnects == 0

    async def test_wss(self) -> None:
        files = certificates()
        server = await self.serve(websocket=True, websocket_compression=True, tls=files.server)
        assert server.websocket_url.startswith("wss://")
        client = await self.client(server.websocket_url, tls=files.client)
        assert client.server_info.tls_required, "which means nothing more to do"
        await self.works(client)

    async def test_wss_is_won_back(self) -> None:
        files = certificates()
        server = await self.serve(websocket=True, tls=files.server)
        told = Told()
        client = await self.client(server.websocket_url, tls=files.client, on_event=told)
        await deferToThread(server.kill)
        await until(lambda: told.of(events.Disconnected))
        await deferToThread(server.start)
        await until(lambda: told.of(events.Reconnected))
        await self.works(client)

    async def test_ws_to_a_port_that_speaks_tls(self) -> None:
        files = certificates()
        server = await self.serve(websocket=True, tls=files.server)
        url = server.websocket_url.replace("wss:", "ws:")
        with pytest.raises(NatsError, match="wss://"):
            await self.client(url, reconnect=ReconnectOptions(), timeout=5.0)

    async def test_tls_that_is_asked_for_is_not_had_by_ws(self) -> None:
        server = await self.serve(websocket=True)
        async with ChaosProxy(reactor, server.host, server.config.websocket_port) as proxy:
            with pytest.raises(txnats.TlsUnavailable, match="use wss://; nothing was sent"):
                await self.client(f"ws://127.0.0.1:{proxy.port}", tls=certificates().client)
            assert proxy.accepted == 0

    async def test_headers_that_cannot_be_had_are_an_attempt_that_failed(self) -> None:
        def headers() -> dict[str, str]:
            raise LookupError("a secret")

        server = await self.serve(websocket=True)
        with pytest.raises(txnats.NatsError, match=r"WebSocketOptions\.headers raised LookupError") as caught:
            await self.client(
                server.websocket_url, websocket=WebSocketOptions(headers=headers), reconnect=ReconnectOptions()
            )
        assert "a secret" not in repr(caught.value)

    async def test_the_wrong_port(self) -> None:
        server = await self.serve(websocket=True)
        with pytest.raises(txnats.WebSocketRefused, match="plain NATS is spoken there"):
            await self.client(server.url.replace("nats:", "ws:"), reconnect=ReconnectOptions())

    async def test_a_cookie_logs_in(self) -> None:
        server = await self.serve(extra='websocket { port: -1, no_tls: true, token_cookie: "k" }', token="t0ken")
        port = int(server.log.partition("websocket clients on ws://")[2].split(":")[1].split()[0])
        url = f"ws://127.0.0.1:{port}/any/path?and=query"
        client = await self.client(url, websocket=WebSocketOptions(headers={"Cookie": "k=t0ken"}))
        await self.works(client)
        with pytest.raises(txnats.AuthenticationRefused, match="Authorization Violation"):
            await self.client(url, reconnect=ReconnectOptions())

    async def test_a_login_in_the_url_is_for_nats(self) -> None:
        server = await self.serve(websocket=True, user="joe", password="p@ss")
        url = server.websocket_url.replace("ws://", "ws://joe:p%40ss@")
        await self.works(await self.client(url))


class Discovery(TestCase):
    async def test_a_websocket_client_goes_to_websockets(self) -> None:
        cluster = await deferToThread(Cluster(2, jetstream=False, websocket=True).start)
        self.addCleanup(deferToThread, cluster.stop)
        first, second = cluster.servers
        told = Told()
        client = await txnats.connect(reactor, first.websocket_url, reconnect=QUICK, on_event=told)
        self.addCleanup(client.close)
        await until(lambda: any(second.websocket_url in each.added for each in told.of(events.ServersDiscovered)))
        await deferToThread(first.kill)
        await until(lambda: told.of(events.Reconnected))
        assert told.of(events.Reconnected)[0].server == second.websocket_url
        discovered = [name for each in told.of(events.ServersDiscovered) for name in each.added]
        assert all(name.startswith("ws://") for name in discovered), discovered

    async def test_with_a_fixed_endpoint_no_other_server_is_dialled(self) -> None:
        cluster = await deferToThread(Cluster(2, jetstream=False).start)
        self.addCleanup(deferToThread, cluster.stop)
        first, second = cluster.servers
        told = Told()
        endpoint = TCP4ClientEndpoint(reactor, first.host, first.port)
        quick = ReconnectOptions(first_wait=0.01, max_wait=0.01, max_attempts=5)
        client = await txnats.connect(reactor, endpoint, reconnect=quick, on_event=told)
        self.addCleanup(client.close)
        assert client.server_info.connect_urls, "the server does announce another"
        await deferToThread(first.kill)
        reason = await client.when_closed()
        assert isinstance(reason, txnats.NoServersLeft)
        assert not told.of(events.ServersDiscovered)
        assert {each.server for each in told.of(events.AttemptFailed)} == {"endpoint TCP4ClientEndpoint"}
        served = await deferToThread(second.monitor, "/varz")
        assert served["total_connections"] == served["connections"] == 0


@pytest.mark.usefixtures("make_server")
class OwnTransports(Base):
    def example(self, name: str) -> Any:
        spec = spec_from_file_location(name, ROOT / "example" / "new" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def proxy(self, login: str | None = None) -> ConnectProxy:
        proxy = ConnectProxy(reactor, login)
        self.addCleanup(proxy.close)
        return proxy

    def through(self, proxy: ConnectProxy, login: str | None = None) -> Callable[[str, int], IStreamClientEndpoint]:
        make = self.example("through_a_proxy").ProxyEndpoint

        def factory(host: str, port: int) -> IStreamClientEndpoint:
            endpoint: IStreamClientEndpoint = make(
                HostnameEndpoint(reactor, "127.0.0.1", proxy.port), host, port, login
            )
            return endpoint

        return factory

    async def test_a_connect_proxy_under_every_scheme(self) -> None:
        files = certificates()
        plain, secure = await self.serve(websocket=True), await self.serve(websocket=True, tls=files.server)
        proxy = self.proxy("me:secret")
        for url in (plain.url, plain.websocket_url, secure.websocket_url):
            tls = files.client if url == secure.websocket_url else None
            client = await self.client(url, tls=tls, endpoint_factory=self.through(proxy, "me:secret"))
            await self.works(client)
            assert proxy.asked[-1] == url.partition("://")[2]

    async def test_the_example_runs(self) -> None:
        server, proxy = await self.serve(), self.proxy("me:secret")
        program = str(ROOT / "example" / "new" / "through_a_proxy.py")
        arguments = ["--proxy", f"127.0.0.1:{proxy.port}", "--url", server.url]
        for login, said in (("me:secret", b"connected through the proxy to N"), ("me:wrong", b"407 Proxy Auth")):
            told = await getProcessOutput(
                sys.executable, [program, *arguments, "--login", login], env=os.environ, errortoo=True
            )
            assert said in told, told
            assert b"Traceback" not in told

    async def test_a_pool_behind_a_proxy_is_won_back(self) -> None:
        server = await self.serve()
        proxy, told = self.proxy(), Told()
        client = await self.client(server.url, endpoint_factory=self.through(proxy), on_event=told)
        await deferToThread(server.kill)
        await until(lambda: told.of(events.AttemptFailed))
        assert "502 Bad Gateway" in str(told.of(events.AttemptFailed)[0].error)
        await deferToThread(server.start)
        await until(lambda: told.of(events.Reconnected))
        await self.works(client)

    async def test_a_proxy_that_refuses(self) -> None:
        server = await self.serve()
        with pytest.raises(NatsError, match="407 Proxy Authentication Required"):
            await self.client(
                server.url,
                endpoint_factory=self.through(self.proxy("me:secret"), "me:wrong"),
                reconnect=ReconnectOptions(),
            )

    async def test_a_unix_socket_in_each_form(self) -> None:
        server = await self.serve(websocket=True)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = str(Path(folder.name) / "nats.sock")
        async with ChaosProxy(reactor, server.host, server.port, path=path) as proxy:
            for servers in (f"unix:{path}", UNIXClientEndpoint(reactor, path)):
                client = await self.client(servers)
                await self.works(client)
                await client.close()
            assert proxy.accepted == 2
        async with ChaosProxy(reactor, server.host, server.config.websocket_port, path=path):
            over = {"endpoint_factory": lambda host, port: UNIXClientEndpoint(reactor, path)}
            client = await self.client("ws://nats.example", **over)
            await self.works(client)
            await client.close()

    async def test_a_process_as_ssh_is_one(self) -> None:
        server = await self.serve()
        command = [sys.executable, "-c", FORWARD, str(server.port)]
        told = Told()
        client = await self.client(ProcessEndpoint(reactor, sys.executable, command, env=None), on_event=told)
        await self.works(client)
        await deferToThread(server.kill)
        await until(lambda: told.of(events.Disconnected))
        await deferToThread(server.start)
        await until(lambda: told.of(events.Reconnected))
        await self.works(client)
