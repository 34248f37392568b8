"""Kinds of credentials. Each is asked once for every attempt to connect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from ..errors import InvalidOption
from .secret import Secret


class Authenticator(Protocol):
    """Answers a server's nonce with the fields of CONNECT that prove who we are."""

    def fields(self, nonce: str) -> Mapping[str, str]:
        """Called for every attempt. What it gives holds secrets: it goes into CONNECT and nowhere else."""


class UserPassword:
    """A user name and a password.

    Args:
        user: The name.
        password: The password, or a callable that is asked for it at every attempt.
    """

    __slots__ = ("_password", "_user")

    def __init__(self, user: str, password: str | Secret | Callable[[], str]) -> None:
        if not isinstance(user, str):
            raise InvalidOption(f"a user name is a str, not {type(user).__name__}")
        self._user = user
        self._password = password if callable(password) else Secret(password)

    def fields(self, nonce: str) -> Mapping[str, str]:
        return {"user": self._user, "pass": _current(self._password)}

    def __repr__(self) -> str:
        return f"UserPassword({self._user!r}, ***)"


class Token:
    """A token.

    Args:
        token: The token, or a callable that is asked for it at every attempt.
    """

    __slots__ = ("_token",)

    def __init__(self, token: str | Secret | Callable[[], str]) -> None:
        self._token = token if callable(token) else Secret(token)

    def fields(self, nonce: str) -> Mapping[str, str]:
        return {"auth_token": _current(self._token)}

    def __repr__(self) -> str:
        return "Token(***)"


def _current(value: Secret | Callable[[], str]) -> str:
    """The secret itself; JSON would carry anything but text as something else."""
    return (value if isinstance(value, Secret) else Secret(value())).reveal()
