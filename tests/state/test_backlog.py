"""Waiting messages: their order, by key or not, and to the message and byte what is dropped beyond the limits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.wire.untraced import seconds
from txnats.message import Message
from txnats.options import SlowPolicy
from txnats.state.backlog import Arrival, Backlog, ByKey, Offer, Order
from txnats.wire.header_block import header_block


def message(text: str, size: int | None = None) -> Message:
    """Its subject tells who it is; its size is that of its payload."""
    return Message(text.encode(), 1, None, b"x" * size if size is not None else b"")


def first_letter(each: Message) -> Hashable:
    return each.subject[:1]


def text(taken: Message | None) -> str | None:
    return None if taken is None else taken.subject


def backlog(
    policy: SlowPolicy = SlowPolicy.DROP_NEW, *, messages: int = 3, size: int = 1000, order: Order | None = None
) -> Backlog:
    return Backlog(Arrival() if order is None else order, messages=messages, size=size, policy=policy)


def offer(into: Backlog, *texts: str) -> list[str]:
    return [into.offer(message(each)).name for each in texts]


def drained(from_: Backlog) -> list[str]:
    taken = []
    while (each := from_.take()) is not None:
        taken.append(each.subject)
        from_.done(each)
    return taken


# ---------------------------------------------------------------------- orders


def test_arrival_is_first_come_first_served() -> None:
    order = Arrival()
    assert (len(order), order.take()) == (0, None)
    for each in "abc":
        order.append(message(each))
    assert text(order.drop_oldest()) == "a"
    assert [text(order.take()), text(order.take()), order.take(), len(order)] == ["b", "c", None, 0]


def test_a_key_waits_until_its_last_message_is_done() -> None:
    order = ByKey(first_letter)
    for each in ("a1", "a2", "b1", "a3", "b2"):
        order.append(message(each))
    a1, b1 = order.take(), order.take()
    assert (text(a1), text(b1), order.take(), len(order)) == ("a1", "b1", None, 3)
    assert a1 is not None
    order.done(a1)
    assert (text(order.take()), order.take()) == ("a2", None)
    assert b1 is not None
    order.done(b1)
    assert (text(order.take()), order.take(), len(order)) == ("b2", None, 1)


def test_keys_take_turns() -> None:
    order = ByKey(first_letter)
    for each in ("a1", "a2", "a3", "b1", "c1", "b2"):
        order.append(message(each))
    turns = []
    while (taken := order.take()) is not None:
        turns.append(taken.subject)
        order.done(taken)
    assert turns == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_key_in_work_keeps_its_newcomers_waiting() -> None:
    order = ByKey(first_letter)
    order.append(message("a1"))
    a1 = order.take()
    order.append(message("a2"))
    order.append(message("b1"))
    assert (text(order.take()), order.take()) == ("b1", None)
    assert a1 is not None
    order.done(a1)
    assert text(order.take()) == "a2"


def test_two_messages_that_look_alike_are_two() -> None:
    order = ByKey(first_letter)
    one, two = message("a"), message("a")
    order.append(one)
    order.append(two)
    assert order.take() is one
    assert order.take() is None
    order.done(one)
    assert order.take() is two


def test_a_key_is_forgotten_with_its_last_message() -> None:
    order = ByKey(lambda each: each.subject)
    for number in range(1000):
        each = message(str(number))
        order.append(each)
        assert order.take() is each
        order.done(each)
    assert (len(order), order._waiting, order._busy, list(order._ready)) == (0, {}, {}, [])


@pytest.mark.parametrize("key", [lambda _: 1 / 0, lambda _: []])
def test_a_key_function_that_fails_changes_nothing(key: Callable[[Message], Hashable]) -> None:
    waiting = backlog(order=ByKey(key))
    with pytest.raises((ZeroDivisionError, TypeError)):
        waiting.offer(message("a", 5))
    assert (len(waiting), waiting.size, waiting.dropped, waiting.take(), waiting.clear()) == (0, 0, 0, None, 0)


def test_a_dropped_message_takes_its_keys_turn_with_it() -> None:
    order = ByKey(first_letter)
    for each in ("a1", "b1"):
        order.append(message(each))
    assert text(order.drop_oldest()) == "a1"
    assert (text(order.take()), order.take()) == ("b1", None)
    # A key whose message is in work is not made ready by a drop.
    order.append(message("b2"))
    order.append(message("b3"))
    assert text(order.drop_oldest()) == "b2"
    assert (order.take(), len(order)) == (None, 1)


def test_many_keys_are_thrown_away_in_a_moment() -> None:
    waiting = backlog(messages=65_536, order=ByKey(lambda each: each.subject))
    for number in range(40_000):
        waiting.offer(message(str(number)))
    cleared: list[int] = []
    assert seconds(lambda: cleared.append(waiting.clear()), repeats=1) < 0.4
    assert cleared == [40_000]


# ---------------------------------------------------------------------- policies


def test_what_fits_is_taken() -> None:
    waiting = backlog()
    assert offer(waiting, "a", "b", "c") == ["TAKEN"] * 3
    assert drained(waiting) == ["a", "b", "c"]
    assert (waiting.dropped, len(waiting), waiting.size) == (0, 0, 0)


def test_drop_new() -> None:
    waiting = backlog(SlowPolicy.DROP_NEW)
    assert offer(waiting, "a", "b", "c", "d", "e") == ["TAKEN"] * 3 + ["SLOW", "DROPPED"]
    assert (waiting.dropped, drained(waiting)) == (2, ["a", "b", "c"])


def test_drop_old() -> None:
    waiting = backlog(SlowPolicy.DROP_OLD)
    assert offer(waiting, "a", "b", "c", "d", "e") == ["TAKEN"] * 3 + ["SLOW", "DROPPED"]
    assert (waiting.dropped, drained(waiting)) == (2, ["c", "d", "e"])


def test_pause() -> None:
    waiting = backlog(SlowPolicy.PAUSE)
    assert offer(waiting, "a", "b", "c", "d", "e") == ["TAKEN"] * 3 + ["FULL", "FULL"]
    rooms = [waiting.has_room]
    assert (waiting.dropped, drained(waiting)) == (0, ["a", "b", "c", "d", "e"])
    rooms.append(waiting.has_room)
    assert rooms == [False, True]


def test_error() -> None:
    waiting = backlog(SlowPolicy.ERROR)
    assert offer(waiting, "a", "b", "c", "d") == ["TAKEN"] * 3 + ["FAILED"]
    assert (waiting.dropped, drained(waiting)) == (1, ["a", "b", "c"])


def test_an_episode_ends_when_half_is_free_again() -> None:
    waiting = backlog(messages=4)
    assert offer(waiting, *"abcdef") == ["TAKEN"] * 4 + ["SLOW", "DROPPED"]
    waiting.take()
    assert offer(waiting, "g", "h") == ["TAKEN", "DROPPED"]
    waiting.take()
    waiting.take()
    assert offer(waiting, "i", "j", "k") == ["TAKEN", "TAKEN", "SLOW"]
    assert waiting.dropped == 4


def test_half_of_the_bytes_has_to_be_free_too() -> None:
    waiting = backlog(messages=100, size=10)
    for each in "ab":
        waiting.offer(message(each, 5))
    assert waiting.offer(message("c", 1)) is Offer.SLOW
    rooms = [waiting.has_room]
    waiting.take()
    rooms.append(waiting.has_room)
    assert rooms == [False, True]
    waiting.offer(message("d", 5))
    assert waiting.offer(message("e", 1)) is Offer.SLOW


def test_bytes_are_those_of_headers_and_payload() -> None:
    waiting = backlog(size=20)
    block = header_block(b"NATS/1.0\r\n\r\n")
    assert waiting.offer(Message(b"a", 1, None, b"x" * 8, block)) is Offer.TAKEN
    assert waiting.size == 20
    assert waiting.offer(message("b", 0)) is Offer.TAKEN
    assert waiting.offer(message("c", 1)) is Offer.SLOW
    waiting.take()
    assert waiting.size == 0


def test_as_many_old_ones_are_dropped_as_the_new_one_needs() -> None:
    waiting = backlog(SlowPolicy.DROP_OLD, messages=10, size=10)
    for each in "abcde":
        waiting.offer(message(each, 2))
    assert waiting.offer(message("f", 5)) is Offer.SLOW
    assert (waiting.dropped, waiting.size) == (3, 9)
    assert drained(waiting) == ["d", "e", "f"]


@pytest.mark.parametrize("policy", list(SlowPolicy))
def test_one_that_can_never_fit_takes_no_other_with_it(policy: SlowPolicy) -> None:
    waiting = backlog(policy, size=10)
    for each in "ab":
        waiting.offer(message(each, 2))
    waiting.offer(message("c", 11))
    if policy is SlowPolicy.PAUSE:
        assert (waiting.dropped, drained(waiting)) == (0, ["a", "b", "c"])
    else:
        assert (waiting.dropped, drained(waiting)) == (1, ["a", "b"])


def test_clear_gives_how_many_and_drops_count_no_further() -> None:
    for order in (Arrival(), ByKey(first_letter)):
        waiting = backlog(order=order)
        offer(waiting, "a", "b", "a2", "d")
        assert (waiting.clear(), waiting.clear()) == (3, 0)
        assert (len(waiting), waiting.size, waiting.dropped, waiting.take()) == (0, 0, 1, None)
        assert offer(waiting, "e") == ["TAKEN"]


SIZES = st.lists(st.integers(0, 12) | st.none(), max_size=60)


@settings(max_examples=150, deadline=None)
@given(sizes=SIZES, policy=st.sampled_from([SlowPolicy.DROP_NEW, SlowPolicy.DROP_OLD]), keyed=st.booleans())
def test_each_message_is_dropped_or_given_out(sizes: list[int | None], policy: SlowPolicy, keyed: bool) -> None:
    waiting = backlog(policy, messages=5, size=20, order=ByKey(first_letter) if keyed else None)
    offered = given_out = slow = 0
    for number, size in enumerate(sizes):
        if size is None:
            taken = waiting.take()
            if taken is not None:
                given_out += 1
                waiting.done(taken)
        else:
            offered += 1
            slow += waiting.offer(message(f"{number % 3}", size)) is Offer.SLOW
        assert len(waiting) <= 5
        assert 0 <= waiting.size <= 20
        assert offered == given_out + waiting.dropped + len(waiting)
    assert slow <= waiting.dropped
    assert len(drained(waiting)) == offered - given_out - waiting.dropped
    assert waiting.size == 0


# ---------------------------------------------------------------------- by key, against a table


class KeysInTurn(RuleBasedStateMachine):
    """ByKey against one queue a key."""

    def __init__(self) -> None:
        super().__init__()
        self.order = ByKey(first_letter)
        self.lanes: dict[str, deque[str]] = {}
        self.work: dict[str, Message] = {}
        self.count = 0

    @rule(key=st.sampled_from("abc"))
    def arrive(self, key: str) -> None:
        self.count += 1
        self.order.append(message(f"{key}{self.count}"))
        self.lanes.setdefault(key, deque()).append(f"{key}{self.count}")

    @rule()
    def take(self) -> None:
        taken = self.order.take()
        may = {key for key, lane in self.lanes.items() if lane and key not in self.work}
        if taken is None:
            assert not may
        else:
            key = taken.subject[:1]
            assert key in may
            assert taken.subject == self.lanes[key].popleft()
            self.work[key] = taken

    @precondition(lambda self: self.work)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.work)))
        self.order.done(self.work.pop(key))

    @precondition(lambda self: any(self.lanes.values()))
    @rule()
    def drop(self) -> None:
        dropped = self.order.drop_oldest().subject
        assert dropped == self.lanes[dropped[:1]].popleft()

    @invariant()
    def as_many_wait_as_came(self) -> None:
        assert len(self.order) == sum(map(len, self.lanes.values()))


TestKeysInTurn = KeysInTurn.TestCase
TestKeysInTurn.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
