"""What a server is told, as values; and those values as the text of a nats-server configuration file. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec

LOOPBACK = "127.0.0.1"


class _Options(msgspec.Struct, frozen=True, kw_only=True):
    """Options whose repr shows only what was changed, and no secret."""

    secret_fields: ClassVar[frozenset[str]] = frozenset()

    def __rich_repr__(self) -> Iterator[tuple[str, Any]]:  # type: ignore[override]
        for field in msgspec.structs.fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                yield field.name, "<hidden>" if field.name in self.secret_fields else value

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({told})"


class SubjectRules(_Options, frozen=True, kw_only=True):
    """Subjects that may and may not be used; with no ``allow`` all may, but those in ``deny``."""

    allow: Sequence[str] = ()
    deny: Sequence[str] = ()


class ServerUser(_Options, frozen=True, kw_only=True):
    """Somebody who may log in: by name and password, or by the public ``nkey``."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"password"})

    name: str | None = None
    password: str | None = None
    nkey: str | None = None
    publish: SubjectRules | None = None
    subscribe: SubjectRules | None = None
    allow_responses: bool = False


class ServerTls(_Options, frozen=True, kw_only=True):
    """Paths of PEM files. ``verify`` asks clients for a certificate that ``ca`` has signed."""

    certificate: str
    key: str
    ca: str | None = None
    verify: bool = False
    handshake_first: bool = False


class ClusterMember(_Options, frozen=True, kw_only=True):
    """A server's place in a cluster. ``routes`` are ``nats-route://host:port`` URLs, its own may be among them."""

    secret_fields: ClassVar[frozenset[str]] = frozenset({"routes"})

    name: str
    port: int = -1
    routes: Sequence[str] = ()


class ServerConfig(_Options, frozen=True, kw_only=True):
    """All that a server is told.

    A port of -1 lets the server choose. Times are seconds; None leaves the server's own default. ``extra`` is text in
    the server's configuration language, put last: accounts, leaf nodes, MQTT, debug. ``lame_duck_duration`` must be
    30 s or more. Monitoring is plain HTTP on loopback, whatever ``host`` is. Without ``store_dir`` JetStream's store
    lives in the server's temporary folder and goes with it.
    """

    secret_fields: ClassVar[frozenset[str]] = frozenset({"password", "token", "extra"})

    name: str | None = None
    host: str = LOOPBACK
    port: int = -1
    monitoring: bool = False
    monitoring_port: int = -1
    websocket: bool = False
    websocket_port: int = -1
    websocket_compression: bool = False
    jetstream: bool = False
    store_dir: str | None = None
    user: str | None = None
    password: str | None = None
    token: str | None = None
    users: Sequence[ServerUser] = ()
    tls: ServerTls | None = None
    cluster: ClusterMember | None = None
    max_payload: int | None = None
    max_pending: int | None = None
    max_connections: int | None = None
    write_deadline: float | None = None
    ping_interval: float | None = None
    lame_duck_duration: float | None = None
    lame_duck_grace_period: float | None = None
    extra: str = ""


def render(config: ServerConfig) -> str:
    """The configuration file's text. It holds the secrets in clear: write it where only its owner can read it."""
    return (
        "\n".join(line for part in (_basics, _limits, _logins, _listeners) for line in part(config))
        + "\n"
        + (f"{config.extra}\n" if config.extra else "")
    )


def quote(text: str) -> str:
    """``text`` as a string of the configuration language, which would else read words, numbers and $variables."""
    return '"' + _ESCAPED.sub(lambda match: _escape(match.group()), text) + '"'


_ESCAPED = re.compile(r'[\x00-\x1f"\\\x7f]')
_SHORT_ESCAPES = {"\t": r"\t", "\n": r"\n", "\r": r"\r", '"': r"\"", "\\": r"\\"}


def _escape(character: str) -> str:
    return _SHORT_ESCAPES.get(character) or f"\\x{ord(character):02x}"


def _duration(seconds: float) -> str:
    return quote(f"{round(seconds * 1_000_000)}us")


def _strings(texts: Sequence[str]) -> str:
    return "[" + ", ".join(quote(text) for text in texts) + "]"


def _fields(**values: str | None) -> str:
    """A map of those fields that have a value; the values are in the configuration language already."""
    return "{" + ", ".join(f"{name}: {value}" for name, value in values.items() if value is not None) + "}"


def _quoted(text: str | None) -> str | None:
    return None if text is None else quote(text)


def _yes(wanted: bool) -> str | None:
    return "true" if wanted else None


def _basics(config: ServerConfig) -> Iterator[str]:
    yield f"host: {quote(config.host)}"
    yield f"port: {config.port}"
    if config.name is not None:
        yield f"server_name: {quote(config.name)}"
    if config.jetstream:
        yield f"jetstream: {_fields(store_dir=_quoted(config.store_dir), enabled='true')}"


def _limits(config: ServerConfig) -> Iterator[str]:
    for name in ("max_payload", "max_pending", "max_connections"):
        limit: int | None = getattr(config, name)
        if limit is not None:
            yield f"{name}: {limit}"
    for name in ("write_deadline", "ping_interval", "lame_duck_duration", "lame_duck_grace_period"):
        seconds: float | None = getattr(config, name)
        if seconds is not None:
            yield f"{name}: {_duration(seconds)}"


def _logins(config: ServerConfig) -> Iterator[str]:
    users = ", ".join(_user(user) for user in config.users)
    login = _fields(
        user=_quoted(config.user),
        password=_quoted(config.password),
        token=_quoted(config.token),
        users=f"[{users}]" if users else None,
    )
    if login != "{}":
        yield f"authorization: {login}"


def _user(user: ServerUser) -> str:
    permissions = _fields(
        publish=_rules(user.publish), subscribe=_rules(user.subscribe), allow_responses=_yes(user.allow_responses)
    )
    return _fields(
        user=_quoted(user.name),
        password=_quoted(user.password),
        nkey=_quoted(user.nkey),
        permissions=permissions if permissions != "{}" else None,
    )


def _rules(rules: SubjectRules | None) -> str | None:
    if rules is None:
        return None
    return _fields(
        allow=_strings(rules.allow) if rules.allow else None, deny=_strings(rules.deny) if rules.deny else None
    )


def _listeners(config: ServerConfig) -> Iterator[str]:
    tls = _tls(config.tls)
    if tls is not None:
        yield f"tls: {tls}"
    if config.monitoring:
        yield f"http: {quote(f'{LOOPBACK}:{config.monitoring_port}')}"
    if config.websocket:
        place = {"host": quote(config.host), "port": str(config.websocket_port)}
        compression = _yes(config.websocket_compression)
        yield f"websocket: {_fields(**place, tls=tls, no_tls=_yes(tls is None), compression=compression)}"
    if config.cluster is not None:
        member = config.cluster
        place = {"host": quote(config.host), "port": str(member.port)}
        yield f"cluster: {_fields(name=quote(member.name), **place, routes=_strings(member.routes))}"


def _tls(tls: ServerTls | None) -> str | None:
    if tls is None:
        return None
    return _fields(
        cert_file=quote(tls.certificate),
        key_file=quote(tls.key),
        ca_file=_quoted(tls.ca),
        verify=_yes(tls.verify),
        handshake_first=_yes(tls.handshake_first),
    )
