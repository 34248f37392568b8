"""Where servers are: what a user may write, as values, and always a form of it that holds no secret.

``host``, ``host:port``, ``nats://user:password@host:port``, ``tls://token@host``; several in one string with commas.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

import msgspec

from ..auth.authenticators import Authenticator, Token, UserPassword
from ..errors import InvalidOption

DEFAULT_PORTS = {"nats": 4222, "tls": 4222, "ws": 80, "wss": 443}
SECURE_SCHEMES = frozenset({"tls", "wss"})

_BARE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s:/@,\[\]]+)(:(?P<port>[0-9]{1,5}))?")


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """One server.

    Attributes:
        name: How it is called in texts and events: scheme, host and port, never who logs in.
        auth: Credentials from the URL, or None.
        tls_name: Name to check its certificate against when it differs from the host, for discovered servers.
    """

    scheme: str
    host: str
    port: int
    auth: Authenticator | None = None
    tls_name: str | None = None

    @property
    def name(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def secure(self) -> bool:
        """Whether its scheme asks for TLS."""
        return self.scheme in SECURE_SCHEMES


def is_url_list(text: str) -> bool:
    """Whether a string is URLs or bare hosts, as against an endpoint string."""
    return "://" in text or all(_BARE.fullmatch(part.strip()) for part in text.split(","))


def parse_servers(servers: str | Iterable[str]) -> list[Address]:
    """All addresses of a comma list or a sequence of such, in order, each once.

    Raises:
        InvalidOption: One cannot be read; the text shows it without its secrets.
    """
    texts = [servers] if isinstance(servers, str) else list(servers)
    found: dict[str, Address] = {}
    for text in texts:
        if not isinstance(text, str):
            raise InvalidOption(f"a server is a str, not {type(text).__name__}")
        for part in text.split(","):
            if part.strip():
                address = parse_address(part.strip())
                found.setdefault(address.name, address)
    if not found:
        raise InvalidOption("no server is given", hint="for instance nats://127.0.0.1:4222")
    return list(found.values())


def parse_address(text: str, scheme: str = "nats") -> Address:
    """One address; a text without ``://`` gets the scheme.

    Raises:
        InvalidOption: It cannot be read.
    """
    if "://" not in text:
        bare = _BARE.fullmatch(text)
        if bare is None:
            raise InvalidOption("a server address cannot be read", where=redact(text), hint=_FORM)
        return _address(scheme, bare["host"].strip("[]"), bare["port"], None)
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.netloc.rpartition("@")[2]
    except ValueError:
        raise InvalidOption("a server URL cannot be read", where=redact(text), hint=_FORM) from None
    scheme = url.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise InvalidOption(f"scheme {scheme!r} is not known", where=redact(text), hint="nats, tls, ws or wss")
    if not host or _BARE.fullmatch(port) is None:
        raise InvalidOption("a server URL has no host, or a port that is no number", where=redact(text), hint=_FORM)
    return _address(scheme, host, port.rpartition("]")[2].partition(":")[2], _auth_of(url.username, url.password))


def redact(text: str) -> str:
    """A URL without anything before its ``@``: a lone user name is a token, so it goes too."""
    start, separator, rest = text.rpartition("@")
    if not separator:
        return text
    scheme, mark, _ = start.partition("://")
    return f"{scheme}://***@{rest}" if mark else f"***@{rest}"


_FORM = "for instance nats://127.0.0.1:4222"


def _address(scheme: str, host: str, port: str | None, auth: Authenticator | None) -> Address:
    number = int(port) if port else DEFAULT_PORTS[scheme]
    if not 0 < number < 65536:
        raise InvalidOption("a port is a number from 1 to 65535", where=f"{scheme}://{host}:{number}")
    return Address(scheme=scheme, host=host, port=number, auth=auth)


def _auth_of(user: str | None, password: str | None) -> Authenticator | None:
    if user is None:
        return None
    if password is None:
        return Token(unquote(user))
    return UserPassword(unquote(user), unquote(password))
