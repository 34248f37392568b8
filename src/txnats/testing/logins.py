"""Who may come in. Pure."""

from __future__ import annotations

import msgspec

from ..errors import InvalidOption
from ..server import ServerConfig
from .permissions import Permissions


class ConnectOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What CONNECT says, with nats-server's defaults for what it does not say."""

    verbose: bool = True
    pedantic: bool = True
    echo: bool = True
    headers: bool = False
    no_responders: bool = False
    protocol: int = 0
    name: str = ""
    lang: str = ""
    version: str = ""
    user: str = ""
    password: str = msgspec.field(default="", name="pass")
    auth_token: str = ""

    def __repr__(self) -> str:
        return f"<ConnectOptions of {self.name!r}>"


class Logins:
    """The users of a server.

    Args:
        config: Names them.

    Raises:
        InvalidOption: A user logs in with an nkey, which takes a real server to check.
    """

    def __init__(self, config: ServerConfig) -> None:
        if any(user.nkey is not None for user in config.users):
            raise InvalidOption("the in-memory server knows no nkeys", hint="use NatsServer")
        self._token = config.token
        self._everyone = Permissions(None)
        self._passwords = {user.name: user.password for user in config.users}
        self._users = {user.name: user for user in config.users}
        if config.user is not None:
            self._passwords[config.user] = config.password

    @property
    def required(self) -> bool:
        """Whether a client has to say who it is."""
        return self._token is not None or bool(self._passwords)

    def admit(self, options: ConnectOptions) -> Permissions | None:
        """What this client may do; None when it may not come in."""
        if not self.required:
            return self._everyone
        if self._token is not None:
            return self._everyone if options.auth_token == self._token else None
        if self._passwords.get(options.user) != options.password:
            return None
        return Permissions(self._users.get(options.user))
