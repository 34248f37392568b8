"""Where servers are: what a user may write, as values, and always a form of it that holds no secret.

``host``, ``host:port``, ``nats://user:password@host:port``, ``tls://token@host``, ``wss://host/path?query``; several in
one string with commas. In a path, ``@`` and ``,`` are written ``%40`` and ``%2C``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

import msgspec

from ..auth.authenticators import Authenticator, Token, UserPassword
from ..errors import InvalidOption
from ..options import is_request_target
from ..secret import Secret

DEFAULT_PORTS = {"nats": 4222, "tls": 4222, "ws": 80, "wss": 443}
SECURE_SCHEMES = frozenset({"tls", "wss"})
WEBSOCKET_SCHEMES = frozenset({"ws", "wss"})

_PLACE = (
    r"(?P<host>\[[0-9A-Fa-f:.]+(?:%[0-9A-Za-z_.-]+)?\]|[^\x00-\x20\x7f:/?#@,\[\]]+)"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_BARE = re.compile(_PLACE)
_WITHOUT_SCHEME = re.compile(r"(?:[^\s/=@]+@)?" + _PLACE)


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """One server.

    Attributes:
        name: How it is called in texts and events: scheme, host, port and path, never who logs in nor a query.
        auth: Credentials from the URL, or None.
        tls_name: Name to check its certificate against when it differs from the host, for discovered servers.
        path: Path of a WebSocket's URL; empty if it names none.
        query: What stands behind its ``?``, which may be a key.
    """

    scheme: str
    host: str
    port: int
    auth: Authenticator | None = None
    tls_name: str | None = None
    path: str = ""
    query: Secret | None = None

    @property
    def name(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path.rstrip('/')}"

    @property
    def target(self) -> Secret | None:
        """Path and query of a WebSocket's request; None if its URL names neither."""
        if self.query is None:
            return Secret(self.path) if self.path else None
        return Secret(f"{self.path or '/'}?{self.query.reveal()}")

    @property
    def secure(self) -> bool:
        """Whether its scheme asks for TLS."""
        return self.scheme in SECURE_SCHEMES

    @property
    def websocket(self) -> bool:
        """Whether NATS is spoken within a WebSocket there."""
        return self.scheme in WEBSOCKET_SCHEMES


def is_ip(host: str) -> bool:
    """Whether it is an address and no name."""
    return ":" in host or _IPV4.fullmatch(host) is not None


def is_url_list(text: str) -> bool:
    """Whether a string is URLs or bare hosts, as against an endpoint string."""
    return "://" in text or all(_WITHOUT_SCHEME.fullmatch(part) for part in _parts(text))


def parse_servers(servers: str | Iterable[str]) -> list[Address]:
    """All addresses of a comma list or a sequence of such, in order, each once.

    Raises:
        InvalidOption: One cannot be read; the text shows it without its secrets.
    """
    if not isinstance(servers, Iterable):
        raise InvalidOption(f"servers are a str or several, not {type(servers).__name__}", hint=_FORM)
    texts = [servers] if isinstance(servers, str) else list(servers)
    found: dict[str, Address] = {}
    for text in texts:
        if not isinstance(text, str):
            raise InvalidOption(f"a server is a str, not {type(text).__name__}", hint=_FORM)
        parts = _parts(text)
        # A comma in a password that was not percent-encoded tears it apart: then no part may be shown.
        torn = "@" in text and len(parts) > 1
        for part in parts:
            address = parse_address(part, shown="***" if torn else None)
            found.setdefault(address.name, address)
    if not found:
        raise InvalidOption("no server is given", hint=_FORM)
    return list(found.values())


def parse_address(text: str, scheme: str = "nats", shown: str | None = None) -> Address:
    """One address; a text without ``://`` gets the scheme.

    Args:
        text: The address.
        scheme: For a text that names none.
        shown: How an error calls it.

    Raises:
        InvalidOption: It cannot be read.
    """
    # What stands where a port should and is none may be a password whose host was forgotten.
    where = shown or _NO_PORT.sub(":***", _QUERY.sub("?***", redact(text)))
    if "://" in text:
        given, _, text = text.partition("://")
        scheme = given.lower()
    if scheme not in DEFAULT_PORTS:
        named = "the scheme" if "@" in text else f"scheme {scheme[:16]!r}"  # what looks like one may be a token
        where = where.rpartition("@")[2]
        raise InvalidOption(f"{named} is not known", where=where, hint="nats, tls, ws or wss")
    # The last @ ends who logs in: a password may hold anything, quoted or not.
    login, _, place = text.rpartition("@")
    bare = _BARE.fullmatch(_AFTER_PLACE.sub("", place))
    path, query = _target_of(place) if scheme in WEBSOCKET_SCHEMES else ("", None)
    if bare is None or not (is_request_target(path) and is_request_target(query.reveal() if query else "")):
        raise InvalidOption("a server address cannot be read", where=where, hint=_FORM)
    port = int(bare["port"] or DEFAULT_PORTS[scheme])
    if not 0 < port < 65536:
        raise InvalidOption("a port is a number from 1 to 65535", where=where)
    host = bare["host"].strip("[]").lower()
    return Address(scheme=scheme, host=host, port=port, auth=_auth_of(login), path=path, query=query)


def redact(text: str) -> str:
    """A URL without anything before its ``@``: a lone user name is a token, so it goes too."""
    start, separator, rest = text.rpartition("@")
    if not separator:
        return text
    scheme, mark, _ = start.partition("://")
    return f"{scheme}://***@{rest}" if mark else f"***@{rest}"


_FORM = "for instance nats://127.0.0.1:4222"
_NO_PORT = re.compile(r":(?!//)(?![0-9]*\Z)[^:\]]*\Z")
_AFTER_PLACE = re.compile(r"[/?#].*\Z", re.DOTALL)
_QUERY = re.compile(r"\?.*\Z", re.DOTALL)


def _parts(text: str) -> list[str]:
    return [part for part in map(str.strip, text.split(",")) if part]


def _target_of(place: str) -> tuple[str, Secret | None]:
    """Path and query behind the host and port, without a fragment."""
    after = _AFTER_PLACE.search(place.partition("#")[0])
    path, mark, query = (after.group() if after is not None else "").partition("?")
    return "" if path == "/" else path, Secret(query) if mark else None


def _auth_of(login: str) -> Authenticator | None:
    if not login:
        return None
    user, colon, password = login.partition(":")
    return UserPassword(unquote(user), unquote(password)) if colon else Token(unquote(user))
