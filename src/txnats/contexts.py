"""Contexts of the ``nats`` command line: a file that says where to connect and who we are.

``$XDG_CONFIG_HOME/nats/context/NAME.json``, or ``~/.config`` for the first part; ``nats/context.txt`` names the one
that is selected.
Source: ADR-21, and the files that the ``nats`` command writes.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from .auth import credentials
from .auth.authenticators import Authenticator, CredentialsFile, Jwt, NKey, NKeyFile, Token, UserPassword
from .errors import CredentialsUnavailable, InvalidOption
from .options import TlsOptions
from .secret import Kept, Secret, wipe
from .state.addresses import parse_servers

DEFAULT_URL = "nats://127.0.0.1:4222"


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds; null is as good as nothing. Other keys do not matter to us: colours, a description."""

    url: str | None = None
    token: str | None = None
    user: str | None = None
    password: str | None = None
    creds: str | None = None
    nkey: str | None = None
    user_jwt: str | None = None
    user_seed: str | None = None
    cert: str | None = None
    key: str | None = None
    ca: str | None = None
    tls_first: bool | None = None
    nsc: str | None = None
    socks_proxy: str | None = None
    inbox_prefix: str | None = None
    jetstream_domain: str | None = None
    jetstream_api_prefix: str | None = None
    jetstream_event_prefix: str | None = None
    windows_cert_store: str | None = None

    def __repr__(self) -> str:
        return "<context file>"


class Context(Kept):
    """What a context says.

    Attributes:
        name: Its name, or the path of its file.
        servers: Names of the servers, without their logins.
        auth: Who we are; None when it does not say, or only in its URL.
        tls: How TLS is done; None when it does not say.
        inbox_prefix: First tokens of reply subjects; None when it does not say.
        jetstream_domain: Empty for none, as are the next two.
    """

    __slots__ = (
        "_url", "auth", "inbox_prefix", "jetstream_api_prefix", "jetstream_domain", "jetstream_event_prefix", "name",
        "servers", "tls",
    )  # fmt: skip

    def __init__(self, name: str, file: _File) -> None:
        self.name = name
        # A user name alone is a token there, as here.
        self._url = Secret(file.url or DEFAULT_URL)
        self.servers = [address.name for address in parse_servers(self._url.reveal())]
        self.auth = _auth(file)
        self.tls = _tls(file)
        self.inbox_prefix = file.inbox_prefix or None
        self.jetstream_domain = file.jetstream_domain or ""
        self.jetstream_api_prefix = file.jetstream_api_prefix or ""
        self.jetstream_event_prefix = file.jetstream_event_prefix or ""

    def servers_for(self, auth: Authenticator | None) -> str | list[str]:
        """What to connect to: the URL as it is, or without its login when the caller logs in by other means."""
        return self._url.reveal() if auth is None else self.servers

    def __repr__(self) -> str:
        return f"<Context {self.name!r}: {', '.join(self.servers)}>"


def load(name: str | os.PathLike[str], *, folder: str | os.PathLike[str] | None = None) -> Context:
    """A context by its name, or by the path of its file.

    Args:
        name: A name; a path, which has a separator in it or ends with ``.json``; or ``""`` for the selected one.
        folder: Where contexts are, in place of ``nats`` in the user's configuration folder.

    Raises:
        InvalidOption: There is none, or it asks for what cannot be done. No text shows a secret.
    """
    text = os.fspath(name) if isinstance(name, (str, os.PathLike)) else name
    if not isinstance(text, str):
        raise InvalidOption(f"a context is named by a str, not {type(text).__name__}")
    home = _folder(folder)
    text = text or _selected(home)
    path = _path(text, home)
    try:
        content = credentials.read(path)
    except CredentialsUnavailable as error:
        known = ", ".join(sorted(file.stem for file in (home / "context").glob("*.json"))[:20])
        raise InvalidOption(
            f"there is no context {text!r:.100}",
            where=str(path),
            why=error.why,
            hint=f"there are: {known}" if known else "",
        ) from None
    return _context(text, path, content)


def _context(text: str, path: Path, content: credentials.Content) -> Context:
    file = _decoded(content, path)
    for field, hint in _UNSUPPORTED.items():
        if getattr(file, field):
            raise InvalidOption(f"the context asks for {field}, which is not supported", where=str(path), hint=hint)
    try:
        return Context(text, file)
    except InvalidOption as error:
        # The frames below hold what the file does.
        error.where = f"{path}: {error.where}" if error.where else str(path)
        raise error.with_traceback(None) from None


def available(folder: str | os.PathLike[str] | None = None) -> tuple[str | None, list[str]]:
    """The name of the selected context, or None, and those of all, in order."""
    home = _folder(folder)
    names = sorted(file.stem for file in (home / "context").glob("*.json"))
    try:
        return _selected(home), names
    except InvalidOption:
        return None, names


def select(name: str, folder: str | os.PathLike[str] | None = None) -> None:
    """Select a context.

    Raises:
        InvalidOption: There is none of this name, or it cannot be read.
    """
    home = _folder(folder)
    _named(name, home)
    load(name, folder=home)
    (home / "context.txt").write_text(f"{name}\n", "utf-8")


