from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, TCP6ClientEndpoint, UNIXClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport

from tests.client.harness import Endpoint, Net
from txnats.errors import InvalidOption
from txnats.net.endpoints import Endpoints
from txnats.net.websocket import WebSocketEndpoint
from txnats.options import WebSocketOptions


def names(servers: Any, **options: Any) -> list[str]:
    return [server.name for server in Endpoints(MemoryReactorClock(), servers, timeout=1, **options).servers]


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        ("h", ["nats://h:4222"]),
        ("h:1", ["nats://h:1"]),
        ("nats://h", ["nats://h:4222"]),
        ("nats://u:p@h:1, token@x", ["nats://h:1", "nats://x:4222"]),
        ("nats://u:p@h:1,nats://t@i:2", ["nats://h:1", "nats://i:2"]),
        ("h:1, i:2,h:1,", ["nats://h:1", "nats://i:2"]),
        (["h", "i:2,j:3"], ["nats://h:4222", "nats://i:2", "nats://j:3"]),
        (("h",), ["nats://h:4222"]),
        ("[::1]:5", ["nats://[::1]:5"]),
        ("nats://[::1]", ["nats://[::1]:4222"]),
    ],
)
def test_urls(servers: Any, expected: list[str]) -> None:
    assert names(servers) == expected


def test_a_host_gets_a_fresh_hostname_endpoint_each_time() -> None:
    endpoints = Endpoints(MemoryReactorClock(), "h:1", timeout=1)
    one, two = (endpoints(endpoints.servers[0]) for _ in range(2))
    assert isinstance(one, HostnameEndpoint)
    assert one is not two


@pytest.mark.parametrize(("place", "kind"), [("127.0.0.1", TCP4ClientEndpoint), ("[::1]", TCP6ClientEndpoint)])
def test_an_address_is_not_looked_up(place: str, kind: type) -> None:
    endpoints = Endpoints(MemoryReactorClock(), f"nats://{place}:1", timeout=1)
    assert isinstance(endpoints(endpoints.servers[0]), kind)


def test_the_factory_makes_the_endpoint() -> None:
    net = Net(1)
    endpoints = Endpoints(net.clock, "nats://h:1", timeout=1, factory=net.endpoint)
    endpoint = endpoints(endpoints.servers[0])
    assert isinstance(endpoint, Endpoint)
    assert endpoint.server is net.server


def test_an_endpoint_of_the_callers_own_is_the_only_server() -> None:
    net = Net(1)
    own = net.endpoint("h", 1)
    endpoints = Endpoints(net.clock, own, timeout=1)
    assert [server.name for server in endpoints.servers] == ["endpoint Endpoint"]
    assert endpoints(endpoints.servers[0]) is own


def test_an_endpoint_string_is_never_split_at_commas() -> None:
    endpoints = Endpoints(MemoryReactorClock(), "unix:/run/a,b.sock", timeout=1)
    (server,) = endpoints.servers
    assert isinstance(endpoints(server), UNIXClientEndpoint)
    assert server.name == "endpoint unix:/run/a,b.sock"


@pytest.mark.parametrize(
    ("url", "first"),
    [("ws://h:8080/a", b"GET /a HTTP/1.1\r\nHost: h:8080\r\n"), ("ws://h", b"GET /own HTTP/1.1\r\nHost: h\r\n")],
)
def test_a_websocket_goes_on_top_of_what_the_factory_makes(url: str, first: bytes) -> None:
    reactor = MemoryReactorClock()
    dialled: list[tuple[str, int]] = []

    def factory(host: str, port: int) -> TCP4ClientEndpoint:
        dialled.append((host, port))
        return TCP4ClientEndpoint(reactor, "proxy", 3128)

    options = WebSocketOptions(path="/own", headers={"Cookie": "c=d"})
    endpoints = Endpoints(reactor, url, timeout=1, factory=factory, websocket=options)
    endpoint = endpoints(endpoints.servers[0])
    assert isinstance(endpoint, WebSocketEndpoint)
    endpoint.connect(Factory.forProtocol(Protocol))
    assert dialled == [("h", 8080 if ":8080" in url else 80)]
    assert reactor.tcpClients[0][:2] == ("proxy", 3128)
    transport = StringTransport()
    protocol: Any = reactor.tcpClients[0][2].buildProtocol(None)
    protocol.makeConnection(transport)
    assert transport.value().startswith(first)
    assert b"\r\nCookie: c=d\r\n" in transport.value()


def test_tls_goes_between_the_factorys_and_the_websocket() -> None:
    reactor = MemoryReactorClock()
    endpoints = Endpoints(
        reactor, "wss://h", timeout=1, factory=lambda host, port: TCP4ClientEndpoint(reactor, host, port)
    )
    endpoints(endpoints.servers[0]).connect(Factory.forProtocol(Protocol))
    assert reactor.tcpClients[0][:2] == ("h", 443)
    transport = StringTransport()
    protocol: Any = reactor.tcpClients[0][2].buildProtocol(None)
    protocol.makeConnection(transport)
    assert transport.value()[:2] == b"\x16\x03", "a ClientHello"
    assert b"GET" not in transport.value()


def test_headers_are_asked_for_at_each_attempt() -> None:
    asked: list[None] = []
    options = WebSocketOptions(headers=lambda: asked.append(None) or {})  # type: ignore[func-returns-value]
    endpoints = Endpoints(MemoryReactorClock(), "ws://h", timeout=1, websocket=options)
    for count in (1, 2):
        endpoints(endpoints.servers[0])
        assert len(asked) == count


@pytest.mark.parametrize(
    "servers",
    ["", ",", [], "http://h", "nats://", "nats://h:0", "nats://h:99999", "nats://h:x", "h:99999", "foo bar",
     "odd:1:2:3", "tcp:h:x", [5], "nats://[::1", "a,unix:/x"],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(servers: Any) -> None:
    with pytest.raises(InvalidOption):
        names(servers)


def test_a_secret_in_a_bad_url_is_not_shown() -> None:
    for url in ("nats://secret@h:x", "nats://user:secret@h:99999", "foo://secret@h", "nats://u:secret@"):
        with pytest.raises(InvalidOption) as caught:
            names(url)
        assert "secret" not in str(caught.value)
        assert "secret" not in repr(caught.value)
