"""INFO as servers really send it, INFO that is broken, and CONNECT, which is one line whatever is in it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.reference import read_client
from txnats.errors import NatsError, RemoteProtocolError
from txnats.wire import encode
from txnats.wire.info import ConnectInfo, ServerInfo, decode_info, encode_connect

REAL = (
    b' {"server_id":"NDWV","server_name":"n1","version":"2.15.1","proto":1,"git_commit":"a1b2c3","go":"go1.25",'
    b'"host":"0.0.0.0","port":4222,"headers":true,"max_payload":1048576,"jetstream":true,"client_id":5,'
    b'"client_ip":"127.0.0.1","xkey":"XBZ","api_lvl":5,"ldm":true,"connect_info":true,"remote_account":"$G",'
    b'"nonce":"abc","cluster":"c","domain":"d","tls_available":true,"auth_required":true,"tls_required":false,'
    b'"connect_urls":["10.0.0.1:4222","[::1]:4223"],"something":{"new":[1,2,{"deep":null}]}} '
)


def test_a_real_one() -> None:
    info = decode_info(REAL)
    assert (info.server_id, info.server_name, info.version) == ("NDWV", "n1", "2.15.1")
    assert (info.host, info.port, info.proto) == ("0.0.0.0", 4222, 1)
    assert (info.max_payload, info.client_id, info.client_ip, info.api_lvl) == (1_048_576, 5, "127.0.0.1", 5)
    assert info.connect_urls == ["10.0.0.1:4222", "[::1]:4223"]
    assert (info.headers, info.jetstream, info.ldm, info.connect_info) == (True, True, True, True)
    assert (info.auth_required, info.tls_available, info.tls_required, info.tls_verify) == (True, True, False, False)
    assert (info.nonce, info.cluster, info.domain, info.remote_account) == ("abc", "c", "d", "$G")


def test_what_it_does_not_say_has_a_default() -> None:
    info = decode_info(b"{}")
    assert info == ServerInfo()
    assert (info.max_payload, info.connect_urls, info.nonce, info.headers) == (1_048_576, None, "", False)
    assert decode_info(b'{"connect_urls":null}').connect_urls is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"max_payload":"1"}', "$.max_payload"),
        ('{"max_payload":1.5}', "$.max_payload"),
        ('{"max_payload":null}', "$.max_payload"),
        ('{"port":[]}', "$.port"),
        ('{"headers":1}', "$.headers"),
        ('{"server_id":1}', "$.server_id"),
        ('{"nonce":null}', "$.nonce"),
        ('{"connect_urls":"a"}', "$.connect_urls"),
        ('{"connect_urls":["a",1]}', "$.connect_urls[1]"),
        ('{"ldm":"yes"}', "$.ldm"),
    ],
)
def test_a_field_of_another_type_is_named(body: str, field: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode_info(body.encode())
    assert f"`{field}`" in str(caught.value)
    assert caught.value.snippet == body.encode()[:32]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"[]",
        b"5",
        b"null",
        b'"x"',
        b"{",
        b"{]",
        b'{"a":}',
        b"{} {}",
        b"{}x",
        b'{"server_id":"\xff"}',
        b"\xff",
        b'{"server_id":"\\ud800"}',
        b'{"a":"\\x"}',
        b"{\x00}",
        b"{'a':1}",
        b'{"client_id":1e999}',
    ],
)
def test_no_json_object(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="INFO cannot be read"):
        decode_info(body)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_one_that_is_nested_without_end(opening: bytes, closing: bytes) -> None:
    for body in (opening * 200_000, opening * 200_000 + b"1" + closing * 200_000):
        with pytest.raises(RemoteProtocolError, match="INFO is nested too deeply"):
            decode_info(b'{"x":' + body + b"}")


@settings(deadline=None)
@given(body=st.binary(max_size=60))
def test_noise_is_one_kind_of_error(body: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        assert isinstance(decode_info(body), ServerInfo)


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(more=st.dictionaries(st.text(max_size=12).filter(lambda key: not hasattr(ServerInfo, key)), JSON, max_size=4))
def test_unknown_keys_are_ignored_whatever_they_hold(more: dict[str, Any]) -> None:
    assert decode_info(json.dumps({**more, "server_id": "S"}).encode()) == ServerInfo(server_id="S")


def test_servers_are_announced_in_the_way_that_we_came() -> None:
    both = ServerInfo(connect_urls=["a:4222"], ws_connect_urls=["a:80"])
    assert both.announced(websocket=True) == ["a:80"]
    assert both.announced(websocket=False) == ["a:4222"]
    # As a nats-server tells a WebSocket client.
    assert ServerInfo(connect_urls=["a:80"]).announced(websocket=True) == ["a:80"]
    assert ServerInfo(ws_connect_urls=["a:80"]).announced(websocket=False) is None


# ---------------------------------------------------------------------- CONNECT


def test_connect_says_what_is_set_and_nothing_else() -> None:
    body = encode_connect(ConnectInfo(verbose=False, echo=True, lang="python"), {"auth_token": "s3cret"})
    assert json.loads(body) == {"verbose": False, "echo": True, "lang": "python", "auth_token": "s3cret"}
    assert json.loads(encode_connect(ConnectInfo(), {})) == {}


def test_credentials_live_in_the_line_alone() -> None:
    connect = ConnectInfo(name="me")
    encode_connect(connect, {"pass": "s3cret"})
    assert "s3cret" not in repr(connect)
    assert connect == ConnectInfo(name="me")


@settings(deadline=None)
@given(name=st.text(), fields=st.dictionaries(st.sampled_from(["user", "pass", "auth_token", "jwt", "sig"]), st.text()))
def test_connect_is_one_command_whatever_is_in_it(name: str, fields: dict[str, str]) -> None:
    line = encode.connect(encode_connect(ConnectInfo(name=name), fields))
    assert read_client(line + encode.PING) == [(b"CONNECT", {"name": name, **fields}), (b"PING",)]


@pytest.mark.parametrize("where", ["name", "pass"])
def test_text_that_cannot_be_encoded_is_an_error_of_ours(where: str) -> None:
    name, fields = ("\ud800", {}) if where == "name" else ("me", {"pass": "\ud800"})
    with pytest.raises(NatsError):
        encode_connect(ConnectInfo(name=name), fields)
