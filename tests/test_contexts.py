"""Contexts of the nats command line: each field, who wins, and errors that say which file and show no secret."""

from __future__ import annotations

import base64
import copy
import json
import os
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.task import Clock

import txnats
from tests.auth.revealed import revealed
from tests.client.harness import Outcome
from txnats import contexts
from txnats.auth.nkeys import Nkey
from txnats.errors import CredentialsUnavailable, InvalidOption

SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Save:
    """Writes a context file; contexts are looked for in this place and no other."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "nats" / "context"
    folder.mkdir(parents=True)

    def write(name: str, content: Any = None, **fields: Any) -> Path:
        path = folder / f"{name}.json"
        path.write_text(content if content is not None else json.dumps(fields))
        return path

    return write


def test_what_an_empty_one_says(save: Save) -> None:
    save("e")
    context = contexts.load("e")
    assert context.servers == ["nats://127.0.0.1:4222"]
    assert (context.auth, context.tls, context.inbox_prefix) == (None, None, None)
    assert (context.jetstream_domain, context.jetstream_api_prefix, context.jetstream_event_prefix) == ("", "", "")


def test_a_whole_one(save: Save) -> None:
    save(
        "w",
        description="all of it",
        url="nats://a:1,nats://b",
        user="joe",
        password="S3CRET",
        cert="~/c.pem",
        key="/k.pem",
        ca="/ca.pem",
        tls_first=True,
        inbox_prefix="_MINE",
        jetstream_domain="D",
        jetstream_api_prefix="$JS.D.API",
        jetstream_event_prefix="E",
        color_scheme="blue",
        nsc="",
        socks_proxy="",
    )
    context = contexts.load("w")
    assert context.servers == ["nats://a:1", "nats://b:4222"]
    assert context.servers_for(None) == "nats://a:1,nats://b"
    assert revealed(context.auth) == {"user": "joe", "pass": "S3CRET"}
    home = str(Path("~").expanduser())
    assert context.tls == txnats.TlsOptions(
        ca="/ca.pem", certificate=f"{home}/c.pem", key="/k.pem", handshake_first=True
    )
    assert context.inbox_prefix == "_MINE"
    assert (context.jetstream_domain, context.jetstream_api_prefix, context.jetstream_event_prefix) == (
        "D",
        "$JS.D.API",
        "E",
    )
    assert repr(context) == "<Context 'w': nats://a:1, nats://b:4222>"


@pytest.mark.parametrize(
    ("fields", "login"),
    [
        ({"user": "joe"}, {"user": "joe", "pass": ""}),
        ({"token": "t"}, {"auth_token": "t"}),
        ({"user_jwt": "j.w.t"}, {"jwt": "j.w.t"}),
        ({"user": "joe", "password": "pw", "token": "t", "nkey": "/x", "creds": "/x"}, {"user": "joe", "pass": "pw"}),
        ({"user_jwt": "j.w.t", "token": "t"}, {"jwt": "j.w.t"}),
    ],
)
def test_who_it_is(fields: dict[str, str], login: dict[str, str], save: Save) -> None:
    save("a", **fields)
    assert revealed(contexts.load("a").auth) == login


def test_an_nkey_a_creds_file_and_a_jwt_with_its_seed(save: Save, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    creds = f"---BEGIN J---\nj.w.t\n---END J---\n---BEGIN S---\n{SEED}\n---END S---"
    for name, content in (("me.nk", SEED), ("me.creds", creds)):
        (home / name).write_text(content)
        (home / name).chmod(0o600)
    save("n", nkey="~/me.nk")
    save("c", creds="~/me.creds", nkey="/nowhere")
    save("j", user_jwt="j.w.t", user_seed=SEED)
    assert revealed(contexts.load("n").auth, "x")["nkey"] == PUBLIC
    assert revealed(contexts.load("c").auth, "x").keys() == {"jwt", "sig"}
    assert revealed(contexts.load("j").auth, "x").keys() == {"jwt", "sig"}


def test_secrets_that_are_not_in_a_plain_file(save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    creds = f"---BEGIN J---\nj.w.t\n---END J---\n---BEGIN S---\n{SEED}\n---END S---"
    path = tmp_path / "me"
    path.write_text(creds)
    path.chmod(0o600)
    monkeypatch.setenv("MY_CREDS", creds)
    data = base64.b64encode(creds.encode()).decode()
    for place in (f"file://{path}", "env://MY_CREDS", f"data:;base64,{data}"):
        save("c", creds=place)
        save("n", nkey=place)
        for _ in range(2):
            assert revealed(contexts.load("c").auth, "x").keys() == {"jwt", "sig"}
            assert revealed(contexts.load("n").auth, "x")["nkey"] == PUBLIC
        assert SEED not in f"{contexts.load('c').auth!r}{contexts.load('n').auth!r}"
    monkeypatch.delenv("MY_CREDS")
    for place, why in (("env://MY_CREDS", "no such variable"), ("data:;base64,S3CRET", "not base64")):
        save("c", creds=place)
        auth = contexts.load("c").auth
        assert auth is not None
        with pytest.raises(CredentialsUnavailable, match=why) as caught:
            auth.fields("x")
        assert "S3CRET" not in str(caught.value)


def test_null_is_as_good_as_nothing(save: Save) -> None:
    save("z", **dict.fromkeys(("url", "user", "token", "creds", "nkey", "tls_first", "ca", "nsc", "inbox_prefix", "x")))
    context = contexts.load("z")
    assert (context.servers, context.auth, context.tls) == (["nats://127.0.0.1:4222"], None, None)


# ---------------------------------------------------------------------- which one


def test_by_path(save: Save, tmp_path: Path) -> None:
    path = save("p", url="nats://p")
    other = tmp_path / "elsewhere.json"
    path.rename(other)
    for name in (other, str(other)):
        assert contexts.load(name).servers == ["nats://p:4222"]


def test_the_selected_one(save: Save, tmp_path: Path) -> None:
    save("s.with.dots", url="nats://s")
    with pytest.raises(InvalidOption, match="no context is selected"):
        contexts.load("")
    (tmp_path / "nats" / "context.txt").write_text("s.with.dots\n")
    assert contexts.load("").name == "s.with.dots"


def test_the_usual_folder(save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    folder = tmp_path / "home" / ".config" / "nats" / "context"
    folder.mkdir(parents=True)
    save("h", url="nats://h").rename(folder / "h.json")
    assert contexts.load("h").servers == ["nats://h:4222"]
    assert contexts.load("h", folder=folder.parent).servers == ["nats://h:4222"]


def test_one_that_is_not_there(save: Save) -> None:
    save("one")
    save("two")
    with pytest.raises(InvalidOption) as caught:
        contexts.load("tow")
    text = str(caught.value)
    assert text.startswith("there is no context 'tow' [")
    assert text.endswith("tow.json]: no such file or directory (there are: one, two)")


@pytest.mark.parametrize("name", ["..", "a..b", "a\0b", None, 5])
def test_a_name_that_cannot_be(save: Save, name: Any) -> None:
    with pytest.raises(InvalidOption):
        contexts.load(name)


# ---------------------------------------------------------------------- what cannot be


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"socks_proxy": "socks5://S3CRET@p:1"}, "socks_proxy, which is not supported"),
        ({"nsc": "nsc://o/a/S3CRET"}, "nsc, which is not supported"),
        ({"creds": "nsc://o/a/S3CRET"}, "creds is at nsc:, which is not supported"),
        ({"nkey": "op://S3CRET/x"}, "nkey is at op:"),
        ({"creds": "data:S3CRET"}, "creds is at data:"),
        ({"windows_cert_store": "user"}, "windows_cert_store"),
        ({"url": "nats://joe:S3CRET@:x"}, "cannot be read"),
        ({"url": "S3CRET://x"}, "scheme"),
        ({"user_jwt": "j", "user_seed": "S3CRET"}, "no nkey seed"),
        ({"password": 5, "token": "S3CRET"}, "password"),
        ({"content": '{"token": "S3CRET'}, "not JSON"),
        ({"content": '["S3CRET"]'}, "cannot be read"),
        ({"content": "[" * 100_000}, "cannot be read"),
        ({"content": ""}, "cannot be read"),
    ],
)
def test_what_cannot_be_names_the_file_and_no_secret(save: Save, fields: Any, told: str) -> None:
    path = save("x", **fields)
    with pytest.raises(InvalidOption) as caught:
        contexts.load("x")
    assert told in str(caught.value)
    assert str(path) in str(caught.value)
    if told != "scheme":
        assert "S3CRET" not in repr(caught.value)


def test_it_shows_and_pickles_no_secret(save: Save) -> None:
    save("s", url="nats://S3CRET@h", token="S3CRET")
    context = contexts.load("s")
    assert "S3CRET" not in f"{context!r}{context}{context.auth!r}{context.servers}"
    with pytest.raises(InvalidOption):
        pickle.dumps(context)
    assert copy.deepcopy(context) is context


# ---------------------------------------------------------------------- connect()


def where(context: Any = "c", **given: Any) -> tuple[Any, dict[str, Any]]:
    return txnats.connecting.where(None, context, given)


def test_what_is_given_to_connect_wins(save: Save) -> None:
    save("c", url="nats://S3CRET@h", token="t", ca="/ca.pem", inbox_prefix="_MINE")
    servers, options = where()
    assert servers == "nats://S3CRET@h"
    assert (revealed(options["auth"]), options["inbox_prefix"], options["tls"].ca) == (
        {"auth_token": "t"},
        "_MINE",
        "/ca.pem",
    )
    assert where(auth=None, inbox_prefix=None)[1].keys() == {"auth", "tls", "inbox_prefix"}
    mine = txnats.NKey(PUBLIC, sign=Nkey.from_seed(SEED).sign)
    servers, options = where(auth=mine, inbox_prefix="_YOURS", tls=txnats.TlsOptions(ca="/other"))
    # A login in the URL would come before auth=.
    assert servers == ["nats://h:4222"]
    assert (options["auth"], options["inbox_prefix"], options["tls"].ca) == (mine, "_YOURS", "/other")


def test_connect_and_the_service_take_one(save: Save) -> None:
    save("c", url="nats://h", inbox_prefix="_MINE")
    assert txnats.NatsService(Clock(), context="c").client.new_inbox().startswith("_MINE.")
    for make in (lambda **o: Outcome(txnats.connect(Clock(), **o)).value, lambda **o: txnats.NatsService(Clock(), **o)):
        for wrong in ({}, {"context": "nowhere"}, {"context": "c", "servers": "nats://h"}):
            with pytest.raises(InvalidOption):
                make(**wrong)


def test_a_seed_where_its_path_belongs_is_not_shown(save: Save) -> None:
    save("x", nkey=SEED)
    with pytest.raises(InvalidOption) as caught:
        contexts.load("x")
    assert SEED not in str(caught.value) + "".join(traceback.format_exception(caught.value))


def test_a_fifo_is_not_waited_for(save: Save, tmp_path: Path) -> None:
    save("x")
    os.mkfifo(tmp_path / "nats" / "context.txt")
    assert contexts.available() == (None, ["x"])
    with pytest.raises(InvalidOption, match="no context is selected"):
        contexts.load("")


class BytesPath:
    def __fspath__(self) -> bytes:
        return b"x"


@pytest.mark.parametrize("name", ["~nobody-of-this-name/x.json", BytesPath(), b"x", "x" * 5000])
def test_a_path_that_cannot_be(save: Save, name: Any) -> None:
    with pytest.raises(InvalidOption) as caught:
        contexts.load(name)
    assert "x" * 300 not in caught.value.what


def test_a_folder_that_cannot_be() -> None:
    with pytest.raises(InvalidOption):
        contexts.load("x", folder=BytesPath())  # type: ignore[arg-type]


def test_one_is_saved_read_and_removed(tmp_path: Path) -> None:
    path = contexts.save("one", {"url": "nats://a", "user": "joe", "password": "S3CRET"}, tmp_path)
    assert path == tmp_path / "context" / "one.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert contexts.load("one", folder=tmp_path).servers == ["nats://a:4222"]
    with pytest.raises(InvalidOption, match="there is a context 'one' already"):
        contexts.save("one", {"url": "nats://b"}, tmp_path)
    contexts.save("one", {"url": "nats://b"}, tmp_path, replace=True)
    assert contexts.load("one", folder=tmp_path).servers == ["nats://b:4222"]
    contexts.select("one", tmp_path)
    contexts.remove("one", tmp_path)
    assert contexts.available(tmp_path) == (None, [])
    with pytest.raises(InvalidOption, match="there is no context 'one'"):
        contexts.remove("one", tmp_path)


@pytest.mark.parametrize("name", ["", "a/b", "x.json", "..", "a\0b"])
def test_no_name_of_a_context(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidOption):
        contexts.save(name, {}, tmp_path)
    with pytest.raises(InvalidOption):
        contexts.remove(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_could_not_be_read_again_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(InvalidOption, match="cannot be read") as raised:
        contexts.save("one", {"url": "nats://a", "password": ["S3CRET"]}, tmp_path)
    assert "S3CRET" not in str(raised.value)
    assert contexts.available(tmp_path) == (None, [])
