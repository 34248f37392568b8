"""Addresses: every form that may be written, and no secret in any name or text."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.auth.revealed import revealed
from txnats.auth.authenticators import Token, UserPassword
from txnats.errors import InvalidOption
from txnats.secret import Secret
from txnats.state.addresses import Address, is_url_list, parse_address, parse_servers, redact


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("localhost", "nats://localhost:4222"),
        ("localhost:4333", "nats://localhost:4333"),
        ("127.0.0.1", "nats://127.0.0.1:4222"),
        ("[::1]", "nats://[::1]:4222"),
        ("[2001:db8::1]:4333", "nats://[2001:db8::1]:4333"),
        ("nats://h", "nats://h:4222"),
        ("nats://h:1", "nats://h:1"),
        ("NATS://H:65535", "nats://h:65535"),
        ("tls://h", "tls://h:4222"),
        ("ws://h", "ws://h:80"),
        ("wss://h", "wss://h:443"),
        ("nats://[::1]:4333", "nats://[::1]:4333"),
        ("nats://h:4222/", "nats://h:4222"),
        ("nats://user:password@h:4333", "nats://h:4333"),
        ("tls://token@[::1]", "tls://[::1]:4222"),
        ("token@h", "nats://h:4222"),
        ("joe:password@h:1", "nats://h:1"),
    ],
)
def test_each_form_has_one_name(text: str, name: str) -> None:
    assert parse_address(text).name == name
    assert [each.name for each in parse_servers(text)] == [name]


def test_what_a_name_is_made_of() -> None:
    address = parse_address("wss://[::1]:8443")
    assert (address.scheme, address.host, address.port, address.secure) == ("wss", "::1", 8443, True)
    assert not parse_address("ws://h").secure
    assert parse_address("h:1", "tls").name == "tls://h:1"
    assert (address.auth, address.tls_name) == (None, None)


def test_who_logs_in_is_taken_from_the_url() -> None:
    user = parse_address("nats://joe:p%40ss%2Fword@h").auth
    assert isinstance(user, UserPassword)
    assert revealed(user) == {"user": "joe", "pass": "p@ss/word"}
    token = parse_address("tls://s3cr%3Aet@h").auth
    assert isinstance(token, Token)
    assert revealed(token) == {"auth_token": "s3cr:et"}
    assert parse_address("nats://joe:@h").auth is not None


@settings(deadline=None)
@given(user=st.text(min_size=1, max_size=12), password=st.text(max_size=12))
def test_any_login_comes_out_as_it_was_quoted(user: str, password: str) -> None:
    address = parse_address(f"nats://{quote(user, safe='')}:{quote(password, safe='')}@h:4222")
    assert address.name == "nats://h:4222"
    assert address.auth is not None
    assert revealed(address.auth) == {"user": user, "pass": password}


def test_lists_keep_their_order_and_name_each_server_once() -> None:
    wanted = ["nats://a:4222", "nats://b:1", "tls://a:4222"]
    assert [each.name for each in parse_servers(" a , nats://b:1,,tls://a, nats://A:4222 ,a:4222,")] == wanted
    assert [each.name for each in parse_servers(["a,b:1", "tls://a", "a:4222"])] == wanted
    # The first one's login stays.
    first, *rest = parse_servers(["nats://joe:one@a", "nats://joe:two@a"])
    assert rest == []
    assert first.auth is not None
    assert revealed(first.auth)["pass"] == "one"


@pytest.mark.parametrize("nothing", ["", " ", ",", " , ", [], [""], ()])
def test_no_server_is_an_error(nothing: Any) -> None:
    with pytest.raises(InvalidOption, match="no server is given"):
        parse_servers(nothing)


@pytest.mark.parametrize("wrong", [[None], [5], [b"nats://h"], b"nats://h", 5, None])
def test_a_server_is_text(wrong: Any) -> None:
    with pytest.raises(InvalidOption, match=r"servers? (is|are) a str"):
        parse_servers(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "a:b",
        "a:-1",
        "a:+1",
        "a:4_2",
        "a:\u0664\u0662",
        "a:123456",
        "a:0",
        "a:65536",
        "a:",
        ":4222",
        "::1",
        "[::1",
        "[::1]x",
        "[zz]:1",
        "nats://",
        "nats://:4222",
        "nats://h:x",
        "nats://h:",
        "nats://h:0",
        "nats://h:65536",
        "nats://h:99999999999",
        "nats://[::1",
        "nats://[zz]",
        "nats://::1",
        "nats://a b",
        "nats://joe:x@",
        "http://h",
        "unix:///tmp/x",
        "://h",
        "nats:/h",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(InvalidOption):
        parse_address(text)


@pytest.mark.parametrize(
    "text", ["nats://ho\nst:4222", "nats://ho\tst", "nats://\x00h", "a\x00b", "h\x7f", "nats://h\r\n"]
)
def test_an_address_holds_no_control_character(text: str) -> None:
    with pytest.raises(InvalidOption):
        parse_address(text)


def test_a_link_local_address_has_a_zone() -> None:
    assert parse_address("nats://[fe80::1%eth0]:4222").host == "fe80::1%eth0"


@pytest.mark.parametrize(
    ("text", "name", "target"),
    [
        ("ws://h", "ws://h:80", None),
        ("ws://h/", "ws://h:80", None),
        ("WSS://H/A/b", "wss://h:443/A/b", "/A/b"),
        ("wss://h:1/a/", "wss://h:1/a", "/a/"),
        ("ws://h/a?token=secret", "ws://h:80/a", "/a?token=secret"),
        ("ws://h?token=secret", "ws://h:80", "/?token=secret"),
        ("ws://joe:pw@[::1]:8080/a%40b#part", "ws://[::1]:8080/a%40b", "/a%40b"),
        ("ws://h/?", "ws://h:80", "/?"),
        ("nats://h/path", "nats://h:4222", None),
        ("tls://h/path?x", "tls://h:4222", None),
    ],
)
def test_a_websocket_has_a_target(text: str, name: str, target: str | None) -> None:
    address = parse_address(text)
    assert address.name == name
    assert address.target == (None if target is None else Secret(target))
    assert "secret" not in repr(address)
    assert address.websocket == text.lower().startswith("ws")


def test_two_paths_are_two_servers() -> None:
    assert [each.name for each in parse_servers("ws://h/a,ws://h/b,ws://h/a")] == ["ws://h:80/a", "ws://h:80/b"]


@pytest.mark.parametrize("text", ["ws://h/a b", "ws://h/\r\nX: y", "ws://h/\u00e4", "ws://h/\x00", "ws://h?a b"])
def test_a_path_is_what_http_can_carry(text: str) -> None:
    with pytest.raises(InvalidOption):
        parse_address(text)


@pytest.mark.parametrize(
    "text",
    ["ws://h:x/?t=secret", "ws://h:99999?t=secret", "ws://h/a b?t=secret", "http://h?t=secret", "ws://?t=secret"],
)
def test_a_query_is_not_shown(text: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        parse_address(text)
    assert "secret" not in str(caught.value) + repr(caught.value)


# ---------------------------------------------------------------------- endpoint strings are something else


@pytest.mark.parametrize(
    "text",
    ["nats://h", "h", "h:1", "a,b", "a, b:1", "[::1]:4", "nats://a,b", "tls:// anything", "joe:pw@h", "token@h:1,b"],
)
def test_a_url_list(text: str) -> None:
    assert is_url_list(text)


@pytest.mark.parametrize(
    "text", ["tcp:127.0.0.1:4222", "unix:/tmp/nats.sock", "unix:/run/nats@1.sock", "tls:host=a\\,b:port=1", "a:b"]
)
def test_an_endpoint_string(text: str) -> None:
    assert not is_url_list(text)


@pytest.mark.parametrize("text", ["a:4222,", ",a", "a,,b", "a, ,b"])
def test_a_list_with_a_comma_too_many_is_still_a_list(text: str) -> None:
    assert parse_servers(text)
    assert is_url_list(text)


# ---------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nats://h:4222", "nats://h:4222"),
        ("nats://joe:pw@h:4222", "nats://***@h:4222"),
        ("tls://token@h", "tls://***@h"),
        ("joe:pw@h", "***@h"),
        ("nats://joe:p@w@h", "nats://***@h"),
    ],
)
def test_a_redacted_url_says_nothing_of_who_logs_in(text: str, shown: str) -> None:
    assert redact(text) == shown


MARKER = "S3CRET"
ODD = st.text(st.sampled_from("@/#?:%[] \\;&=.\u00e9\u2100a1"), max_size=3)


@settings(max_examples=300, deadline=None)
@given(
    before=ODD,
    after=ODD,
    place=st.sampled_from(["nats://joe:{}@h:4222", "tls://{}@h:4222", "{}@h", "nats://{}:pw@h:x"]),
)
def test_no_text_tells_a_secret_that_was_not_quoted(before: str, after: str, place: str) -> None:
    text = place.format(before + MARKER + after)
    try:
        (address,) = parse_servers(text)
    except InvalidOption as error:
        told = f"{error} {error!r} {error.args}"
    else:
        assert address.name in ("nats://h:4222", "tls://h:4222")
        told = "" if isinstance(address.auth, UserPassword) else repr(address)
    assert MARKER not in told


def test_no_text_tells_a_secret_with_a_comma() -> None:
    with pytest.raises(InvalidOption) as caught:
        parse_servers(f"nats://joe:{MARKER},word@h")
    assert MARKER not in str(caught.value)


def test_no_text_tells_a_password_whose_host_was_forgotten() -> None:
    with pytest.raises(InvalidOption) as caught:
        parse_servers(f"nats://joe:{MARKER}")
    assert MARKER not in str(caught.value)


@pytest.mark.parametrize("password", ["12/34", "12#34", "12?34"])
def test_a_password_that_looks_like_a_port_is_not_dialled(password: str) -> None:
    address = parse_address(f"nats://joe:{password}@h:4222")
    assert address.name == "nats://h:4222"
    assert address.auth is not None
    assert revealed(address.auth)["pass"] == password


def test_an_address_shows_no_secret() -> None:
    address = parse_address(f"nats://joe:{MARKER}@h")
    assert MARKER not in repr(address)
    assert MARKER not in repr(parse_address(f"nats://{MARKER}@h"))
    assert isinstance(address, Address)
