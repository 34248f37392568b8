from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from txnats.server import (
    ClusterMember,
    NatsServer,
    ServerConfig,
    ServerTls,
    ServerUser,
    SubjectRules,
    find_nats_server,
)
from txnats.server.config import quote, render

Dial = Callable[[NatsServer], Any]
MakeServer = Callable[..., NatsServer]

AWKWARD = 'a "quoted" \\ $HOME {x: 1} # no comment\ttab\nline\x01\x7f é 123'


def test_nothing_said_means_loopback_and_a_port_of_the_servers_choosing() -> None:
    assert render(ServerConfig()) == 'host: "127.0.0.1"\nport: -1\n'


def test_each_option_has_its_line() -> None:
    config = ServerConfig(
        name="n",
        monitoring=True,
        monitoring_port=8222,
        websocket=True,
        jetstream=True,
        store_dir="/s",
        max_payload=1,
        max_pending=2,
        max_connections=3,
        write_deadline=1.5,
        ping_interval=0.25,
        lame_duck_duration=30,
        lame_duck_grace_period=0.1,
        cluster=ClusterMember(name="c", port=6222, routes=["nats-route://127.0.0.1:1"]),
        extra="debug: true",
    )
    assert render(config).splitlines() == [
        'host: "127.0.0.1"',
        "port: -1",
        'server_name: "n"',
        'jetstream: {store_dir: "/s", enabled: true}',
        "max_payload: 1",
        "max_pending: 2",
        "max_connections: 3",
        'write_deadline: "1500000us"',
        'ping_interval: "250000us"',
        'lame_duck_duration: "30000000us"',
        'lame_duck_grace_period: "100000us"',
        'http: "127.0.0.1:8222"',
        'websocket: {host: "127.0.0.1", port: -1, no_tls: true}',
        'cluster: {name: "c", host: "127.0.0.1", port: 6222, routes: ["nats-route://127.0.0.1:1"]}',
        "debug: true",
    ]


@pytest.mark.parametrize("text", ["", "123", "true", "$HOME", "2s", "1k", "a\0b", AWKWARD])
def test_the_server_reads_a_quoted_text_as_it_was(make_server: MakeServer, dial: Dial, text: str) -> None:
    server = make_server(user="joe", password=text or "x", extra=f"server_tags: [{quote('tag')}]")
    assert dial(server).connect(user="joe", **{"pass": text or "x"}) == b"PONG"
    assert dial(server).connect(user="joe", **{"pass": (text or "x") + "!"}).startswith(b"-ERR")


@pytest.mark.parametrize(
    ("options", "good"),
    [
        ({"token": "s3cret"}, {"auth_token": "s3cret"}),
        ({"user": "joe", "password": "s3cret"}, {"user": "joe", "pass": "s3cret"}),
        ({"users": [ServerUser(name="joe", password="s3cret")]}, {"user": "joe", "pass": "s3cret"}),
    ],
)
def test_a_login_is_asked_for(
    make_server: MakeServer, dial: Dial, options: dict[str, Any], good: dict[str, str]
) -> None:
    server = make_server(**options)
    assert dial(server).connect(**good) == b"PONG"
    assert dial(server).connect() == b"-ERR 'Authorization Violation'"


def test_permissions_are_kept(make_server: MakeServer, dial: Dial) -> None:
    rules = SubjectRules(allow=["a.>"], deny=["a.secret"])
    nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
    joe = ServerUser(name="joe", password="x", publish=rules, subscribe=rules, allow_responses=True)
    client = dial(make_server(users=[joe, ServerUser(nkey=nkey)]))
    assert client.info["nonce"]  # asked of those who log in with a key
    assert client.connect(user="joe", **{"pass": "x"}) == b"PONG"
    for command in (b"SUB b 1", b"SUB a.secret 2", b"PUB a.secret 0\r\n"):
        client.send(command + b"\r\n")
        assert client.read_line().startswith(b"-ERR 'Permissions Violation")
    client.send(b"SUB a.b 3\r\nPUB a.b 0\r\n\r\n")
    assert client.read_line() == b"MSG a.b 3 0\r\n"


def test_limits_reach_the_server(make_server: MakeServer) -> None:
    told = make_server(monitoring=True, max_payload=1000, max_connections=7, write_deadline=1.5, ping_interval=0.25)
    limits = told.monitor("/varz")
    assert [limits[name] for name in ("max_payload", "max_connections")] == [1000, 7]
    assert [limits[name] for name in ("write_deadline", "ping_interval")] == [1_500_000_000, 250_000_000]


def test_tls_is_asked_for(make_server: MakeServer, dial: Dial, tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    certificate, key, ca = (str(tmp_path / name) for name in ("cert.pem", "key.pem", "ca.pem"))
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(ca)
    server = make_server(tls=ServerTls(certificate=certificate, key=key, ca=ca, verify=True), websocket=True)
    info = dial(server).info
    assert info["tls_required"]
    assert info["tls_verify"]
    assert server.url.startswith("tls://127.0.0.1:")
    assert server.websocket_url.startswith("wss://127.0.0.1:")


def test_a_websocket_may_compress(make_server: MakeServer) -> None:
    """The server says so itself."""
    for compression in (False, True):
        server = make_server(monitoring=True, websocket=True, websocket_compression=compression)
        assert server.monitor("/varz")["websocket"].get("compression", False) is compression


def test_the_server_understands_handshake_first(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("localhost")
    certificate, key = (str(tmp_path / name) for name in ("cert.pem", "key.pem"))
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    tls = ServerTls(certificate=certificate, key=key, handshake_first=True)
    file = tmp_path / "server.conf"
    file.write_text(render(ServerConfig(tls=tls, websocket=True)))
    subprocess.run([find_nats_server(), "-t", "-c", str(file)], check=True, capture_output=True)


def test_repr_shows_what_was_changed_and_no_secret() -> None:
    config = ServerConfig(
        jetstream=True,
        user="joe",
        password="s3cret-1",
        token="s3cret-2",
        users=[ServerUser(name="ann", password="s3cret-3")],
        cluster=ClusterMember(name="c", routes=["nats-route://user:s3cret-4@127.0.0.1:1"]),
        extra='leafnodes { remotes: [{url: "nats://a:s3cret-5@127.0.0.1"}] }',
    )
    shown = repr(config)
    assert "s3cret" not in shown
    assert "s3cret" not in str(list(config.__rich_repr__()))
    assert shown.startswith("ServerConfig(jetstream=True, user='joe', password='<hidden>', token='<hidden>', users=")
    assert "name='ann'" in shown
