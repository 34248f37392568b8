"""P7: no message reaches a subscription that it was not sent to."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import txnats
from tests.client.harness import Net
from tests.promises.promise import Promise, sized
from txnats import Message

SIDS = st.integers(0, 1000)


class Counts:
    """Over all runs."""

    steps = 0
    delivered = 0
    misdelivered = 0
    reused = 0


class Machine(RuleBasedStateMachine):
    """A client that subscribes, unsubscribes and reconnects, and a server that sends to any sid, also to old ones."""

    subscriptions: Bundle[int] = Bundle("subscriptions")

    def __init__(self) -> None:
        super().__init__()
        self.net = Net()
        self.client = self.net.client(reconnect=txnats.ReconnectOptions(first_wait=0, max_wait=0))
        self.open: dict[int, txnats.Subscription] = {}
        self.all: dict[int, str] = {}
        self.expected: dict[int, int] = {}
        self.got: dict[int, int] = {}

    @rule(target=subscriptions, subject=st.sampled_from(["a", "b", "c"]), limit=st.none() | st.integers(1, 3))
    def subscribe(self, subject: str, limit: int | None) -> int:
        sid = 0

        def handle(message: Message) -> None:
            Counts.delivered += 1
            Counts.misdelivered += int(message.payload) != sid or sid not in self.open
            self.got[sid] = self.got.get(sid, 0) + 1
            if self.got[sid] == limit:
                del self.open[sid]

        subscription = self.client.subscribe(subject, handle, max_messages=limit)
        self.net.settle()
        sid = max(int(line.split()[-1]) for line in self.net.pipe.log.split(b"\r\n") if line.startswith(b"SUB "))
        Counts.reused += sid in self.all
        self.all[sid] = subject
        self.open[sid] = subscription
        return sid

    @rule(sid=subscriptions)
    def unsubscribe(self, sid: int) -> None:
        """Messages are under way to it at this moment."""
        self.send(sid - 1)
        self.send(sid - 1)
        subscription = self.open.pop(sid, None)
        if subscription is not None:
            subscription.unsubscribe()
        self.net.settle()

    @rule(sids=st.lists(SIDS, max_size=10))
    def message(self, sids: list[int]) -> None:
        for sid in sids:
            self.send(sid)
        self.net.settle()

    def send(self, number: int) -> None:
        """To one that was, or is, or will be used."""
        sid = 1 + number % (len(self.all) + 2)
        self.net.pipe.send(b"MSG %b %d %d\r\n%d\r\n" % (self.all.get(sid, "a").encode(), sid, len(str(sid)), sid))

    @rule(sids=st.lists(SIDS, max_size=3), half=st.booleans())
    def reconnect(self, sids: list[int], half: bool) -> None:
        """The old connection still has messages for us, the last of them cut in half."""
        old = self.net.pipe
        for sid in sids:
            self.send(sid)
        if half:
            old.send(b"MSG a 1 10\r\n123")
            self.net.settle()
        old.cut()
        self.net.wait(2, 1)
        assert self.net.pipe is not old
        assert self.client.status is txnats.Status.CONNECTED

    @invariant()
    def count(self) -> None:
        Counts.steps += 1
        assert Counts.misdelivered == Counts.reused == 0

    def teardown(self) -> None:
        self.net.end(self.client)


class Delivery(Promise):
    @sized
    async def test_p7_nothing_misdelivered(self, runs: int, steps: int) -> None:
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=runs,
                stateful_step_count=steps,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                database=None,
            ),
        )
        self.tell(
            steps=Counts.steps, delivered=Counts.delivered, misdelivered=Counts.misdelivered, sids_reused=Counts.reused
        )
