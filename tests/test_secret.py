"""A secret shows nowhere and goes nowhere by itself."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from twisted.python.failure import Failure

from txnats.errors import InvalidOption
from txnats.secret import Secret, SecretBytes, wipe

MARKER = "S3CRET"


def test_it_is_revealed_to_who_asks() -> None:
    assert Secret(MARKER).reveal() == MARKER
    assert Secret(Secret(MARKER)).reveal() == MARKER
    assert Secret("").reveal() == ""


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        ascii,
        "{}".format,
        "{!r:>10}".format,
        lambda secret: f"{secret}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
        lambda secret: repr([secret, {"a": secret}]),
        lambda secret: repr(getattr(secret, "__dict__", None)),
        lambda secret: logging.LogRecord("n", 1, "p", 1, "%s", (secret,), None).getMessage(),
    ],
)
def test_however_it_is_printed_it_does_not_show(show: Callable[[Secret], str]) -> None:
    assert MARKER not in show(Secret(MARKER))
    assert repr(Secret(MARKER)) == "***"


def hidden() -> Secret:
    """A text that stands nowhere else: a traceback tells global names too."""
    return Secret("word hidden"[::-1])


def test_a_traceback_that_tells_all_variables_does_not_tell_it() -> None:
    def fail(password: Secret) -> None:
        raise ValueError("no")

    try:
        fail(hidden())
    except ValueError as error:
        lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
        assert "password = ***" in "".join(lines)
        assert "neddih" not in "".join(lines)
        told = Failure(captureVars=True).getTraceback(detail="verbose")
        assert "password : ***" in told
        assert "neddih" not in told


@pytest.mark.parametrize(
    "carry",
    [
        *(
            lambda secret, protocol=protocol: pickle.dumps(secret, protocol)
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
        lambda secret: pickle.dumps([secret]),
        json.dumps,
        msgspec.json.encode,
        msgspec.to_builtins,
        vars,
    ],
)
def test_it_cannot_be_carried_elsewhere(carry: Callable[[Secret], object]) -> None:
    with pytest.raises((InvalidOption, TypeError)) as caught:
        carry(Secret(MARKER))
    assert MARKER not in str(caught.value)


@pytest.mark.parametrize("twice", [copy.copy, copy.deepcopy])
def test_a_copy_is_itself(twice: Callable[[Secret], Secret]) -> None:
    secret = Secret(MARKER)
    assert twice(secret) is secret


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!s:>10}".format, lambda data: f"{data:>10}"])
def test_bytes_on_their_way_out_show_their_number(show: Callable[[bytes], str]) -> None:
    data = SecretBytes(MARKER.encode())
    assert data == MARKER.encode()
    assert show(data).strip() == "<6 bytes>"


def test_bytes_on_their_way_out_are_not_pickled() -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(InvalidOption):
            pickle.dumps([SecretBytes(b"S3CRET")], protocol)


def test_a_buffer_is_wiped_in_place() -> None:
    buffer = bytearray(b"S3CRET")
    wipe(buffer)
    assert buffer == bytes(6)


def test_the_text_of_a_pickle_error() -> None:
    with pytest.raises(InvalidOption) as caught:
        pickle.dumps(Secret(MARKER))
    assert str(caught.value) == "a secret cannot be pickled (read it anew where it is needed)"


def test_two_are_equal_if_their_texts_are_and_never_equal_to_a_text() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


@pytest.mark.parametrize("value", [None, 5, b"S3CRET", ["S3CRET"]])
def test_a_secret_is_text_and_an_error_does_not_tell_it(value: Any) -> None:
    with pytest.raises(InvalidOption) as caught:
        Secret(value)
    assert str(caught.value) == f"a secret is a str, not {type(value).__name__}"
    assert MARKER not in f"{caught.value!r}"
