"""Bytes that wait to leave: their order, the byte at which there is no more room, and the fate of each publish."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from txnats.errors import ClientClosed, OutboxFull
from txnats.state.outbox import LARGE, SEAL_AT, Batch, Outbox


def outbox(
    *, limit: int = 10**9, down: int = 10**9, replay: int = 0, up: bool = True, wake: Callable[[], None] = lambda: None
) -> Outbox:
    made = Outbox(limit=limit, limit_down=down, replay_limit=replay, wake=wake)
    if up:
        made.up()
    return made


def publish(into: Outbox, name: bytes = b"a", payload: bytes = b"") -> bytes:
    """One publish; gives the bytes that it is to become."""
    line = b"%d\r\n" % len(payload)
    into.add(b"PUB " + name + b" ", line, payload)
    return b"PUB " + name + b" " + line + payload + b"\r\n"


def joined(batch: Batch) -> bytes:
    data = batch.data if isinstance(batch.data, bytes) else b"".join(batch.data)
    assert len(data) == batch.size
    return data


def written(from_: Outbox) -> bytes:
    """All that waits, taken and written."""
    parts = []
    while (batch := from_.take()) is not None:
        parts.append(joined(batch))
    return b"".join(parts)


def pings(count: int = 1) -> bytes:
    return b"PING\r\n" * count


# ---------------------------------------------------------------------- order


def test_all_leaves_in_the_order_in_which_it_came() -> None:
    box = outbox()
    expected = publish(box, b"a", b"1")
    expected += publish(box, b"b", b"2")
    box.add_command(b"SUB x 1\r\n")
    box.add_command(b"SUB y 2\r\n")
    expected += b"SUB x 1\r\nSUB y 2\r\n" + publish(box, b"c", b"3")
    box.add_command(pings())
    assert box.size == len(expected) + 6
    assert (len(box), box.mark, box.position, box.written) == (3, 3, 6, 0)
    assert written(box) == expected + pings()
    assert (len(box), box.size, box.mark, box.written, box.unconfirmed) == (0, 0, 3, 3, 3)


def test_what_is_taken_tells_its_size_and_its_publishes() -> None:
    box = outbox()
    data = publish(box) + publish(box)
    box.add_command(pings())
    first, second = box.take(), box.take()
    assert first is not None
    assert (joined(first), first.size, first.publishes) == (data, len(data), 2)
    assert second is not None
    assert (joined(second), second.size, second.publishes) == (pings(), 6, 0)
    assert (box.take(), box.take()) == (None, None)


@pytest.mark.parametrize("size", [0, 1, LARGE - 20, LARGE + 20, SEAL_AT, 3 * SEAL_AT])
def test_a_payload_of_any_size_leaves_whole(size: int) -> None:
    box = outbox()
    expected = publish(box, b"a", b"small") + publish(box, b"b", bytes(size)) + publish(box, b"c", b"small")
    assert written(box) == expected
    assert (box.size, len(box)) == (0, 0)


def test_batches_do_not_grow_without_end() -> None:
    box = outbox()
    expected = b"".join(publish(box, b"a", bytes(1000)) for _ in range(1000))
    sizes = []
    taken = b""
    while (batch := box.take()) is not None:
        sizes.append(batch.size)
        taken += joined(batch)
    assert taken == expected
    assert max(sizes) < SEAL_AT + 1100


def test_a_block_of_its_own_is_a_part_of_what_is_sent_and_counted() -> None:
    box = outbox()
    payload = bytes(LARGE)
    box.add_with_block(b"HPUB a ", b"6 %d\r\n" % (LARGE + 6), b"block;", payload)
    assert (box.mark, box.payload_bytes) == (1, LARGE + 6)
    batch = box.take()
    assert batch is not None
    assert joined(batch) == b"HPUB a 6 %d\r\nblock;" % (LARGE + 6) + payload + b"\r\n"
    assert any(piece is payload for piece in batch.data), "it was copied"
    assert box.payload_bytes == LARGE + 6


def test_payload_bytes_are_counted_as_they_are_accepted() -> None:
    box = outbox()
    publish(box, b"a", b"12345")
    assert box.payload_bytes == 5
    written(box)
    publish(box, b"a", b"123")
    box.add_command(pings())
    publish(box, b"a", b"1")
    assert box.payload_bytes == 9
    box.lost()
    assert box.payload_bytes == 9


# ---------------------------------------------------------------------- the writer is woken


def test_the_writer_is_woken_once_until_it_has_taken_all() -> None:
    woken: list[int] = []
    box = outbox(wake=lambda: woken.append(box.size))
    publish(box)
    publish(box)
    box.add_command(pings())
    assert len(woken) == 1
    box.take()
    publish(box)
    assert len(woken) == 1
    written(box)
    box.add_command(pings())
    assert len(woken) == 2


def test_the_writer_is_woken_once_however_much_has_gathered() -> None:
    """It comes when the turn is over: to wake it more often would change nothing."""
    woken: list[int] = []
    box = outbox(wake=lambda: woken.append(box.size))
    for _ in range(300):
        publish(box, b"a", bytes(1000))
    assert box.size > 4 * SEAL_AT
    assert len(woken) == 1
    written(box)
    publish(box)
    assert len(woken) == 2


def test_a_writer_that_takes_all_at_once_is_woken_for_each() -> None:
    taken: list[bytes] = []
    box = outbox(wake=lambda: taken.append(written(box)))
    sent = [publish(box, name) for name in (b"a", b"b", b"c")]
    assert taken == sent
    box.add_command(pings())
    assert taken == [*sent, pings()]


# ---------------------------------------------------------------------- the last byte

ONE = len(b"PUB a 0\r\n\r\n")


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("over", [0, 1])
def test_the_limit_is_exact(up: bool, over: int) -> None:
    box = outbox(limit=3 * ONE if up else 10**9, down=10**9 if up else 3 * ONE, up=up)
    expected = publish(box) + publish(box)
    if not over:
        assert written_after(box, lambda: publish(box)) == expected + b"PUB a 0\r\n\r\n"
        return
    with pytest.raises(OutboxFull) as caught:
        publish(box, b"ab")
    assert (caught.value.waiting, caught.value.limit) == (2 * ONE, 3 * ONE)
    # Nothing of it was taken, and a smaller one still fits.
    assert (len(box), box.size, box.mark) == (2, 2 * ONE, 2)
    assert written_after(box, lambda: publish(box)) == expected + b"PUB a 0\r\n\r\n"


def written_after(box: Outbox, act: Callable[[], object]) -> bytes:
    act()
    return written(box)


def test_commands_take_room_and_are_never_refused() -> None:
    box = outbox(limit=2 * ONE)
    publish(box)
    box.add_command(pings(2))
    assert box.size == ONE + 12
    with pytest.raises(OutboxFull):
        publish(box)
    box.add_command(pings(100))
    assert written(box) == b"PUB a 0\r\n\r\n" + pings(102)
    publish(box)


def test_each_limit_holds_in_its_time() -> None:
    box = outbox(limit=4 * ONE, down=ONE, up=False)
    publish(box)
    with pytest.raises(OutboxFull, match="no room to keep publishes while disconnected"):
        publish(box)
    box.up()
    for _ in range(3):
        publish(box)
    with pytest.raises(OutboxFull, match="the server takes bytes more slowly"):
        publish(box)
    box.lost()
    assert len(box) == 4
    with pytest.raises(OutboxFull, match="disconnected"):
        publish(box)


def test_no_buffer_means_that_nothing_is_kept() -> None:
    box = outbox(down=0, up=False)
    with pytest.raises(OutboxFull):
        publish(box)
    assert (len(box), box.size) == (0, 0)


# ---------------------------------------------------------------------- the connection is lost


def test_what_was_not_written_stays_whole_and_in_order_and_commands_go() -> None:
    box = outbox()
    publish(box, b"w", b"written")
    assert box.take() is not None
    box.add_command(b"SUB x 1\r\n")
    expected = publish(box, b"a", b"1")
    box.add_command(pings())
    expected += publish(box, b"b", bytes(SEAL_AT)) + publish(box, b"c", b"3")
    box.add_command(pings())
    assert box.lost() == 1
    assert (len(box), box.size, box.unconfirmed) == (3, len(expected), 0)
    box.up()
    assert written(box) == expected


def test_what_no_pong_has_confirmed_is_told() -> None:
    box = outbox()
    for _ in range(5):
        publish(box)
    written(box)
    publish(box)
    box.confirm(3)
    assert box.unconfirmed == 2
    assert box.lost() == 2
    assert (box.unconfirmed, len(box), box.mark) == (0, 1, 6)
    assert box.lost() == 0


def test_a_confirmation_counts_no_further_than_what_was_written_and_never_back() -> None:
    box = outbox()
    for _ in range(3):
        publish(box)
    box.confirm(3)
    assert box.unconfirmed == 0
    written(box)
    assert box.unconfirmed == 3
    box.confirm(2)
    box.confirm(1)
    assert box.unconfirmed == 1
    box.confirm(99)
    assert box.unconfirmed == 0


# ---------------------------------------------------------------------- commands


def test_commands_have_a_limit_of_their_own() -> None:
    box = outbox(limit=2 * ONE)
    publish(box)
    publish(box)
    while box.size <= 4 * ONE:
        box.check_commands()
        box.add_command(pings())
    with pytest.raises(OutboxFull) as caught:
        box.check_commands()
    assert (caught.value.waiting, caught.value.limit) == (box.size - 2 * ONE, 2 * ONE)
    written(box)
    box.check_commands()
    for _ in range(9):
        box.add_command(pings())
    box.lost()
    box.check_commands()


# ---------------------------------------------------------------------- sent again


def test_what_no_pong_has_confirmed_goes_first_on_the_next_connection() -> None:
    box = outbox(replay=10**9)
    publish(box, b"a")
    written(box)
    second = publish(box, b"b") + publish(box, b"c", bytes(2 * LARGE))
    box.add_command(pings())
    written(box)
    third = publish(box, b"d")
    box.confirm(1)
    assert box.lost() == 2
    assert (len(box), box.size, box.unconfirmed) == (3, len(second + third), 0)
    box.up()
    assert written(box) == second + third
    assert box.unconfirmed == 3
    box.confirm(box.mark)
    assert (box.unconfirmed, box.lost(), len(box)) == (0, 0, 0)


def test_what_is_kept_to_be_sent_again_takes_room_until_it_is_confirmed() -> None:
    box = outbox(limit=3 * ONE, replay=10**9)
    publish(box)
    publish(box)
    written(box)
    publish(box)
    assert (box.size, box.held) == (ONE, 3 * ONE)
    with pytest.raises(OutboxFull) as caught:
        publish(box)
    assert caught.value.waiting == 3 * ONE
    box.confirm(2)
    publish(box)
    publish(box)
    with pytest.raises(OutboxFull):
        publish(box)


def test_no_more_is_kept_than_may_be() -> None:
    box = outbox(limit=100 * ONE, replay=3 * ONE)
    for _ in range(3):
        publish(box)
        written(box)
    with pytest.raises(OutboxFull):
        publish(box)
    box.confirm(1)
    publish(box)


def test_after_two_losses_in_a_row_each_is_sent_once_more() -> None:
    box = outbox(replay=10**9)
    expected = publish(box, b"a") + publish(box, b"b")
    written(box)
    assert box.lost() == 2
    assert box.lost() == 0
    box.up()
    assert box.take() is not None
    assert box.lost() == 2
    box.up()
    assert written(box) == expected


# ---------------------------------------------------------------------- left for another connection


def move(box: Outbox) -> None:
    """As the writer does: what waits goes to the connection that is left."""
    written(box)
    box.split()


def test_what_the_old_connection_had_is_vouched_for_by_its_own_pong_or_nobody() -> None:
    box = outbox()
    publish(box)
    publish(box)
    move(box)
    publish(box)
    written(box)
    box.confirm_left(1)
    box.confirm(box.mark)
    assert (box.unconfirmed, box.is_split) == (1, True)
    assert box.lost_left() == 1
    assert (box.unconfirmed, len(box), box.is_split, box.forsaken) == (0, 0, False, 1)
    assert box.lost_left() == 0


def test_what_the_new_connection_confirms_counts_before_the_old_one_has() -> None:
    box = outbox()
    publish(box)
    move(box)
    publish(box)
    publish(box)
    written(box)
    assert box.unconfirmed == 3
    box.confirm(2)
    assert box.unconfirmed == 2
    box.confirm_left(1)
    assert (box.unconfirmed, box.is_split) == (1, False)
    box.confirm_left(1)
    box.confirm(3)
    assert (box.unconfirmed, box.forsaken) == (0, 0)


def test_a_move_with_nothing_in_doubt_waits_for_nobody() -> None:
    box = outbox()
    publish(box)
    written(box)
    box.confirm(1)
    box.split()
    assert (box.is_split, box.lost_left()) == (False, 0)
    publish(box)
    written(box)
    box.confirm_left(2)
    assert box.unconfirmed == 1  # that one has nothing to say about it
    box.confirm(2)
    assert box.unconfirmed == 0


@pytest.mark.parametrize("replay", [0, 10**9])
def test_the_loss_of_the_new_connection_is_the_end_of_waiting_for_the_old_one(replay: int) -> None:
    box = outbox(replay=replay)
    old = publish(box, b"old")
    move(box)
    publish(box, b"read")
    written(box)
    box.confirm(2)
    new = publish(box, b"new")
    written(box)
    assert box.lost() == 2
    assert (box.is_split, box.lost_left(), box.forsaken) == (False, 0, 0 if replay else 2)
    box.up()
    assert written(box) == (old + new if replay else b"")
    assert box.unconfirmed == (2 if replay else 0)


def test_what_the_old_connection_had_is_sent_again_behind_what_waits() -> None:
    woken: list[int] = []
    box = outbox(replay=10**9, wake=lambda: woken.append(1))
    old = publish(box, b"old", b"1")
    move(box)
    publish(box, b"new")
    written(box)
    waiting = publish(box, b"waiting")
    assert box.lost_left() == 1
    assert (len(box), box.again, box.unconfirmed, box.forsaken) == (2, 1, 1, 0)
    assert written(box) == waiting + old
    assert (len(woken), box.payload_bytes) == (3, 1)
    box.confirm(box.mark)
    assert (box.unconfirmed, box.lost()) == (0, 0)


def test_the_loss_of_the_old_connection_wakes_a_writer_that_sleeps() -> None:
    woken: list[int] = []
    box = outbox(replay=10**9, wake=lambda: woken.append(1))
    old = publish(box)
    move(box)
    box.lost_left()
    assert len(woken) == 2
    assert written(box) == old
    box.lost_left()
    assert len(woken) == 2


# ---------------------------------------------------------------------- closed


def test_closing_throws_all_away_and_says_how_much() -> None:
    box = outbox()
    publish(box)
    written(box)
    publish(box)
    box.add_command(pings())
    publish(box)
    reason = ClientClosed()
    assert box.close(reason) == 2
    assert (len(box), box.size, box.take()) == (0, 0, None)
    assert (box.unconfirmed, box.forsaken) == (1, 1)
    with pytest.raises(ClientClosed):
        publish(box)
    box.add_command(pings())
    assert (box.take(), box.mark, box.size) == (None, 3, 0)
    assert (box.close(reason), box.unconfirmed, box.forsaken) == (0, 1, 1)


def test_what_is_unconfirmed_at_the_end_stays_so_on_both_sides_of_a_move() -> None:
    box = outbox()
    publish(box)
    move(box)
    publish(box)
    publish(box)
    written(box)
    box.confirm(2)
    publish(box)
    assert box.close(ClientClosed()) == 1
    assert (box.unconfirmed, box.forsaken, len(box), box.is_split) == (2, 2, 0, False)


def test_publishing_to_one_that_is_closed_leaves_nothing_behind_each_time() -> None:
    box = outbox()
    box.close(ClientClosed())
    depths = []
    for _ in range(3):
        try:
            publish(box)
        except ClientClosed as error:
            depth, frame = 0, error.__traceback__
            while frame is not None:
                depth, frame = depth + 1, frame.tb_next
            depths.append(depth)
    assert depths[0] == depths[-1]


# ---------------------------------------------------------------------- any order of events


class Fates(RuleBasedStateMachine):
    """An outbox against a list of publishes, each with a number of its own."""

    replay = 0

    def __init__(self) -> None:
        super().__init__()
        self.awake = False
        self.box = Outbox(limit=1000, limit_down=600, replay_limit=self.replay, wake=self.wake)
        self.count = 0
        self.is_up = False
        self.queue: list[tuple[bytes, int]] = []  # what waits: bytes, and the publish's number or 0
        self.sent: list[tuple[bytes, int]] = []  # publishes on the connection, not confirmed
        self.left: list[tuple[bytes, int]] = []  # publishes on the connection that was left, not confirmed
        self.held: list[tuple[bytes, int]] = []  # publishes confirmed while that one has not confirmed all
        self.forsaken = 0

    def wake(self) -> None:
        self.awake = True

    def waiting(self) -> int:
        return sum(len(data) for data, _ in self.queue)

    def kept(self) -> int:
        return sum(len(data) for data, _ in self.left + self.held + self.sent) if self.replay else 0

    @rule(size=st.sampled_from([0, 1, 50, 300]))
    def add(self, size: int) -> None:
        payload = b"%d " % (self.count + 1) + bytes(size)
        frame = len(b"PUB a %d\r\n\r\n" % len(payload)) + len(payload)
        limit = 1000 if self.is_up else 600
        if self.waiting() + self.kept() + frame > limit:
            with pytest.raises(OutboxFull) as caught:
                publish(self.box, b"a", payload)
            assert (caught.value.waiting, caught.value.limit) == (self.waiting() + self.kept(), limit)
        else:
            self.count += 1
            self.queue.append((publish(self.box, b"a", payload), self.count))

    @precondition(lambda self: self.is_up)
    @rule()
    def command(self) -> None:
        self.box.add_command(pings())
        self.queue.append((pings(), 0))

    @precondition(lambda self: self.is_up)
    @rule()
    def take(self) -> None:
        batch = self.box.take()
        if batch is None:
            assert self.queue == []
            self.awake = False
            return
        data, numbers = b"", []
        while len(data) < batch.size:
            each, number = self.queue.pop(0)
            data += each
            if number:
                numbers.append(number)
                self.sent.append((each, number))
        assert joined(batch) == data
        assert batch.publishes == len(numbers)

    @precondition(lambda self: self.is_up and self.sent)
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        # A PONG speaks of whole batches only: its PING stood behind them.
        confirmed = data.draw(st.integers(0, len(self.sent)))
        mark = self.box.written - len(self.sent) + confirmed
        if self.replay:
            marks = [batch_mark for batch_mark, _ in self.box._kept]
            mark = max((each for each in marks if each <= mark), default=self.box.written - len(self.sent))
        confirmed = len(self.sent) - (self.box.written - mark)
        if self.left:
            self.held += self.sent[:confirmed]
        del self.sent[:confirmed]
        self.box.confirm(mark)

    @precondition(lambda self: self.is_up and not self.left)
    @rule()
    def move(self) -> None:
        while self.queue:
            self.take()
        self.box.split()
        self.left, self.sent = self.sent, []

    @precondition(lambda self: self.left)
    @rule(data=st.data())
    def confirm_left(self, data: st.DataObject) -> None:
        base = self.box._left - len(self.left)
        mark = base + data.draw(st.integers(0, len(self.left)))
        if self.replay:
            mark = max((each for each, _ in self.box._kept if each <= mark), default=base)
        del self.left[: mark - base]
        if not self.left:
            self.held = []
        self.box.confirm_left(mark)

    @precondition(lambda self: self.left)
    @rule()
    def lose_left(self) -> None:
        assert self.box.lost_left() == len(self.left)
        if self.replay:
            self.queue += self.left
        else:
            self.forsaken += len(self.left)
        self.left, self.held = [], []

    @precondition(lambda self: not self.is_up)
    @rule()
    def connect(self) -> None:
        # Whoever brings the connection comes for what waits.
        self.is_up = self.awake = True
        self.box.up()

    @rule()
    def lose(self) -> None:
        self.is_up = self.awake = False
        assert self.box.lost() == len(self.left) + len(self.sent)
        again = self.left + self.sent if self.replay else []
        self.forsaken += 0 if self.replay else len(self.left) + len(self.sent)
        self.queue = again + [each for each in self.queue if each[1]]
        self.left, self.held, self.sent = [], [], []

    @invariant()
    def the_counts_are_right(self) -> None:
        assert self.box.size == self.waiting()
        assert len(self.box) == sum(1 for _, number in self.queue if number)
        assert self.box.unconfirmed == len(self.left) + len(self.sent)
        assert self.box.mark == self.count + self.box.again
        assert self.box.forsaken == self.forsaken
        assert self.box.is_split == bool(self.left)

    @invariant()
    def whatever_waits_has_woken_the_writer(self) -> None:
        assert self.awake or not self.is_up or not self.queue


class FatesWithReplay(Fates):
    replay = 10**6


FATES: Any = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestFates = Fates.TestCase
TestFates.settings = FATES
TestFatesWithReplay = FatesWithReplay.TestCase
TestFatesWithReplay.settings = FATES
