from __future__ import annotations

import pytest

from txnats.jetstream.consume.fetch_budget import VERDICTS, Again, End, FetchBudget, GoOn, Raise
from txnats.jetstream.consume.pull_budget import _ENDS
from txnats.jetstream.consume.statuses import Meaning
from txnats.jetstream.errors import (
    BadPullRequest,
    ConsumerDeleted,
    ConsumerIsPush,
    JetStreamError,
    JetStreamUnavailable,
    MessageExceedsMaxBytes,
    NotSupported,
    PullLimitExceeded,
    WrongPinId,
)


def fetch(messages: int = 3, size: int | None = None, *, no_wait: bool = False) -> FetchBudget:
    return FetchBudget("S > C", messages=messages, size=size, no_wait=no_wait)


def test_every_meaning_has_a_verdict() -> None:
    assert VERDICTS.keys() | _ENDS.keys() | {Meaning.TOO_OLD} == set(Meaning)


def test_it_ends_with_the_last_message() -> None:
    each = fetch()
    request = each.pull(5.0, 2.0)
    assert (request.token, request.batch, request.expires, request.heartbeat) == (1, 3, 5.0, 2.0)
    assert [each.arrived() for _ in range(3)] == [False, False, True]


def test_bytes_end_it_too() -> None:
    each = fetch(100, 50)
    assert each.pull(5.0, 0).max_bytes == 50
    assert [each.arrived(20) for _ in range(3)] == [False, False, True]


def test_another_pull_asks_for_what_is_left() -> None:
    each = fetch(5, 100)
    each.pull(5.0, 2.0)
    each.arrived(30)
    again = each.pull(3.0, 1.0)
    assert (again.token, again.batch, again.max_bytes) == (2, 4, 70)


def test_without_waiting_the_server_keeps_nothing() -> None:
    request = fetch(no_wait=True).pull(5.0, 2.0)
    assert (request.no_wait, request.expires, request.heartbeat) == (True, 0.0, 0.0)


@pytest.mark.parametrize(("code", "words"), [(404, "No Messages"), (408, "Request Timeout"), (409, "Batch Completed")])
def test_what_ends_it_without_an_error(code: int, words: str) -> None:
    each = fetch()
    each.pull(5.0, 2.0)
    assert each.status(1, code, words) == End()


def test_a_message_that_does_not_fit_ends_it_unless_it_is_the_first() -> None:
    words = "Message Size Exceeds MaxBytes"
    each = fetch(10, 100)
    each.pull(5.0, 2.0)
    answer = each.status(1, 409, words)
    assert isinstance(answer, Raise)
    assert isinstance(answer.error, MessageExceedsMaxBytes)
    each.arrived(50)
    assert each.status(1, 409, words) == End()


@pytest.mark.parametrize("words", ["Leadership Change", "Server Shutdown"])
def test_a_leader_that_goes_is_not_the_end(words: str) -> None:
    each = fetch()
    each.pull(5.0, 2.0)
    assert each.status(1, 409, words) == Again(0.05, ask=False)
    each.pull(5.0, 2.0)
    # The same of the first pull, once more, says nothing of the second.
    assert each.status(1, 409, words) == GoOn()


def test_nobody_there_is_tried_again_and_remembered() -> None:
    each = fetch()
    for number, seconds in enumerate([0.05, 0.1, 0.2, 0.4, 0.5, 0.5], 1):
        each.pull(5.0, 2.0)
        assert each.status(number, 503, "") == Again(seconds, ask=True)
        assert isinstance(each.problem, JetStreamUnavailable)
    each.pull(5.0, 2.0)
    assert each.status(7, 100, "Idle Heartbeat") == GoOn()
    assert each.problem is None


@pytest.mark.parametrize(
    ("code", "words", "error"),
    [
        (409, "Exceeded MaxWaiting", PullLimitExceeded),
        (409, "Exceeded MaxRequestBatch of 1", PullLimitExceeded),
        (409, "Consumer Deleted", ConsumerDeleted),
        (409, "Consumer is push based", ConsumerIsPush),
        (423, "Nats-Pin-Id mismatch", WrongPinId),
        (400, "Bad Request - x", BadPullRequest),
        (412, "Required Api Level", NotSupported),
        (499, "Something New", JetStreamError),
    ],
)
def test_what_fails_it(code: int, words: str, error: type[JetStreamError]) -> None:
    each = fetch()
    each.pull(5.0, 2.0)
    answer = each.status(1, code, words)
    assert isinstance(answer, Raise)
    assert type(answer.error) is error
    assert (answer.error.code, answer.error.description, answer.error.where) == (code, words, "S > C")
