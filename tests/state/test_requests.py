"""Requests: each ends exactly once, whatever comes first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txnats.errors import ClientClosed, NoResponders, OutboxFull, PermissionDenied, RequestTimeout
from txnats.message import Message
from txnats.state.requests import Requests
from txnats.subjects import matches
from txnats.wire.header_block import header_block

STATUS_503 = header_block(b"NATS/1.0 503\r\n\r\n")
STATUS_408 = header_block(b"NATS/1.0 408 Timeout\r\n\r\n")


def outcome(deferred: Deferred[Message]) -> list[Any]:
    """What became of it: replies and errors, in order; there is to be one at the most."""
    told: list[Any] = []

    def failed(failure: Failure) -> None:
        told.append(failure.value)

    deferred.addCallbacks(told.append, failed)
    return told


def ask(requests: Requests, subject: str | bytes = "s", timeout: float = 2.0) -> tuple[bytes, bytes, list[Any]]:
    reply, token, deferred = requests.open(subject, timeout)
    return reply, token, outcome(deferred)


def answer(reply: bytes, payload: bytes = b"", status: Any = None) -> Message:
    return Message(reply, 1, None, payload, status)


# ---------------------------------------------------------------------- stories


def test_a_reply_goes_to_who_asked() -> None:
    requests = Requests("_INBOX", 10)
    first, _, one = ask(requests)
    second, _, two = ask(requests)
    assert len(requests) == 2
    reply = answer(second, b"2")
    requests.resolve(reply)
    assert (one, two) == ([], [reply])
    requests.resolve(answer(second, b"again"))
    assert (one, two, len(requests)) == ([], [reply], 1)
    requests.resolve(answer(first, b"1"))
    assert [each.payload for each in one] == [b"1"]


def test_all_replies_come_in_by_one_inbox() -> None:
    requests = Requests("_INBOX.me", 10)
    replies = [ask(requests)[0].decode() for _ in range(3)]
    assert len(set(replies)) == 3
    assert all(matches(requests.inbox, reply) for reply in replies)
    assert requests.inbox.startswith("_INBOX.me.")
    assert len(requests.inbox) == len("_INBOX.me.") + 22 + len(".*")
    assert Requests("_INBOX.me", 10).inbox != requests.inbox


def test_nobody_there_is_known_at_once() -> None:
    requests = Requests("_INBOX", 10)
    reply, _, told = ask(requests, b"orders.\xff")
    requests.resolve(answer(reply, b"", STATUS_503))
    (error,) = told
    assert isinstance(error, NoResponders)
    assert error.subject == "orders.\udcff"


@pytest.mark.parametrize(("payload", "status"), [(b"x", STATUS_503), (b"", STATUS_408), (b"", None)])
def test_any_other_reply_is_a_reply(payload: bytes, status: Any) -> None:
    requests = Requests("_INBOX", 10)
    reply, _, told = ask(requests)
    message = answer(reply, payload, status)
    requests.resolve(message)
    assert told == [message]


def test_a_timeout_tells_whether_the_link_was_lost_while_it_waited() -> None:
    requests = Requests("_INBOX", 10)
    _, before, one = ask(requests, "a", 1.5)
    requests.link_lost()
    _, after, two = ask(requests, "b", 0.25)
    requests.expire(before)
    requests.expire(after)
    assert [type(error) for error in one + two] == [RequestTimeout, RequestTimeout]
    assert (one[0].subject, one[0].timeout, one[0].link_lost) == ("a", 1.5, True)
    assert (two[0].subject, two[0].timeout, two[0].link_lost) == ("b", 0.25, False)


def test_a_cancelled_one_is_forgotten() -> None:
    requests = Requests("_INBOX", 10)
    reply, token, deferred = requests.open("s", 2.0)
    told = outcome(deferred)
    deferred.cancel()
    assert [type(error) for error in told] == [CancelledError]
    assert token not in requests
    requests.resolve(answer(reply))
    requests.expire(token)
    assert len(told) == 1


def test_one_that_was_never_sent_leaves_nothing() -> None:
    requests = Requests("_INBOX", 1)
    _, token, told = ask(requests)
    assert token in requests
    requests.forget(token)
    requests.forget(token)
    assert (len(requests), told) == (0, [])
    ask(requests)


def test_too_many_at_a_time_is_an_error() -> None:
    requests = Requests("_INBOX", 2)
    _, token, _ = ask(requests)
    ask(requests)
    with pytest.raises(OutboxFull) as caught:
        requests.open("s", 2.0)
    assert (caught.value.waiting, caught.value.limit, len(requests)) == (2, 2, 2)
    requests.expire(token)
    requests.open("s", 2.0)


def test_a_refused_subject_ends_its_requests_only() -> None:
    requests = Requests("_INBOX", 10)
    _, _, text = ask(requests, "a.b")
    _, _, data = ask(requests, b"a.b")
    _, _, other = ask(requests, "a.c")
    error = PermissionDenied("publish", "a.b")
    requests.denied(error)
    assert (text, data, other) == ([error], [error], [])


def test_a_refused_reply_subject_ends_its_request_only() -> None:
    requests = Requests("_INBOX", 10)
    reply, _, one = ask(requests)
    _, _, two = ask(requests)
    error = PermissionDenied("reply", reply.decode())
    requests.denied(error)
    assert (one, two) == ([error], [])


@pytest.mark.parametrize("subject", ["1", "x.1", "_INBOX.other.1", ""])
def test_a_refused_reply_subject_of_somebody_elses_ends_none(subject: str) -> None:
    requests = Requests("_INBOX", 10)
    _, token, told = ask(requests)
    assert token == b"1"
    requests.denied(PermissionDenied("reply", subject))
    assert told == []


def test_a_refused_inbox_ends_all() -> None:
    requests = Requests("_INBOX", 10)
    outcomes = [ask(requests, subject)[2] for subject in ("a", "b")]
    requests.denied(PermissionDenied("subscribe", "a"))
    assert outcomes == [[], []]
    error = PermissionDenied("subscribe", requests.inbox)
    requests.denied(error)
    assert outcomes == [[error], [error]]


def test_one_that_is_asked_while_all_end_is_not_ended() -> None:
    requests = Requests("_INBOX", 10)
    later: list[list[Any]] = []
    _, _, deferred = requests.open("a", 2.0)
    deferred.addErrback(lambda _: later.append(ask(requests)[2]))
    _, _, told = ask(requests)
    requests.fail_all(ClientClosed())
    assert len(told) == 1
    assert later == [[]]
    assert len(requests) == 1


def test_one_that_ends_another_while_all_end_ends_it_once() -> None:
    requests = Requests("_INBOX", 10)
    reply, _, second = ask(requests)
    _, token, deferred = requests.open("a", 2.0)
    third_reply, _, third = ask(requests)
    deferred.addErrback(lambda _: requests.resolve(answer(third_reply)))
    requests.expire(token)
    assert [type(each) for each in third] == [Message]
    requests.fail_all(ClientClosed())
    requests.resolve(answer(reply))
    assert [type(each) for each in second] == [ClientClosed]
    assert len(third) == 1


# ---------------------------------------------------------------------- any order of events


class EndsOnce(RuleBasedStateMachine):
    """Requests against a table of what is to become of each."""

    asked = Bundle("asked")
    ended = Bundle("ended")

    def __init__(self) -> None:
        super().__init__()
        self.requests = Requests("_INBOX", 5)
        self.deferreds: dict[bytes, Deferred[Message]] = {}
        self.told: dict[bytes, list[Any]] = {}
        self.replies: dict[bytes, bytes] = {}
        self.subjects: dict[bytes, str] = {}
        self.expected: dict[bytes, type | None] = {}

    def living(self) -> list[bytes]:
        return [token for token, kind in self.expected.items() if kind is object]

    @precondition(lambda self: len(self.living()) < 5)
    @rule(target=asked, subject=st.sampled_from(["a", "b"]))
    def ask(self, subject: str) -> bytes:
        reply, token, deferred = self.requests.open(subject, 1.0)
        assert token not in self.told
        self.deferreds[token], self.replies[token], self.subjects[token] = deferred, reply, subject
        self.told[token], self.expected[token] = outcome(deferred), object
        return token

    @precondition(lambda self: len(self.living()) == 5)
    @rule()
    def ask_too_much(self) -> None:
        with pytest.raises(OutboxFull):
            self.requests.open("a", 1.0)

    @rule(target=ended, token=consumes(asked))
    def reply(self, token: bytes) -> bytes:
        self.requests.resolve(answer(self.replies[token], b"x"))
        return self.end(token, Message)

    @rule(target=ended, token=consumes(asked))
    def nobody(self, token: bytes) -> bytes:
        self.requests.resolve(answer(self.replies[token], b"", STATUS_503))
        return self.end(token, NoResponders)

    @rule(target=ended, token=consumes(asked))
    def expire(self, token: bytes) -> bytes:
        self.requests.expire(token)
        return self.end(token, RequestTimeout)

    @rule(target=ended, token=consumes(asked))
    def cancel(self, token: bytes) -> bytes:
        self.deferreds[token].cancel()
        return self.end(token, CancelledError)

    @rule(target=ended, token=consumes(asked))
    def forget(self, token: bytes) -> bytes:
        self.requests.forget(token)
        return self.end(token, None)

    @rule(subject=st.sampled_from(["a", "b", "c"]))
    def refuse(self, subject: str) -> None:
        self.requests.denied(PermissionDenied("publish", subject))
        for token in self.living():
            if self.subjects[token] == subject:
                self.end(token, PermissionDenied)

    @rule()
    def end_all(self) -> None:
        self.requests.fail_all(ClientClosed())
        for token in self.living():
            self.end(token, ClientClosed)

    @rule(token=ended)
    def late(self, token: bytes) -> None:
        self.requests.resolve(answer(self.replies[token], b"late"))
        self.requests.expire(token)
        self.requests.forget(token)
        self.requests.denied(PermissionDenied("reply", self.replies[token].decode()))

    @rule()
    def lose_the_link(self) -> None:
        self.requests.link_lost()

    def end(self, token: bytes, kind: type | None) -> bytes:
        if self.expected[token] is object:
            self.expected[token] = kind
        return token

    @invariant()
    def each_ended_as_it_should_and_once(self) -> None:
        for token, kind in self.expected.items():
            kinds = [type(each) for each in self.told[token]]
            assert kinds == ([] if kind in (object, None) else [kind])
            assert (token in self.requests) == (kind is object)
        assert len(self.requests) == len(self.living())


TestEndsOnce = EndsOnce.TestCase
TestEndsOnce.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


# ---------------------------------------------------------------------- askers


class Asking:
    """Somebody who keeps its own time."""

    subject = "s"

    def __init__(self) -> None:
        self.told: list[Any] = []

    def answered(self, message: Message) -> None:
        self.told.append(message)

    def unanswered(self, error: Exception) -> None:
        self.told.append(error)


def test_an_asker_is_told_once_whatever_it_is() -> None:
    requests = Requests("_INBOX", 10)
    asker = Asking()
    reply, _ = requests.ask(asker)
    nobody = answer(reply, status=STATUS_503)
    requests.resolve(nobody)
    requests.resolve(nobody)
    assert asker.told == [nobody]
    assert len(requests) == 0


def test_an_asker_hears_of_refusals_and_the_end_and_of_nothing_once_forgotten() -> None:
    requests = Requests("_INBOX", 10)
    denied, ended, forgotten = Asking(), Asking(), Asking()
    requests.ask(denied)
    denial = PermissionDenied("publish", "s")
    requests.denied(denial)
    requests.ask(ended)
    _, token = requests.ask(forgotten)
    requests.forget(token)
    requests.fail_all(ClientClosed())
    assert denied.told == [denial]
    assert [type(each) for each in ended.told] == [ClientClosed]
    assert forgotten.told == []


def test_askers_count_for_the_limit() -> None:
    requests = Requests("_INBOX", 1)
    requests.ask(Asking())
    with pytest.raises(OutboxFull):
        requests.ask(Asking())
