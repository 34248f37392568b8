"""Explanations: every error gets one."""

from __future__ import annotations

import pytest

import txnats
from txnats.jetstream import errors, explain
from txnats.jetstream.errors import BY_CODE, ApiError, error_from
from txnats.jetstream.explanations import EXPLANATIONS


def test_the_class_decides() -> None:
    text = explain(errors.WrongLastSequence(400, 10071, "wrong last sequence: 3"))
    assert text.splitlines()[1:] == [
        EXPLANATIONS[errors.WrongLastSequence].means,
        f"Try: {EXPLANATIONS[errors.WrongLastSequence].try_this}",
    ]


@pytest.mark.parametrize("number", [*sorted(BY_CODE), 19999])
def test_every_number_has_something_to_say(number: int) -> None:
    error = error_from(ApiError(400, number, "words of the server"))
    text = explain(error)
    assert "words of the server" in text
    assert "Try: " in text


def test_a_subclass_of_the_core_is_explained_by_its_kin() -> None:
    assert "rule" in explain(txnats.InvalidSubject("no"))
    assert "Try: " in explain(txnats.NoResponders("a"))


def test_hints_are_used_and_strangers_speak_for_themselves() -> None:
    assert explain(txnats.TlsUnavailable("a", "why", hint="do this")).endswith("Try: do this")
    assert explain(ValueError("odd")) == "odd"
    assert explain(KeyError()) == "KeyError"


def test_texts_are_sentences() -> None:
    for explanation in EXPLANATIONS.values():
        assert explanation.means.endswith(".")
        assert explanation.try_this.endswith(".")
