"""The table of subscriptions: who gets a message, how many, and what a new server is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from tests.wire.reference import read_client
from txnats.errors import NatsError, PermissionDenied
from txnats.message import Message
from txnats.state.subscriptions import Entry, Subscriptions
from txnats.wire.ops import PING, Op


class Owner:
    """Writes down what it is told."""

    def __init__(self, then: Callable[[], object] = lambda: None) -> None:
        self.told: list[str] = []
        self.then = then

    def accept(self, message: Message) -> None:
        self.told.append(message.payload.decode())
        self.then()

    def accept_run(self, ops: list[Op], at: int, entry: Entry) -> int:
        """Each run in one word."""
        run = [cast(Message, ops[at])]
        while entry.runner is not None and at + len(run) < len(ops):
            following = ops[at + len(run)]
            if not isinstance(following, Message) or following.sid != entry.sid:
                break
            entry.delivered += 1
            run.append(following)
        self.told.append("".join(each.payload.decode() for each in run))
        self.then()
        return at + len(run)

    def exhausted(self) -> None:
        self.told.append("exhausted")

    def denied(self, error: PermissionDenied) -> None:
        self.told.append("denied")

    def client_closed(self, reason: NatsError | None) -> None:
        self.told.append("closed")


def message(sid: int, payload: str = "m") -> Message:
    return Message(b"a", sid, None, payload.encode())


def deliver(table: Subscriptions, sid: int, payloads: str) -> None:
    ops: list[Op] = [message(sid, payload) for payload in payloads]
    assert table.deliver(ops, 0) == len(ops)


def test_a_message_goes_to_who_has_its_sid() -> None:
    table, one, two = Subscriptions(), Owner(), Owner()
    first, second = table.add(b"a", None, one), table.add(b"a", b"q", two)
    assert (first.sid, second.sid, len(table)) == (1, 2, 2)
    deliver(table, 2, "xy")
    deliver(table, 1, "z")
    assert (one.told, two.told) == (["z"], ["x", "y"])
    assert (first.delivered, second.delivered) == (1, 2)


@pytest.mark.parametrize("sid", [0, 2, 99, 2**63])
def test_one_for_nobody_is_dropped(sid: int) -> None:
    table, owner = Subscriptions(), Owner()
    table.add(b"a", None, owner)
    assert table.deliver([message(sid), message(sid)], 0) == 2
    assert owner.told == []


def test_an_entry_can_have_another_receiver_than_its_owner() -> None:
    table, owner, receiver = Subscriptions(), Owner(), Owner()
    table.add(b"a", None, owner, maximum=2).receiver = receiver
    deliver(table, 1, "xyz")
    assert (receiver.told, owner.told) == (["x", "y"], ["exhausted"])


def test_a_sid_is_never_used_twice() -> None:
    table, owner = Subscriptions(), Owner()
    entry = table.add(b"a", None, owner)
    assert table.remove(entry)
    assert not table.remove(entry)
    assert table.add(b"a", None, owner).sid == 2
    table.clear()
    assert table.add(b"a", None, owner).sid == 3
    deliver(table, 1, "x")
    assert owner.told == []


# ---------------------------------------------------------------------- an end after so many


def test_the_last_one_is_accepted_and_then_it_is_over() -> None:
    table, owner = Subscriptions(), Owner()
    table.add(b"a", None, owner, maximum=2)
    deliver(table, 1, "xyz")
    assert owner.told == ["x", "y", "exhausted"]
    assert len(table) == 0


def test_a_limit_that_comes_later_counts_all_so_far() -> None:
    table, owner = Subscriptions(), Owner()
    entry = table.add(b"a", None, owner)
    deliver(table, 1, "xy")
    assert table.limit(entry, 3)
    deliver(table, 1, "zw")
    assert owner.told == ["x", "y", "z", "exhausted"]


@pytest.mark.parametrize("maximum", [1, 2])
def test_a_limit_that_was_reached_already_ends_it_at_once(maximum: int) -> None:
    table, owner = Subscriptions(), Owner()
    entry = table.add(b"a", None, owner)
    deliver(table, 1, "xy")
    assert not table.limit(entry, maximum)
    deliver(table, 1, "z")
    assert (owner.told, len(table)) == (["x", "y"], 0)


def test_deliveries_end_at_the_first_op_that_is_no_message() -> None:
    table, owner = Subscriptions(), Owner()
    table.add(b"a", None, owner)
    ops: list[Op] = [message(1, "x"), message(7), PING, message(1, "y")]
    assert table.deliver(ops, 0) == 2
    assert table.deliver(ops, 3) == 4
    assert table.deliver(ops, 4) == 4
    assert owner.told == ["x", "y"]


def test_one_who_takes_runs_gets_what_follows_for_the_same_sid() -> None:
    table, one, two = Subscriptions(), Owner(), Owner()
    first, second = table.add(b"a", None, one), table.add(b"a", None, two)
    first.runner = one
    ops: list[Op] = [*(message(1, each) for each in "ab"), message(2, "c"), *(message(1, each) for each in "def"), PING]
    assert table.deliver(ops, 0) == 6
    assert (one.told, two.told) == (["ab", "def"], ["c"])
    assert (first.delivered, second.delivered) == (5, 1)


@pytest.mark.parametrize("end", ["remove", "limit", "clear"])
def test_an_entry_that_may_end_gets_no_runs(end: str) -> None:
    table, owner = Subscriptions(), Owner()
    entry = table.add(b"a", None, owner)
    entry.runner = owner
    {"remove": lambda: table.remove(entry), "limit": lambda: table.limit(entry, 2), "clear": table.clear}[end]()
    assert [entry.runner] == [None]
    deliver(table, 1, "xyz")
    assert owner.told == (["x", "y", "exhausted"] if end == "limit" else [])


def test_the_newest_limit_counts() -> None:
    table, owner = Subscriptions(), Owner()
    entry = table.add(b"a", None, owner, maximum=1)
    assert table.limit(entry, 2)
    deliver(table, 1, "xyz")
    assert owner.told == ["x", "y", "exhausted"]


def test_whoever_is_told_of_the_last_one_can_no_longer_be_reached() -> None:
    table = Subscriptions()
    owner = Owner(lambda: deliver(table, 1, "again"))
    table.add(b"a", None, owner, maximum=1)
    deliver(table, 1, "x")
    assert owner.told == ["x", "exhausted"]


def test_the_table_may_change_while_it_is_walked() -> None:
    table = Subscriptions()
    for _ in range(3):
        table.add(b"a", None, Owner())
    for entry in table:
        table.remove(entry)
        table.add(b"b", None, Owner())
    assert [entry.sid for entry in table] == [4, 5, 6]


# ---------------------------------------------------------------------- replay


def test_a_new_server_is_told_all_with_what_is_left() -> None:
    table = Subscriptions()
    table.add(b"a.*", None, Owner())
    table.add(b"b", b"workers", Owner(), maximum=5)
    gone = table.add(b"c", None, Owner())
    draining = table.add(b"d", None, Owner())
    deliver(table, 2, "xy")
    table.remove(gone)
    draining.draining = True
    assert table.replay() == [b"SUB a.* 1\r\n", b"SUB b workers 2\r\n", b"UNSUB 2 3\r\n"]
    # Counts go on over all servers.
    deliver(table, 2, "z")
    assert table.replay()[-1] == b"UNSUB 2 2\r\n"


def test_telling_a_server_changes_no_count_until_it_is_the_one_in_use() -> None:
    table = Subscriptions()
    early, idle = table.add(b"a", None, Owner()), table.add(b"b", None, Owner())
    deliver(table, 1, "xy")
    table.replay()
    counts = table.counts()
    deliver(table, 1, "z")
    late = table.add(b"c", None, Owner())
    deliver(table, 3, "z")
    assert [entry.earlier for entry in (early, idle, late)] == [0, 0, 0]
    table.adopt(counts)
    assert [entry.earlier for entry in (early, idle, late)] == [2, 0, 0]
    table.adopt(table.counts())
    assert [entry.earlier for entry in (early, idle, late)] == [3, 0, 1]


class WhatIsOwed(RuleBasedStateMachine):
    """The table against a count and a maximum for each entry that lives."""

    entries: Bundle[Entry] = Bundle("entries")

    def __init__(self) -> None:
        super().__init__()
        self.table = Subscriptions()
        self.living: dict[Entry, list[int]] = {}

    @rule(target=entries, maximum=st.integers(0, 4))
    def add(self, maximum: int) -> Entry:
        entry = self.table.add(b"a", None, Owner(), maximum)
        self.living[entry] = [0, maximum]
        return entry

    @rule(entry=entries)
    def deliver(self, entry: Entry) -> None:
        self.table.deliver([message(entry.sid)], 0)
        if entry in self.living:
            self.living[entry][0] += 1
            self.end_if_done(entry)

    @rule(entry=entries, maximum=st.integers(1, 6))
    def limit(self, entry: Entry, maximum: int) -> None:
        if entry in self.living:
            self.living[entry][1] = maximum
            self.end_if_done(entry)
            assert self.table.limit(entry, maximum) == (entry in self.living)

    @rule(entry=entries)
    def remove(self, entry: Entry) -> None:
        assert self.table.remove(entry) == (self.living.pop(entry, None) is not None)

    @rule(entry=entries)
    def drain(self, entry: Entry) -> None:
        entry.draining = True

    def end_if_done(self, entry: Entry) -> None:
        count, maximum = self.living[entry]
        if maximum and count >= maximum:
            del self.living[entry]

    @invariant()
    def what_is_replayed_is_what_is_owed(self) -> None:
        expected: list[tuple[object, ...]] = []
        for entry, (count, maximum) in self.living.items():
            if not entry.draining:
                expected.append((b"SUB", b"a", None, entry.sid))
                if maximum:
                    expected.append((b"UNSUB", entry.sid, maximum - count))
        assert read_client(b"".join(self.table.replay())) == expected
        assert set(self.table) == set(self.living)


TestWhatIsOwed = WhatIsOwed.TestCase
TestWhatIsOwed.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)


# ---------------------------------------------------------------------- refusals


def test_a_refusal_is_matched_by_subject_and_queue_or_by_sid_alone() -> None:
    table = Subscriptions()
    plain, again = table.add(b"a", None, Owner()), table.add(b"a", None, Owner())
    queued, other = table.add(b"a", b"q", Owner()), table.add(b"b", None, Owner())
    assert table.find(b"a", None) == [plain, again]
    assert table.find(b"a", b"q") == [queued]
    assert table.find(b"a", b"r") == table.find(b"c", None) == []
    assert table.find(b"anything", None, other.sid) == [other]
    assert table.find(b"a", None, 99) == []


def test_clear_gives_what_there_was() -> None:
    table = Subscriptions()
    entries = [table.add(b"a", None, Owner()) for _ in range(3)]
    assert table.clear() == entries
    assert (len(table), table.replay(), table.clear()) == (0, [], [])
