"""What the caller's own code raises is told by its kind, and by nothing else."""

from __future__ import annotations

import traceback

import pytest

from txnats.errors import DialFailed, InvalidOption, NatsError
from txnats.net.callers import of_the_caller


def raising(error: Exception) -> object:
    raise error


def ours(what: str) -> NatsError:
    return DialFailed("h", f"it {what}")


def test_what_it_gives() -> None:
    assert of_the_caller(lambda: 5, ours) == 5


def test_what_it_raises_stands_in_no_chain() -> None:
    error = ValueError("s3" + "cret")
    with pytest.raises(DialFailed, match="it raised ValueError") as caught:
        of_the_caller(lambda: raising(error), ours)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_errors_of_ours_pass() -> None:
    with pytest.raises(InvalidOption, match="as it is"):
        of_the_caller(lambda: raising(InvalidOption("as it is")), ours)
