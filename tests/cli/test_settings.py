"""What is given where, and who wins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from txnats import CredentialsFile, NKeyFile, Token, UserPassword, contexts
from txnats.cli.settings import LOCAL, Settings, shared
from txnats.secret import Secret


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


def test_nothing_given() -> None:
    assert Settings().connect_options() == {"servers": LOCAL, "name": "txnats command line", "timeout": 5.0}
    assert Settings().jetstream_options() == {}


def test_the_selected_context_counts_when_neither_server_nor_context_is_given() -> None:
    contexts.save("one", {"url": "nats://a", "jetstream_domain": "hub"})
    contexts.save("two", {"url": "nats://b", "jetstream_api_prefix": "imported.API"})
    contexts.select("one")
    assert Settings().place() == {"context": "one"}
    assert Settings().jetstream_options() == {"domain": "hub"}
    assert Settings(context="two").place() == {"context": "two"}
    assert Settings(context="two").jetstream_options() == {"prefix": "imported.API"}
    assert Settings(context="two", js_domain="leaf").jetstream_options() == {"domain": "leaf"}
    assert Settings(server=Secret("nats://c")).place() == {"servers": "nats://c"}
    assert Settings(server=Secret("nats://c")).jetstream_options() == {}


def test_later_ones_win() -> None:
    environment = Settings().merged(
        {"server": Secret("nats://a"), "user": "joe", "password": Secret("x"), "timeout": 1.0}
    )
    assert environment.merged({"server": Secret("nats://b"), "timeout": None}).server == Secret("nats://b")
    assert environment.merged({"timeout": 2.0}).seconds == 2.0
    with_context = environment.merged({"context": "c"})
    assert (with_context.server, with_context.context, with_context.user) == (None, "c", "joe")
    with_token = environment.merged({"token": Secret("t")})
    assert (with_token.user, with_token.token) == (None, Secret("t"))
    assert environment.merged({}) == environment


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"server": Secret("a"), "context": "b"}, "--server and --context exclude each other"),
        ({"user": "a", "creds": "b"}, "--user and --creds exclude each other"),
        ({"js_domain": "a", "js_api_prefix": "b"}, "--js-domain and --js-api-prefix exclude each other"),
    ],
)
def test_what_excludes_each_other(given: dict[str, Any], text: str) -> None:
    with pytest.raises(click.UsageError, match=text):
        Settings().merged(given)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"user": "a", "password": Secret("b")}, UserPassword),
        ({"user": "a"}, Token),
        ({"token": Secret("a")}, Token),
        ({"creds": "a"}, CredentialsFile),
        ({"nkey": "a"}, NKeyFile),
    ],
)
def test_logins(given: dict[str, Any], kind: type) -> None:
    assert type(Settings(**given).connect_options()["auth"]) is kind


def test_tls_and_the_rest() -> None:
    options = Settings(tlsca="ca.pem", tlsfirst=True, inbox_prefix="_ME", connection_name="me").connect_options()
    assert (options["tls"].ca, options["tls"].handshake_first) == ("ca.pem", True)
    assert (options["inbox_prefix"], options["name"]) == ("_ME", "me")


def test_the_fields_of_a_context() -> None:
    settings = Settings(
        server=Secret("nats://a"), user="joe", password=Secret("x"), tlsfirst=True, js_domain="hub", timeout=3.0
    )
    fields = {"url": "nats://a", "user": "joe", "password": "x", "tls_first": True, "jetstream_domain": "hub"}
    assert settings.context_fields() == fields
    contexts.save("one", fields)
    assert contexts.load("one").jetstream_domain == "hub"


def test_no_repr_shows_a_login() -> None:
    assert "s3cret" not in repr(Settings(password=Secret("s3cret"), server=Secret("nats://a:s3cret@b")))


def test_each_setting_has_its_option() -> None:
    assert [option.name for option in shared()] == list(Settings.__struct_fields__)
