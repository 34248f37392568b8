"""What every verb is told: where to connect, who we are, how to print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import msgspec

from .. import CredentialsFile, NKeyFile, TlsOptions, Token, UserPassword
from ..auth.authenticators import Authenticator
from ..contexts import available, load
from ..secret import Secret
from .params import Hidden, Seconds

LOCAL = "nats://127.0.0.1:4222"
_PLACES = ("server", "context")
_LOGINS = ("user", "token", "creds", "nkey")
_EITHER = (_PLACES, _LOGINS, ("js_domain", "js_api_prefix"))
"""Of each of these at most one is given; a later one replaces an earlier one."""


class Settings(msgspec.Struct, kw_only=True):
    """The options that all verbs share. None for those that were not given."""

    server: Secret | None = None
    context: str | None = None
    user: str | None = None
    password: Secret | None = None
    token: Secret | None = None
    creds: str | None = None
    nkey: str | None = None
    tlscert: str | None = None
    tlskey: str | None = None
    tlsca: str | None = None
    tlsfirst: bool | None = None
    inbox_prefix: str | None = None
    js_domain: str | None = None
    js_api_prefix: str | None = None
    connection_name: str | None = None
    timeout: float | None = None
    json: bool | None = None

    def __repr__(self) -> str:
        return "<Settings>"  # a login may be in them

    def merged(self, given: Mapping[str, Any]) -> Settings:
        """These, and on top of them what was given later: behind the environment the command, behind that the verb.

        Raises:
            click.UsageError: Two that exclude each other were given at once.
        """
        added = {name: value for name, value in given.items() if value is not None}
        for names in _EITHER:
            chosen = [name for name in names if name in added]
            if len(chosen) > 1:
                raise click.UsageError(f"{' and '.join(map(_flag, chosen))} exclude each other")
            if chosen:
                added = {**dict.fromkeys(names), **added}
        return msgspec.structs.replace(self, **added)

    @property
    def seconds(self) -> float:
        """How long one answer may take."""
        return 5.0 if self.timeout is None else self.timeout

    def place(self) -> dict[str, str]:
        """Where to connect: the server, the context, the selected context, or this machine."""
        if self.server is not None:
            return {"servers": self.server.reveal()}
        context = self.context if self.context is not None else available()[0]
        return {"servers": LOCAL} if context is None else {"context": context}

    def connect_options(self) -> dict[str, Any]:
        """The arguments of ``txnats.connect``."""
        options: dict[str, Any] = {
            **self.place(),
            "name": self.connection_name or "txnats command line",
            "timeout": self.seconds,
        }
        auth = self._auth()
        if auth is not None:
            options["auth"] = auth
        if self.tlscert or self.tlskey or self.tlsca or self.tlsfirst:
            options["tls"] = TlsOptions(
                certificate=self.tlscert, key=self.tlskey, ca=self.tlsca, handshake_first=bool(self.tlsfirst)
            )
        if self.inbox_prefix is not None:
            options["inbox_prefix"] = self.inbox_prefix
        return options

    def jetstream_options(self) -> dict[str, str]:
        """The arguments of ``JetStream``: where its API is, as given or as the context says."""
        domain, prefix = self.js_domain, self.js_api_prefix
        context = self.place().get("context")
        if domain is None and prefix is None and context is not None:
            found = load(context)
            domain, prefix = found.jetstream_domain, found.jetstream_api_prefix
        return {name: value for name, value in (("domain", domain), ("prefix", prefix)) if value}

    def context_fields(self) -> dict[str, object]:
        """These as the fields of a context's file."""
        fields = {
            "url": self.server and self.server.reveal(),
            "user": self.user,
            "password": self.password and self.password.reveal(),
            "token": self.token and self.token.reveal(),
            "creds": self.creds,
            "nkey": self.nkey,
            "cert": self.tlscert,
            "key": self.tlskey,
            "ca": self.tlsca,
            "tls_first": self.tlsfirst,
            "inbox_prefix": self.inbox_prefix,
            "jetstream_domain": self.js_domain,
            "jetstream_api_prefix": self.js_api_prefix,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def _auth(self) -> Authenticator | None:
        if self.user is not None:
            return UserPassword(self.user, self.password) if self.password is not None else Token(self.user)
        if self.token is not None:
            return Token(self.token)
        if self.creds is not None:
            return CredentialsFile(self.creds)
        return None if self.nkey is None else NKeyFile(self.nkey)


def shared() -> list[click.Option]:
    """The options themselves, for the command and again behind each verb."""
    return [
        click.Option(
            ["-s", "--server"], envvar="NATS_URL", type=Hidden(), help=f"URLs of servers, with commas.  [{LOCAL}]"
        ),
        click.Option(
            ["--context"], envvar="NATS_CONTEXT", help="A context of the nats command line.  [the selected one]"
        ),
        click.Option(["--user"], envvar="NATS_USER", help="User name; without a password it is a token."),
        click.Option(["--password"], envvar="NATS_PASSWORD", type=Hidden(), help="Password."),
        click.Option(["--token"], envvar="NATS_TOKEN", type=Hidden(), help="Token."),
        click.Option(["--creds"], envvar="NATS_CREDS", type=click.Path(), help="Credentials file."),
        click.Option(["--nkey"], envvar="NATS_NKEY", type=click.Path(), help="File with an nkey seed."),
        click.Option(["--tlscert"], envvar="NATS_CERT", type=click.Path(), help="Client certificate, PEM."),
        click.Option(["--tlskey"], envvar="NATS_KEY", type=click.Path(), help="Its private key, PEM."),
        click.Option(["--tlsca"], envvar="NATS_CA", type=click.Path(), help="Certificates to trust, PEM."),
        click.Option(["--tlsfirst"], is_flag=True, default=None, help="TLS before the server says anything."),
        click.Option(["--inbox-prefix"], envvar="NATS_INBOX_PREFIX", help="First tokens of reply subjects."),
        click.Option(["--js-domain"], envvar="NATS_JS_DOMAIN", help="JetStream domain."),
        click.Option(["--js-api-prefix"], envvar="NATS_JS_API_PREFIX", help="First tokens of JetStream's API."),
        click.Option(["--connection-name"], help="How the server calls us."),
        click.Option(["--timeout"], type=Seconds(), envvar="NATS_TIMEOUT", help="How long an answer may take.  [5s]"),
        click.Option(["-j", "--json"], is_flag=True, default=None, help="Print JSON, a value a line."),
    ]


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
