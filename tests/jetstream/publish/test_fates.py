"""The fates of a publish: the table as it stands, and the counting of tries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txnats.jetstream.publish.fates import (
    ASK_AT,
    ASK_EVERY,
    NOTHING_STORED,
    RESEND_AFTER,
    RETRY_AFTER,
    TABLE,
    Answer,
    Tries,
    Verdict,
)

STORE, RETRY, FAIL, UNKNOWN = Verdict

FIRST_ANSWER = [
    # answer, without a message id, with one
    (Answer.ACK, STORE, STORE),
    (Answer.NO_RESPONDERS, RETRY, RETRY),
    (Answer.NOT_NOW, RETRY, RETRY),
    (Answer.IN_WORK, UNKNOWN, RETRY),
    (Answer.REFUSED, FAIL, FAIL),
    (Answer.DENIED, FAIL, FAIL),
    (Answer.SILENCE, UNKNOWN, RETRY),
    (Answer.LINK_LOST, UNKNOWN, RETRY),
    (Answer.TOO_LATE, UNKNOWN, UNKNOWN),
    (Answer.CUT_OFF, UNKNOWN, UNKNOWN),
    (Answer.NONSENSE, UNKNOWN, UNKNOWN),
]


def tries(*, has_id: bool = False, deadline: float = 15.0) -> Tries:
    return Tries(has_id=has_id, deadline=deadline)


def test_the_table_has_a_row_for_each_answer() -> None:
    assert set(TABLE) == set(Answer)


@pytest.mark.parametrize(("answer", "without", "with_id"), FIRST_ANSWER, ids=lambda each: getattr(each, "name", ""))
def test_what_the_first_answer_means(answer: Answer, without: Verdict, with_id: Verdict) -> None:
    assert tries().judge(answer, 0.0).verdict is without
    assert tries(has_id=True).judge(answer, 0.0).verdict is with_id


def test_without_a_message_id_only_proof_that_nothing_was_stored_is_followed_by_another_copy() -> None:
    again = {answer for answer, (without, _) in TABLE.items() if without is RETRY}
    assert again <= NOTHING_STORED


def test_the_waits_between_tries_grow_and_the_question_is_asked_at_the_second() -> None:
    one = tries()
    steps = []
    for _ in range(ASK_EVERY + ASK_AT + 1):
        steps.append(one.judge(Answer.NO_RESPONDERS, 0.0))
        one.sending()
    assert [step.after for step in steps[:4]] == [*RETRY_AFTER, RETRY_AFTER[-1]]
    assert [number for number, step in enumerate(steps, 1) if step.ask] == [ASK_AT, ASK_AT + ASK_EVERY]


def test_a_known_stream_is_not_asked_for() -> None:
    one = tries()
    one.stream_known = True
    for _ in range(20):
        assert not one.judge(Answer.NO_RESPONDERS, 0.0).ask
        one.sending()


def test_refusals_end_with_the_time() -> None:
    one = tries(deadline=1.0)
    assert one.judge(Answer.NO_RESPONDERS, 0.5).verdict is RETRY
    one.sending()
    assert one.judge(Answer.NO_RESPONDERS, 0.95).verdict is FAIL


def test_a_time_that_ends_between_two_copies_leaves_no_doubt() -> None:
    one = tries(deadline=1.0)
    assert one.judge(Answer.NO_RESPONDERS, 0.5).verdict is RETRY
    assert one.judge(Answer.TOO_LATE, 1.0).verdict is FAIL


def test_refusals_after_silence_end_in_doubt() -> None:
    one = tries(has_id=True, deadline=5.0)
    assert one.judge(Answer.SILENCE, 2.0).verdict is RETRY
    one.sending()
    assert one.judge(Answer.NO_RESPONDERS, 2.0).verdict is RETRY
    one.sending()
    assert one.judge(Answer.NO_RESPONDERS, 5.0).verdict is RETRY  # the silent copy may still be answered
    assert one.judge(Answer.TOO_LATE, 5.0).verdict is UNKNOWN


def test_a_refusal_says_nothing_of_an_earlier_copy() -> None:
    one = tries(has_id=True)
    one.judge(Answer.LINK_LOST, 1.0)
    one.sending()
    # A single server compares the expected sequence before the message id: it may refuse what it has stored itself.
    assert one.judge(Answer.REFUSED, 1.0).verdict is UNKNOWN


def test_silence_is_waited_for_a_little_longer_each_time() -> None:
    one = tries(has_id=True)
    due = []
    for _ in range(5):
        due.append(one.resend_due(0.0))
        one.judge(Answer.SILENCE, 0.0)
        one.sending()
    assert due == [*RESEND_AFTER, RESEND_AFTER[-1], RESEND_AFTER[-1]]
    assert sum(due) < 15  # an election of 9 s is survived


@given(
    has_id=st.booleans(), answers=st.lists(st.sampled_from(sorted(Answer, key=lambda each: each.value)), max_size=20)
)
def test_it_never_says_not_stored_when_a_copy_is_in_doubt(has_id: bool, answers: list[Answer]) -> None:
    one = tries(has_id=has_id)
    copies, settled = 1, 0
    for answer in answers:
        step = one.judge(answer, 0.0)
        settled += answer in (Answer.NO_RESPONDERS, Answer.NOT_NOW, Answer.REFUSED, Answer.DENIED)
        if step.verdict is FAIL:
            told = answers[: answers.index(answer) + (answer is not Answer.TOO_LATE)]
            assert all(each in NOTHING_STORED for each in told)
            assert settled >= copies or answer is Answer.NOT_SENT
            return
        if step.verdict is not RETRY:
            return
        assert has_id or answer in NOTHING_STORED
        one.sending()
        copies += 1