def save(
    name: str, fields: Mapping[str, object], folder: str | os.PathLike[str] | None = None, *, replace: bool = False
) -> Path:
    """Write a context, for nobody else's eyes.

    Args:
        name: Its name.
        fields: As its file names them: ``url``, ``user``, ``password``, ``creds`` and so on.
        folder: Where contexts are, in place of ``nats`` in the user's configuration folder.
        replace: Whether one of this name may be replaced.

    Returns:
        Its file.

    Raises:
        InvalidOption: There is one of this name, or it could not be read again.
    """
    home = _folder(folder)
    path = _named(name, home)
    if path.exists() and not replace:
        raise InvalidOption(f"there is a context {name!r} already", where=str(path), hint="-f replaces it")
    content = bytearray(msgspec.json.format(msgspec.json.encode(fields)) + b"\n")
    _context(name, path, credentials.Content(str(path), bytearray(content)))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123  # of that mode
        file.write(content)
    wipe(content)
    part.replace(path)
    return path


def remove(name: str, folder: str | os.PathLike[str] | None = None) -> None:
    """Delete a context; one that is selected is no longer.

    Raises:
        InvalidOption: There is none of this name.
    """
    home = _folder(folder)
    path = _named(name, home)
    if not path.exists():
        raise InvalidOption(f"there is no context {name!r}", where=str(path))
    was_selected = available(home)[0] == name
    path.unlink()
    if was_selected:
        (home / "context.txt").unlink()


_UNSUPPORTED = {
    "socks_proxy": "give an endpoint of your own as servers=",
    "nsc": "write a creds file with `nsc generate creds`, and name it as creds",
    "windows_cert_store": "name PEM files as ca, cert and key",
}


def _folder(folder: str | os.PathLike[str] | None) -> Path:
    if folder is None:
        configured = os.environ.get("XDG_CONFIG_HOME")
        return (Path(configured) if configured else _expanded("~/.config")) / "nats"
    if not isinstance(os.fspath(folder), str):
        raise InvalidOption("a folder of contexts is named by a str, not by bytes")
    return Path(folder)


def _expanded(text: str) -> Path:
    """With ``~`` as a user's home; it stays where there is no such user, as in a shell."""
    return Path(os.path.expanduser(text))  # noqa: PTH111  # the method raises for a user that is not there


def _selected(home: Path) -> str:
    try:
        # A plain file and nothing else: a fifo would be waited for.
        name = credentials.read(home / "context.txt").data.decode("utf-8").strip()
    except (CredentialsUnavailable, UnicodeDecodeError):
        name = ""
    if not name:
        raise InvalidOption("no context is selected", where=str(home), hint="nats context select NAME")
    return name


def _named(name: str, home: Path) -> Path:
    """The file of a name; no path will do."""
    if not name or os.sep in name or name.endswith(".json"):
        raise InvalidOption(f"{name!r} is no name of a context", hint="give a name, and no path")
    return _path(name, home)


def _path(text: str, home: Path) -> Path:
    if os.sep in text or text.endswith(".json"):
        return _expanded(text)
    if ".." in text or "\0" in text:
        raise InvalidOption("a context has no such name", why="it has two dots, or NUL, in it")
    return home / "context" / f"{text}.json"


def _decoded(content: credentials.Content, path: Path) -> _File:
    field = ""
    try:
        return msgspec.json.decode(content.data, type=_File)
    except msgspec.ValidationError as error:
        # It names the kind that was expected, and the key, and no value.
        field = str(error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        field = "it is not JSON"
    finally:
        wipe(content.data)
    raise InvalidOption("the context cannot be read", where=str(path), why=field)


def _auth(file: _File) -> Authenticator | None:
    """In the order in which the ``nats`` command looks."""
    if file.user:
        return UserPassword(file.user, file.password or "")
    if file.creds:
        place = _place("creds", file.creds)
        return CredentialsFile(place if isinstance(place, str) else _content(place))
    if file.nkey:
        place = _place("nkey", file.nkey)
        return NKeyFile(place) if isinstance(place, str) else NKey(_seed(place))
    if file.user_jwt:
        return Jwt(file.user_jwt, file.user_seed or None)
    return Token(file.token) if file.token else None


def _content(read: Callable[[], credentials.Content]) -> Callable[[], bytearray]:
    return lambda: read().data


def _seed(read: Callable[[], credentials.Content]) -> Callable[[], bytearray]:
    return lambda: credentials.find_seed(read())


def _place(field: str, text: str) -> str | Callable[[], credentials.Content]:
    """Where a secret is: the path of a file, or a callable that gives what would be in one."""
    scheme, mark, rest = text.partition(":")
    if not mark or len(scheme) < 2:
        return text  # a drive of Windows is one letter
    match scheme:
        case "file":
            return rest.removeprefix("//")
        case "env":
            return partial(_environment, rest.removeprefix("//"))
        case "data" if rest.startswith(";base64,"):
            return partial(_data, Secret(rest.removeprefix(";base64,")))
        case "nsc" | "op" | "data":
            hint = "write it to a file, and name that"
            raise InvalidOption(f"{field} is at {scheme}:, which is not supported", hint=hint)
    return text


def _environment(name: str) -> credentials.Content:
    value = os.environ.get(name)
    if value is None:
        raise CredentialsUnavailable(name, "the environment has no such variable")
    return credentials.Content(f"variable {name}", bytearray(value, "utf-8", "surrogateescape"))


def _data(text: Secret) -> credentials.Content:
    with suppress(ValueError):
        return credentials.Content("data:", bytearray(base64.b64decode(text.reveal(), validate=True)))
    raise CredentialsUnavailable("data:", "it is not base64")


def _tls(file: _File) -> TlsOptions | None:
    paths: dict[str, Any] = {
        option: os.path.expanduser(path)  # noqa: PTH111  # it stays text
        for option, path in (("ca", file.ca), ("certificate", file.cert), ("key", file.key))
        if path
    }
    return TlsOptions(**paths, handshake_first=bool(file.tls_first)) if paths or file.tls_first else None
