"""The rules of a fast batch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txnats.jetstream.errors import ApiError
from txnats.jetstream.publish.ack import PubAck
from txnats.jetstream.publish.ingest_rules import (
    KEEP_ALIVE,
    PING_AFTER,
    Done,
    Failed,
    Flow,
    Gap,
    Gaps,
    Go,
    Nonsense,
    Operation,
    Refused,
)


def flow(*, every: int = 10, outstanding: int = 2, gaps: Gaps = "fail", opened: bool = True) -> Flow:
    made = Flow(every=every, outstanding=outstanding, gaps=gaps)
    if opened:
        made.send(0.0)
        made.hear(ack(0, every), 0.0)
    return made


def ack(sequence: int, every: int) -> bytes:
    return b'{"type":"ack","seq":%d,"msgs":%d}' % (sequence, every)


def fill(one: Flow) -> int:
    """Send as long as it may."""
    while one.may_send:
        one.send(0.0)
    return one.sent


def test_the_first_answer_is_waited_for() -> None:
    one = flow(opened=False)
    assert fill(one) == 1
    assert one.hear(ack(0, 3), 0.0) == Go(0)
    assert fill(one) == 6  # at most two answers of three messages each are missing


@pytest.mark.parametrize(("every", "outstanding", "reach"), [(1, 1, 1), (1, 2, 2), (10, 1, 10), (10, 3, 30)])
def test_how_far_one_may_run_ahead(every: int, outstanding: int, reach: int) -> None:
    one = flow(every=every, outstanding=outstanding)
    assert fill(one) == reach
    one.hear(ack(reach, every), 0.0)
    assert fill(one) == 2 * reach


def test_the_stream_goes_slower_and_faster() -> None:
    one = flow(every=10)
    assert fill(one) == 20
    one.hear(ack(10, 1), 0.0)
    assert not one.may_send
    one.hear(ack(20, 100), 0.0)
    assert fill(one) == 220


def test_an_answer_stands_for_all_before_it_and_a_late_one_takes_nothing_back() -> None:
    one = flow()
    fill(one)
    assert one.hear(ack(20, 10), 0.0) == Go(20)
    assert one.hear(ack(10, 10), 0.0) == Go(20)


def test_a_gap_ends_it_or_does_not() -> None:
    told = b'{"type":"gap","last_seq":2,"seq":4}'
    one = flow()
    assert one.hear(told, 0.0) == Gap(2, 3)
    assert not one.may_send
    assert not one.may_commit
    two = flow(gaps="ok")
    assert two.hear(told, 0.0) == Gap(2, 3)
    assert two.may_send
    assert two.may_commit


def test_a_refused_message_ends_it_or_does_not() -> None:
    told = b'{"type":"err","seq":3,"error":{"code":400,"err_code":10071,"description":"wrong"}}'
    refused = Refused(3, ApiError(400, 10071, "wrong"))
    one, two = flow(), flow(gaps="ok")
    assert one.hear(told, 0.0) == two.hear(told, 0.0) == refused
    assert (one.may_send, two.may_send) == (False, True)


def test_the_end_as_asked_and_before() -> None:
    one = flow()
    fill(one)
    one.send(0.0, last=True)
    assert (one.messages, one.may_send, one.may_commit) == (20, False, False)
    last = one.hear(b'{"stream":"S","seq":20,"batch":"b","count":20}', 0.0)
    assert last == Done(PubAck(stream="S", sequence=20, batch="b", count=20))
    assert (one.is_over, one.acknowledged) == (True, 20)
    two = flow()
    error = b'{"error":{"code":400,"err_code":10208,"description":"unknown"},"stream":"S","seq":0}'
    assert two.hear(error, 0.0) == Failed(ApiError(400, 10208, "unknown"))
    assert two.due(100.0, 1.0) is None


@pytest.mark.parametrize("payload", [b"", b"x", b"{}", b'{"type":"news"}', b'{"type":"err","seq":1}', b"[" * 5000])
def test_what_no_stream_says(payload: bytes) -> None:
    assert flow().hear(payload, 0.0) == Nonsense()


def test_silence_while_it_waits_is_broken_by_pings_and_then_given_up() -> None:
    one = flow()
    fill(one)
    assert one.due(PING_AFTER - 0.1, 15.0) is None
    assert one.due(PING_AFTER, 15.0) == "ping"
    assert one.due(14.9, 15.0) == "ping"
    assert one.due(15.0, 15.0) == "give up"
    one.hear(ack(20, 10), 15.0)
    assert one.due(15.0 + PING_AFTER, 15.0) is None


def test_answers_that_get_nowhere_are_given_up_as_well() -> None:
    one = flow()
    fill(one)
    for second in range(1, 15):
        assert one.hear(ack(0, 10), float(second)) == Go(0)
        assert one.due(float(second), 15.0) is None
    assert one.due(15.0, 15.0) == "give up"
    two = flow()
    fill(two)
    two.send(0.0, last=True)
    for second in range(1, 20):
        two.hear(ack(second // 2, 10), float(second))
        assert two.due(second + 0.5, 5.0) != "give up"


def test_an_end_that_the_stream_has_not_heard_of_is_said_again() -> None:
    one = flow()
    assert one.send(0.0, last=True) == 2
    assert one.due(PING_AFTER, 15.0) == "ping"
    one.hear(ack(1, 10), 1.0)
    assert one.due(1.0 + PING_AFTER, 15.0) == "end"
    one.end_again()
    assert (one.sent, one.messages) == (2, 1)
    assert one.due(1.0 + PING_AFTER, 15.0) == "ping"
    one.hear(ack(1, 10), 3.0)
    assert one.due(16.0, 15.0) == "give up"


def test_refused_messages_make_room_where_they_end_nothing() -> None:
    one = flow(every=2, outstanding=1, gaps="ok")
    assert fill(one) == 2
    for number in (1, 2):
        one.hear(b'{"type":"err","seq":%d,"error":{"code":503,"err_code":10077}}' % number, 0.0)
    assert one.acknowledged == 0
    assert fill(one) == 4
    one.hear(b'{"type":"err","seq":4000,"error":{"code":503,"err_code":10077}}', 0.0)
    assert fill(one) == 6


def test_an_idle_batch_is_kept_alive() -> None:
    one = flow()
    one.send(1.0)
    assert one.due(1.0 + KEEP_ALIVE - 0.1, 15.0) is None
    assert one.due(1.0 + KEEP_ALIVE, 15.0) == "ping"
    assert one.due(100.0, 15.0) == "ping"  # nothing is awaited, so nothing is given up
    assert KEEP_ALIVE < 10  # seconds after which a server forgets it


def test_nothing_was_sent_so_nothing_is_due() -> None:
    assert flow(opened=False).due(100.0, 1.0) is None


def test_what_a_reply_subject_says() -> None:
    assert flow(gaps="ok").reply("_INBOX.x", 100, Operation.END, 7) == "_INBOX.x.100.ok.7.3.$FI"


@given(answers=st.lists(st.tuples(st.integers(0, 500), st.integers(1, 20)), max_size=30), outstanding=st.integers(1, 3))
def test_it_never_runs_further_ahead_than_the_last_answer_allows(
    answers: list[tuple[int, int]], outstanding: int
) -> None:
    one = flow(every=20, outstanding=outstanding)
    furthest = 20 * outstanding
    for share, every in answers:
        fill(one)
        assert one.sent <= furthest
        one.hear(ack(min(share, one.sent), every), 0.0)
        furthest = max(furthest, one.acknowledged + every * outstanding)
