"""What every verb is told: where to connect, who we are, how to print."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from .. import CredentialsFile, NKeyFile, TlsOptions, Token, UserPassword
from ..auth.authenticators import Authenticator
from ..secret import Secret

LOCAL = "nats://127.0.0.1:4222"


class Settings(msgspec.Struct, kw_only=True):
    """The options that all verbs share. None for those that were not given. What may hold a login shows as ``***``."""

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
    connection_name: str | None = None
    timeout: float | None = None
    json: bool | None = None

    def merged(self, given: dict[str, Any]) -> Settings:
        """These, and on top of them what was given behind the verb."""
        return msgspec.structs.replace(self, **{name: value for name, value in given.items() if value is not None})

    @property
    def seconds(self) -> float:
        """How long one answer may take."""
        return 5.0 if self.timeout is None else self.timeout

    def connect_options(self) -> dict[str, Any]:
        """The arguments of ``txnats.connect``.

        Raises:
            click.UsageError: Two of them exclude each other.
        """
        if self.context is not None and self.server is not None:
            raise click.UsageError("give either --server or --context")
        options: dict[str, Any] = {"name": self.connection_name or "txnats command line", "timeout": self.seconds}
        if self.context is not None:
            options["context"] = self.context
        else:
            options["servers"] = (self.server and self.server.reveal()) or LOCAL
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

    def _auth(self) -> Authenticator | None:
        kinds: dict[str, Any] = {
            "--user": self.user,
            "--token": self.token,
            "--creds": self.creds,
            "--nkey": self.nkey,
        }
        given = [name for name, value in kinds.items() if value is not None]
        if len(given) > 1:
            raise click.UsageError(f"{' and '.join(given)} exclude each other")
        if self.user is not None:
            return UserPassword(self.user, self.password or "")
        if self.token is not None:
            return Token(self.token)
        if self.creds is not None:
            return CredentialsFile(self.creds)
        if self.nkey is not None:
            return NKeyFile(self.nkey)
        return None


def shared() -> list[click.Option]:
    """The options themselves, for the command and again behind each verb."""
    return [
        click.Option(
            ["-s", "--server"], envvar="NATS_URL", type=Hidden(), help=f"URLs of servers, with commas.  [{LOCAL}]"
        ),
        click.Option(["--context"], envvar="NATS_CONTEXT", help="A context of the nats command line."),
        click.Option(["--user"], envvar="NATS_USER", help="User name."),
        click.Option(["--password"], envvar="NATS_PASSWORD", type=Hidden(), help="Password."),
        click.Option(["--token"], envvar="NATS_TOKEN", type=Hidden(), help="Token."),
        click.Option(["--creds"], envvar="NATS_CREDS", type=click.Path(), help="Credentials file."),
        click.Option(["--nkey"], envvar="NATS_NKEY", type=click.Path(), help="File with an nkey seed."),
        click.Option(["--tlscert"], envvar="NATS_CERT", type=click.Path(), help="Client certificate, PEM."),
        click.Option(["--tlskey"], envvar="NATS_KEY", type=click.Path(), help="Its private key, PEM."),
        click.Option(["--tlsca"], envvar="NATS_CA", type=click.Path(), help="Certificates to trust, PEM."),
        click.Option(["--tlsfirst"], is_flag=True, default=None, help="TLS before the server says anything."),
        click.Option(["--inbox-prefix"], envvar="NATS_INBOX_PREFIX", help="First tokens of reply subjects."),
        click.Option(["--connection-name"], help="How the server calls us."),
        click.Option(["--timeout"], type=Seconds(), envvar="NATS_TIMEOUT", help="How long an answer may take.  [5s]"),
        click.Option(["-j", "--json"], is_flag=True, default=None, help="Print JSON."),
    ]


class Hidden(click.ParamType[Secret]):
    """A text that may hold a secret. On the command line itself everybody on the machine can read it."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Secret:
        return value if isinstance(value, Secret) else Secret(value or "")


class Seconds(click.ParamType[float]):
    """A time: ``500ms``, ``2s``, ``1.5m``, ``3h``, ``7d``, or a number of seconds."""

    name = "time"
    _UNITS = (("ms", 0.001), ("us", 1e-6), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        number, factor = value, 1.0
        for unit, seconds in self._UNITS:
            if value.endswith(unit):
                number, factor = value[: -len(unit)], seconds
                break
        try:
            return float(number) * factor
        except ValueError:
            self.fail(f"{value!r} is no time: say 500ms, 2s, 1.5m, 3h or 7d", param, ctx)


class Size(click.ParamType[int]):
    """A number of bytes: ``512``, ``64KB``, ``1MiB``, ``2G``."""

    name = "size"
    _UNITS = (("", 1), ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("t", 1 << 40))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        text = value.lower().removesuffix("ib").removesuffix("b")
        unit = text[-1:] if text[-1:] in "kmgt" else ""
        try:
            return int(float(text.removesuffix(unit)) * dict(self._UNITS)[unit])
        except ValueError:
            self.fail(f"{value!r} is no size: say 512, 64KB or 1MB", param, ctx)
