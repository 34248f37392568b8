"""The rules of pulling: never negative, never more out than was asked for, and no status counts for another pull."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from txnats.jetstream.consume.events import HeartbeatsMissed, Pinned, Pulled, Unpinned
from txnats.jetstream.consume.pull_budget import (
    IGNORE,
    MOST_OPEN,
    Answer,
    PullBudget,
    Refill,
    Stop,
    Wait,
    Warn,
)
from txnats.jetstream.consume.pull_request import Priority, PullRequest
from txnats.jetstream.errors import (
    BadPullRequest,
    ConsumerDeleted,
    ConsumerIsPush,
    MessageExceedsMaxBytes,
    NotSupported,
    PullLimitExceeded,
)


def budget(messages: int = 10, threshold: int = 5, size: int | None = None, **options: Any) -> PullBudget:
    return PullBudget(
        "S",
        "C",
        messages=messages,
        size=size,
        expires=30.0,
        heartbeat=15.0,
        threshold=threshold,
        size_threshold=(size or 0) // 2,
        **options,
    )


def asked(answer: Answer | None) -> PullRequest:
    assert isinstance(answer, Refill)
    return answer.request


def take(each: PullBudget, count: int, size: int = 0) -> list[PullRequest]:
    """So many messages arrive and are handed over at once; gives the pulls that this leads to."""
    pulls = []
    for _ in range(count):
        each.arrived(size)
        refill = each.handed(size)
        if refill is not None:
            pulls.append(refill.request)
    return pulls


def test_the_first_pull_asks_for_all() -> None:
    each = budget()
    request = asked(each.reset())
    assert (request.batch, request.expires, request.heartbeat, request.max_bytes) == (10, 30.0, 15.0, None)
    assert each.out == 10


def test_it_is_refilled_exactly_at_the_threshold() -> None:
    each = budget()
    each.reset()
    assert take(each, 4) == []
    (request,) = take(each, 1)
    assert request.batch == 5
    assert each.out == 10


def test_what_is_held_counts_until_it_is_handed_over() -> None:
    each = budget()
    each.reset()
    for _ in range(10):
        each.arrived()
    assert (each.out, each.held) == (0, 10)
    assert [each.handed() for _ in range(4)] == [None] * 4
    refill = each.handed()
    assert refill is not None
    assert refill.request.batch == 5


def test_one_at_a_time() -> None:
    each = budget(1, 1)
    assert asked(each.reset()).batch == 1
    assert [request.batch for request in take(each, 3)] == [1, 1, 1]


def test_bytes_are_refilled_by_half() -> None:
    each = budget(1000, 500, size=1000)
    assert asked(each.reset()).max_bytes == 1000
    assert take(each, 4, 100) == []
    (request,) = take(each, 1, 100)
    assert request.max_bytes == 500
    assert each.out_size == 1000


@pytest.mark.parametrize(("code", "words"), [(408, "Request Timeout"), (409, "Batch Completed")])
def test_what_is_left_of_an_ended_pull_is_asked_for_again(code: int, words: str) -> None:
    each = budget()
    first = asked(each.reset())
    take(each, 2)
    request = asked(each.status(first.token, code, words, (8, 0)))
    assert request.batch == 10
    assert request.token != first.token


def test_a_status_ends_its_own_pull_and_only_once() -> None:
    each = budget()
    first = asked(each.reset())
    (second,) = take(each, 5)
    assert (each.out, second.batch) == (10, 5)
    third = asked(each.status(second.token, 408, "Request Timeout", (5, 0)))
    assert (each.out, third.batch) == (10, 5)
    assert each.status(second.token, 408, "Request Timeout", (5, 0)) == IGNORE
    assert each.status(999, 408, "Request Timeout", (5, 0)) == IGNORE
    assert each.out == 10
    fourth = asked(each.status(first.token, 408, "Request Timeout", (5, 0)))
    assert (each.out, fourth.batch) == (10, 5)


def test_a_refused_pull_has_delivered_nothing() -> None:
    each = budget()
    first = asked(each.reset())
    answer = each.status(first.token, 409, "Exceeded MaxWaiting", None)
    assert answer == Wait(0.05, Pulled(409, "Exceeded MaxWaiting"))
    assert each.out == 0
    assert each.refill() is None
    assert asked(each.resume()).batch == 10


@pytest.mark.parametrize("words", ["Leadership Change", "Server Shutdown"])
def test_a_leader_that_goes_takes_all_pulls_with_it(words: str) -> None:
    each = budget()
    each.reset()
    (second,) = take(each, 5)
    answer = each.status(second.token, 409, words, None)
    assert answer == Wait(0.05, Pulled(409, words))
    assert each.out == 0
    third = asked(each.resume())
    assert third.batch == 10
    # The old leader's other words come late: they do not end the new pull.
    assert each.status(second.token - 1, 409, words, None) == IGNORE
    assert each.out == 10


def test_nobody_there_is_asked_again_with_longer_pauses_and_told_once() -> None:
    each = budget()
    token = asked(each.reset()).token
    waits = []
    for _ in range(6):
        answer = each.status(token, 503, "", None)
        assert isinstance(answer, Wait)
        assert answer.ask
        waits.append(answer)
        assert each.is_waiting
        token = asked(each.resume()).token
    assert [wait.seconds for wait in waits] == [0.05, 0.1, 0.2, 0.4, 0.5, 0.5]
    assert [wait.event is None for wait in waits] == [False, True, True, True, True, True]
    assert each.status(token, 100, "Idle Heartbeat", None) == IGNORE
    again = each.status(token, 503, "", None)
    assert isinstance(again, Wait)
    assert again.seconds == 0.05


@pytest.mark.parametrize(
    ("code", "words", "error"),
    [
        (409, "Consumer Deleted", ConsumerDeleted),
        (409, "Consumer is push based", ConsumerIsPush),
        (400, "Bad Request - x", BadPullRequest),
        (412, "Required Api Level", NotSupported),
    ],
)
def test_the_end_is_typed(code: int, words: str, error: type[Exception]) -> None:
    each = budget()
    token = asked(each.reset()).token
    answer = each.status(token, code, words, None)
    assert isinstance(answer, Stop)
    assert type(answer.error) is error
    assert "S > C" in str(answer.error)


def test_an_unknown_status_is_told_and_waited_out() -> None:
    each = budget()
    token = asked(each.reset()).token
    assert each.status(token, 499, "Something New", None) == Wait(0.05, Pulled(499, "Something New"))


def test_silence_loses_all_pulls() -> None:
    each = budget()
    each.reset()
    take(each, 3)
    answer = each.silent()
    assert isinstance(answer, Refill)
    assert answer.event == HeartbeatsMissed("S", "C")
    assert answer.request.batch == 10
    for _ in range(10):
        each.arrived()
    assert each.silent() == Warn(HeartbeatsMissed("S", "C"))  # all wait here: nothing is to be asked for


def test_a_new_connection_keeps_what_is_held() -> None:
    each = budget()
    each.reset()
    for _ in range(4):
        each.arrived()
    request = asked(each.reset())
    assert request.batch == 6
    assert (each.out, each.held) == (6, 4)


def test_lower_limits_are_kept_from_then_on() -> None:
    each = budget(100, 50)
    first = asked(each.reset())
    event = Pulled(409, "Exceeded MaxRequestBatch of 10")
    answer = each.status(first.token, 409, event.description, None)
    assert isinstance(answer, Refill)
    assert (answer.event, answer.request.batch) == (event, 10)
    assert [request.batch for request in take(each, 5)] == [5]
    each = budget(100, 50)
    answer = each.status(asked(each.reset()).token, 409, "Exceeded MaxRequestExpires of 4s", None)
    assert isinstance(answer, Refill)
    assert (answer.request.expires, answer.request.heartbeat, each.heartbeat) == (4.0, 2.0, 2.0)
    each = budget(100, 50, size=1000)
    answer = each.status(asked(each.reset()).token, 409, "Exceeded MaxRequestMaxBytes of 100", None)
    assert isinstance(answer, Refill)
    assert answer.request.max_bytes == 100


@pytest.mark.parametrize(
    "words", ["Exceeded MaxRequestBatch of 10", "Exceeded MaxRequestBatch", "Exceeded MaxRequestExpires of 60s"]
)
def test_a_limit_that_was_kept_already_is_the_end(words: str) -> None:
    each = budget(10)
    answer = each.status(asked(each.reset()).token, 409, words, None)
    assert isinstance(answer, Stop)
    assert isinstance(answer.error, PullLimitExceeded)


def test_a_message_beyond_all_bytes_is_the_end() -> None:
    each = budget(1000, 500, size=1000)
    words = "Message Size Exceeds MaxBytes"
    second = asked(each.status(asked(each.reset()).token, 409, words, (1000, 1000)))
    assert second.max_bytes == 1000
    answer = each.status(second.token, 409, words, (1000, 1000))
    assert isinstance(answer, Stop)
    assert isinstance(answer.error, MessageExceedsMaxBytes)


def test_a_message_beyond_what_is_left_waits_until_all_bytes_are_free() -> None:
    each = budget(1000, 500, size=1000)
    first = asked(each.reset())
    for _ in range(6):
        each.arrived(100)
    words = "Message Size Exceeds MaxBytes"
    # The 400 that are left do not suffice; asking for 500, then 600 would be refused again and again.
    assert each.status(first.token, 409, words, (994, 400)) == IGNORE
    answers = [each.handed(100) for _ in range(6)]
    assert answers[:-1] == [None] * 5
    assert asked(answers[-1]).max_bytes == 1000


def test_a_pin_is_kept_sent_and_forgotten() -> None:
    each = budget(priority=Priority(group="A"))
    first = asked(each.reset())
    assert (first.pin, first.priority) == (None, Priority(group="A"))
    assert each.pinned("id") == Warn(Pinned("A", "id"))
    assert each.pinned("id") == IGNORE
    (second,) = take(each, 5)
    assert second.pin == "id"
    answer = each.status(second.token, 423, "Nats-Wrong-Pin-Id", (5, 0))
    assert answer == Refill(asked(answer), Unpinned("A", "Nats-Wrong-Pin-Id"))
    assert asked(answer).pin is None


@pytest.mark.parametrize("words", ["408 Request Timeout", "409 Batch Completed"])
def test_a_second_pull_that_comes_to_nothing_at_once_is_waited_behind(words: str) -> None:
    code, description = int(words[:3]), words[4:]
    each = budget()
    first = asked(each.reset())
    second = asked(each.status(first.token, code, description, None))
    answer = each.status(second.token, code, description, None)
    assert isinstance(answer, Wait)
    assert answer.event == Pulled(code, description)
    third = asked(each.resume())
    # Its heartbeat says that it waits at the server.
    assert each.status(third.token, 100, "Idle Heartbeat", None) == IGNORE
    fourth = asked(each.status(third.token, code, description, None))
    each.arrived()
    fifth = asked(each.status(fourth.token, code, description, None))
    assert isinstance(each.status(fifth.token, code, description, None), Refill)


def test_a_pull_without_a_pin_that_is_refused_for_it_is_waited_behind() -> None:
    each = budget(priority=Priority(group="A"))
    answer = each.status(asked(each.reset()).token, 423, "Nats-Wrong-Pin-Id", None)
    assert isinstance(answer, Wait)


def test_what_ends_asks_for_nothing() -> None:
    each = budget()
    token = asked(each.reset()).token
    each.hold()
    assert take(each, 9) == []
    assert each.resume() == IGNORE
    assert each.reset() == IGNORE
    assert isinstance(each.silent(), Warn)
    assert each.status(token, 408, "Request Timeout", (1, 0)) == IGNORE


def test_the_table_of_pulls_is_bounded() -> None:
    each = budget(3, 2)
    each.reset()
    take(each, 3 * MOST_OPEN)
    assert len(each._open) == MOST_OPEN


class Server(RuleBasedStateMachine):
    """A server that holds pulls and answers them in any order, and a budget that must never lose count of it."""

    @initialize(messages=st.integers(1, 20), data=st.data())
    def start(self, messages: int, data: st.DataObject) -> None:
        self.messages = messages
        self.threshold = data.draw(st.integers(0, messages))
        self.budget = budget(messages, self.threshold)
        self.pulls: dict[int, int] = {}
        self.held = 0
        self.obey(self.budget.reset())

    def obey(self, answer: Answer | None) -> None:
        if isinstance(answer, Refill):
            assert answer.request.batch > 0
            # Never more than may be: what the server holds, what is held here, and this.
            assert sum(self.pulls.values()) + self.held + answer.request.batch <= self.messages
            self.pulls[answer.request.token] = answer.request.batch

    @precondition(lambda self: any(self.pulls.values()))
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        token = data.draw(st.sampled_from(sorted(self.pulls)))
        if self.pulls[token]:
            self.pulls[token] -= 1
            self.held += 1
            self.budget.arrived()
        if not self.pulls[token]:
            del self.pulls[token]  # served: the server says nothing

    @precondition(lambda self: self.held)
    @rule()
    def hand_over(self) -> None:
        self.held -= 1
        self.obey(self.budget.handed())

    @precondition(lambda self: self.pulls)
    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        token = data.draw(st.sampled_from(sorted(self.pulls)))
        answer = self.budget.status(token, 408, "Request Timeout", (self.pulls.pop(token), 0))
        self.obey(self.budget.resume() if isinstance(answer, Wait) else answer)

    @rule(token=st.integers(0, 5))
    def repeat(self, token: int) -> None:
        if token not in self.pulls and token not in self.budget._open:
            out = self.budget.out
            self.obey(self.budget.status(token, 408, "Request Timeout", (3, 0)))
            assert self.budget.out == out

    @precondition(lambda self: self.pulls)
    @rule()
    def move(self) -> None:
        tokens = list(self.pulls)
        self.pulls.clear()
        for token in tokens:
            self.obey(self.budget.status(token, 409, "Leadership Change", None))
        self.obey(self.budget.resume())

    @rule()
    def reconnect(self) -> None:
        self.pulls.clear()
        self.obey(self.budget.reset())

    @rule()
    def silence(self) -> None:
        self.pulls.clear()
        self.obey(self.budget.silent())

    @invariant()
    def the_count_is_right(self) -> None:
        if not hasattr(self, "budget"):
            return
        out = sum(self.pulls.values())
        assert (self.budget.out, self.budget.held) == (out, self.held)
        assert 0 <= out + self.held <= self.messages
        # Whatever may be asked for has been: it never falls silent.
        assert out + self.held > self.threshold or out + self.held == self.messages


TestServer = Server.TestCase
TestServer.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
