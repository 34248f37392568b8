"""The tree of JetStream's errors, and what a server's answer becomes."""

from __future__ import annotations

import pickle

import pytest

from txnats import NatsError
from txnats.jetstream import error_codes, errors
from txnats.jetstream.errors import BY_CODE, ApiError, JetStreamError, error_from


def test_all_are_nats_errors() -> None:
    kinds = {each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)}
    assert all(issubclass(each, NatsError) for each in kinds)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (10059, errors.StreamNotFound),
        (10014, errors.ConsumerNotFound),
        (10058, errors.StreamNameInUse),
        (10071, errors.WrongLastSequence),
        (10164, errors.WrongLastSequence),
        (10008, errors.JetStreamUnavailable),
        (10039, errors.JetStreamNotEnabled),
        (10185, errors.NotSupported),
        (10065, error_codes.StreamSubjectOverlap),
        (10025, error_codes.InvalidJSON),
    ],
)
def test_a_number_has_a_class(number: int, kind: type[JetStreamError]) -> None:
    error = error_from(ApiError(400, number, "so it is"), where="here")
    assert type(error) is kind
    assert (error.code, error.err_code, error.description) == (400, number, "so it is")
    assert f"400/{number}" in str(error)
    assert "here" in str(error)


def test_an_unknown_number_stays_with_its_words() -> None:
    error = error_from(ApiError(418, 19999, "I am new"))
    assert type(error) is JetStreamError
    assert "I am new [418/19999]" in str(error)


def test_the_last_sequence_is_read_when_it_is_told() -> None:
    told, untold = (
        error_from(ApiError(400, number, text))
        for number, text in ((10071, "wrong last sequence: 17"), (10164, "wrong last sequence"))
    )
    assert isinstance(told, errors.WrongLastSequence)
    assert isinstance(untold, errors.WrongLastSequence)
    assert (told.last_sequence, untold.last_sequence) == (17, None)


def test_levels_name_servers() -> None:
    error = errors.NotSupported.levels(needed=2, actual=1, features=("allow_msg_counter",))
    assert (error.needed, error.actual, error.features) == (2, 1, ("allow_msg_counter",))
    assert "allow_msg_counter" in str(error)
    assert "2.12" in error.hint
    assert "an older one" in str(errors.NotSupported.levels(needed=1, actual=None, features=()))


def test_each_number_has_one_class() -> None:
    assert len(BY_CODE) == sum(len(kind.err_codes) for kind in set(BY_CODE.values()))
    assert all(number in kind.err_codes for number, kind in BY_CODE.items())


@pytest.mark.parametrize(
    "error",
    [
        errors.NoStreamForSubject("a.b"),
        errors.PublishOutcomeUnknown("a.b", TimeoutError("late")),
        errors.NotSupported.levels(needed=2, actual=0, features=("x",)),
        errors.WrongLastSequence(400, 10071, "wrong last sequence: 3"),
    ],
)
def test_errors_travel(error: JetStreamError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)


def test_an_unknown_outcome_says_what_to_do() -> None:
    assert "message_id" in str(errors.PublishOutcomeUnknown("a"))
    assert "late" in str(errors.PublishOutcomeUnknown("a", TimeoutError("late")))
