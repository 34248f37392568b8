"""Each kind of credentials gives its fields of CONNECT, asks anew at every attempt, and never shows a secret."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from txnats.auth.authenticators import Authenticator, Token, UserPassword
from txnats.auth.secret import Secret
from txnats.errors import InvalidOption, NatsError

MARKER = "S3CRET"


def test_the_fields_of_each() -> None:
    kinds: list[tuple[Authenticator, dict[str, str]]] = [
        (UserPassword("joe", "pw"), {"user": "joe", "pass": "pw"}),
        (UserPassword("joe", Secret("pw")), {"user": "joe", "pass": "pw"}),
        (Token("t"), {"auth_token": "t"}),
        (Token(Secret("t")), {"auth_token": "t"}),
    ]
    for kind, fields in kinds:
        assert kind.fields("nonce") == fields
        assert kind.fields("") == fields


def test_a_callable_is_asked_at_every_attempt() -> None:
    passwords = iter(["one", "two", "three"])
    user, token = UserPassword("joe", lambda: next(passwords)), Token(lambda: next(passwords))
    assert user.fields("")["pass"] == "one"
    assert token.fields("")["auth_token"] == "two"
    assert user.fields("")["pass"] == "three"


def test_an_error_of_the_callables_is_its_own() -> None:
    def rotate() -> str:
        raise OSError("sealed")

    with pytest.raises(OSError, match="sealed"):
        Token(rotate).fields("")


@pytest.mark.parametrize("shown", [repr, str, "{}".format])
@pytest.mark.parametrize("kind", [UserPassword("joe", MARKER), Token(MARKER), Token(lambda: MARKER)])
def test_none_shows_its_secret(kind: Authenticator, shown: Callable[[object], str]) -> None:
    assert MARKER not in shown(kind)
    assert shown(kind) in ("UserPassword('joe', ***)", "Token(***)")


@pytest.mark.parametrize("carry", [pickle.dumps, copy.deepcopy])
@pytest.mark.parametrize("kind", [UserPassword("joe", MARKER), Token(MARKER)])
def test_none_can_be_pickled(kind: Authenticator, carry: Callable[[object], object]) -> None:
    with pytest.raises(InvalidOption):
        carry(kind)


@pytest.mark.parametrize("wrong", [None, 5, b"S3CRET"])
def test_a_secret_that_is_no_text_is_refused_when_it_is_given(wrong: Any) -> None:
    for make in (lambda: Token(wrong), lambda: UserPassword("joe", wrong)):
        with pytest.raises(InvalidOption) as caught:
            make()
        assert MARKER not in str(caught.value)


@pytest.mark.parametrize("wrong", [None, 5, b"S3CRET"])
def test_a_secret_that_is_no_text_is_refused_when_it_is_asked_for(wrong: Any) -> None:
    """JSON would carry bytes as base64 and None as null: a wrong password that nobody can find."""
    for kind in (Token(lambda: wrong), UserPassword("joe", lambda: wrong)):
        with pytest.raises(NatsError) as caught:
            kind.fields("")
        assert MARKER not in str(caught.value)


@pytest.mark.parametrize("wrong", [None, 5, b"joe"])
def test_a_user_that_is_no_text_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidOption):
        UserPassword(wrong, "pw")
