"""Handlers: no more at a time than may be, in order, and whatever one does the others go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextvars import ContextVar
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import Deferred, fail, inlineCallbacks, succeed

from txnats.errors import NatsError, PermissionDenied
from txnats.handlers import Handlers
from txnats.message import Message
from txnats.options import SlowPolicy
from txnats.state.backlog import Arrival, Backlog, ByKey, Offer
from txnats.state.subscriptions import Subscriptions


def message(text: str, size: int = 0) -> Message:
    return Message(text.encode(), 1, None, b"x" * size)


class Nobody:
    """The entry's owner, who has nothing to do here."""

    def accept(self, message: Message) -> None: ...
    def exhausted(self) -> None: ...
    def denied(self, error: PermissionDenied) -> None: ...
    def client_closed(self, reason: NatsError | None) -> None: ...


class Work:
    """A handler whose ends are in our hand, and the owner of what runs it."""

    def __init__(self, handler: Callable[[Message], object] | None = None, **options: Any) -> None:
        self.begun: list[str] = []
        self.open: dict[str, Deferred[Any]] = {}
        self.failures: list[BaseException] = []
        self.offers: list[Offer] = []
        self.settlements = 0
        concurrency, key = options.pop("concurrency", 1), options.pop("key", None)
        limits = {"messages": 1000, "size": 10**6, "policy": SlowPolicy.DROP_NEW, **options}
        self.backlog = Backlog(Arrival() if key is None else ByKey(key), **limits)
        self.handlers = Handlers(
            handler or self.handle, self.backlog, concurrency=concurrency, keyed=key is not None, owner=self
        )
        self.table = Subscriptions()
        self.entry = self.table.add(b"s", None, Nobody())
        self.entry.receiver = self.handlers
        if self.handlers.takes_runs:
            self.entry.runner = self.handlers

    def handle(self, message: Message) -> Deferred[Any]:
        self.begun.append(message.subject)
        self.open[message.subject] = Deferred()
        return self.open[message.subject]

    def give(self, *texts: str) -> None:
        """In one chunk, as they come from a table of subscriptions."""
        self.table.deliver([message(text) for text in texts], 0)

    def end(self, *texts: str) -> None:
        for text in texts:
            self.open.pop(text).callback(None)

    @property
    def counts(self) -> tuple[int, int, int]:
        """In work, waiting, handled."""
        return self.handlers.running, len(self.backlog), self.handlers.handled

    # The owner

    def handler_failed(self, error: BaseException) -> None:
        self.failures.append(error)

    def fell_behind(self, offer: Offer) -> None:
        self.offers.append(offer)

    def settled(self) -> None:
        self.settlements += 1


def first_letter(each: Message) -> str:
    return each.subject[:1]


# ---------------------------------------------------------------------- one at a time


def test_a_plain_handler_is_called_at_once_and_in_order() -> None:
    seen: list[str] = []
    work = Work(lambda each: seen.append(each.subject))
    work.give("a", "b", "c")
    assert (seen, work.counts) == (["a", "b", "c"], (0, 0, 3))


def test_the_next_waits_until_the_last_has_ended() -> None:
    work = Work()
    work.give("a", "b", "c")
    assert (work.begun, work.counts) == (["a"], (1, 2, 0))
    work.end("a")
    assert (work.begun, work.counts) == (["a", "b"], (1, 1, 1))
    work.give("d")
    work.end("b", "c", "d")
    assert (work.begun, work.counts) == (["a", "b", "c", "d"], (0, 0, 4))


@pytest.mark.parametrize("kind", ["plain", "deferred", "coroutine", "inline", "awaitable"])
def test_whatever_a_handler_is_it_ends_at_once_if_it_does_not_wait(kind: str) -> None:
    class Soon:
        def __await__(self) -> Generator[Any, Any, str]:
            yield from ()
            return "x"

    async def coroutine(each: Message) -> int:
        return await succeed(1)

    @inlineCallbacks
    def inline(each: Message) -> Generator[Deferred[int], Any, int]:
        number: int = yield succeed(1)
        return number

    handlers: dict[str, Callable[[Message], object]] = {
        "plain": lambda each: "any result",
        "deferred": lambda each: succeed("result"),
        "coroutine": coroutine,
        "inline": inline,
        "awaitable": lambda each: Soon(),
    }
    work = Work(handlers[kind])
    work.give("a", "b", "c")
    assert (work.counts, work.failures) == ((0, 0, 3), [])


def test_a_coroutine_that_waits_is_in_work_until_its_end() -> None:
    waits: list[Deferred[None]] = []
    seen: list[str] = []

    async def handler(each: Message) -> None:
        waits.append(Deferred())
        await waits[-1]
        seen.append(each.subject)

    work = Work(handler)
    work.give("a", "b")
    assert (seen, work.counts) == ([], (1, 1, 0))
    waits[0].callback(None)
    assert (seen, work.counts) == (["a"], (1, 0, 1))
    waits[1].callback(None)
    assert (seen, work.counts) == (["a", "b"], (0, 0, 2))


def test_many_that_wait_and_end_at_once_need_no_deep_stack() -> None:
    work = Work(messages=10_000)
    work.give("first", *map(str, range(5_000)))
    work.handlers._handler = lambda each: None
    work.end("first")
    assert work.counts == (0, 0, 5_001)


def test_messages_that_a_handler_makes_arrive_wait_for_its_end() -> None:
    seen: list[str] = []

    def handler(each: Message) -> None:
        seen.append(f"<{each.subject}")
        if len(each.subject) < 3:
            work.give(each.subject + "1", each.subject + "2")
        seen.append(f"{each.subject}>")

    work = Work(handler)
    work.give("a")
    assert seen[:6] == ["<a", "a>", "<a1", "a1>", "<a2", "a2>"]
    assert all(begin[1:] == end[:-1] for begin, end in zip(seen[::2], seen[1::2], strict=True))
    assert work.counts == (0, 0, 7)


# ---------------------------------------------------------------------- several at a time


def test_as_many_as_may_be_are_in_work() -> None:
    work = Work(concurrency=3)
    work.give(*"abcde")
    assert (work.begun, work.counts) == (["a", "b", "c"], (3, 2, 0))
    work.end("b")
    assert (work.begun, work.counts) == (["a", "b", "c", "d"], (3, 1, 1))
    work.end("a", "c", "d", "e")
    assert work.counts == (0, 0, 5)


def test_a_key_is_handled_in_order_and_others_beside_it() -> None:
    work = Work(concurrency=2, key=first_letter)
    work.give("a1", "a2", "b1", "c1")
    assert (work.begun, work.counts) == (["a1", "b1"], (2, 2, 0))
    work.end("b1")
    assert work.begun[2:] == ["c1"]
    work.end("c1")
    assert work.counts == (1, 1, 2)
    work.end("a1")
    assert work.begun[3:] == ["a2"]
    work.end("a2")
    assert work.counts == (0, 0, 4)


@pytest.mark.parametrize("key", [lambda each: 1 / 0, lambda each: []])
def test_a_key_function_that_fails_is_told_and_costs_that_message_alone(key: Callable[[Message], Any]) -> None:
    bad = {"bad"}
    work = Work(key=lambda each: key(each) if each.subject in bad else first_letter(each))
    work.give("a1", "bad", "a2")
    assert (len(work.failures), work.begun, work.counts) == (1, ["a1"], (1, 1, 1))
    work.end("a1", "a2")
    assert work.counts == (0, 0, 3)


# ---------------------------------------------------------------------- handlers that fail


def raising(error: BaseException) -> list[Callable[[Message], object]]:
    def plain(each: Message) -> None:
        raise error

    async def coroutine(each: Message) -> None:
        raise error

    async def later(each: Message) -> None:
        waiting: Deferred[None] = Deferred()
        WAITS.append(waiting)
        await waiting
        raise error

    return [plain, coroutine, later, lambda each: fail(error)]


WAITS: list[Deferred[None]] = []


@pytest.mark.parametrize("error", [ValueError("no"), asyncio.CancelledError("no"), GeneratorExit("no")])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_one_that_fails_is_told_and_the_others_go_on(error: BaseException, concurrency: int) -> None:
    for handler in raising(error):
        WAITS.clear()
        work = Work(handler, concurrency=concurrency)
        work.give("a", "b")
        for _ in range(2):
            for each in list(WAITS):
                if not each.called:
                    each.callback(None)
        assert [type(each) for each in work.failures] == [type(error)] * 2
        assert work.counts == (0, 0, 2)


def test_one_that_awaits_what_is_no_deferred_fails() -> None:
    async def handler(each: Message) -> None:
        await asyncio.sleep(0)

    work = Work(handler)
    work.give("a")
    assert [type(error) for error in work.failures] == [TypeError]
    assert work.counts == (0, 0, 1)


# ---------------------------------------------------------------------- limits


def test_what_does_not_fit_is_told() -> None:
    work = Work(messages=2)
    work.give(*"abcde")
    assert work.offers == [Offer.SLOW, Offer.DROPPED]
    work.end("a", "b", "c")
    assert (work.begun, work.backlog.dropped, work.counts) == (["a", "b", "c"], 2, (0, 0, 3))


def test_the_limits_are_for_what_waits_and_nothing_else() -> None:
    seen: list[int] = []
    work = Work(lambda each: seen.append(len(each.payload)), size=10)
    for _ in range(3):
        work.handlers.accept(message("a", 100))
    assert (seen, work.offers) == ([100, 100, 100], [])


# ---------------------------------------------------------------------- all is settled


@pytest.mark.parametrize("key", [None, first_letter])
def test_a_pause_keeps_what_comes_and_goes_on_in_order(key: Callable[[Message], Any] | None) -> None:
    begun: list[str] = []
    work = Work(lambda each: begun.append(each.subject), key=key)
    work.give("a1")
    work.handlers.pause()
    work.give("a2", "a3")
    assert (begun, work.counts) == (["a1"], (0, 2, 1))
    work.handlers.resume()
    work.give("a4")
    assert (begun, work.counts) == (["a1", "a2", "a3", "a4"], (0, 0, 4))


def test_a_handler_that_pauses_is_the_last_one() -> None:
    begun: list[str] = []

    def handle(each: Message) -> None:
        begun.append(each.subject)
        work.handlers.pause()

    work = Work(handle)
    work.give("a", "b", "c")
    work.handlers.resume()
    assert begun == ["a", "b"]


def test_it_is_told_while_somebody_watches_and_not_before() -> None:
    work = Work()
    work.give("a")
    work.end("a")
    assert work.settlements == 0
    work.give("b", "c")
    work.handlers.watch()
    work.end("b")
    assert (work.settlements, work.handlers.running) == (1, 1)  # one waits no more: room may be enough for reading on
    work.end("c")
    assert (work.settlements, work.handlers.running) == (2, 0)


def drains(work: Work) -> None:
    """What a drain does when it is called by code that may belong to a handler."""
    work.handlers.watch()
    work.handlers.excuse_caller()


@pytest.mark.parametrize("concurrency", [1, 2])
@pytest.mark.parametrize("early", [0, 1, 2])
def test_a_handler_that_drains_does_not_wait_for_itself(concurrency: int, early: int) -> None:
    waits: list[Deferred[None]] = []

    async def handler(each: Message) -> None:
        if each.subject == "drain":
            waits.append(Deferred())
            await waits[0]
            drains(work)
            waits.append(Deferred())
            await waits[1]

    work = Work(handler, concurrency=concurrency)
    work.give(*"x" * early, "drain")
    assert work.settlements == 0
    waits[0].callback(None)
    assert (work.handlers.running, work.settlements) == (0, 1)
    waits[1].callback(None)
    assert work.counts == (0, 0, early + 1)


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_plain_handler_that_drains_does_not_wait_for_itself(concurrency: int) -> None:
    seen: list[tuple[int, int]] = []

    def handler(each: Message) -> None:
        if each.subject == "drain":
            drains(work)
            seen.append((work.handlers.running, work.settlements))

    work = Work(handler, concurrency=concurrency)
    work.give("x", "drain")
    assert seen == [(0, 1)]
    assert work.counts == (0, 0, 2)


def test_what_waits_behind_a_handler_that_drains_is_handled() -> None:
    waits: list[Deferred[None]] = []
    seen: list[str] = []

    async def handler(each: Message) -> None:
        seen.append(each.subject)
        if each.subject == "drain":
            waits.append(Deferred())
            await waits[0]
            drains(work)
            waits.append(Deferred())
            await waits[1]

    work = Work(handler, key=first_letter)
    work.give("drain", "d2", "d3")
    waits[0].callback(None)
    assert (seen, work.settlements > 0) == (["drain", "d2", "d3"], True)
    waits[1].callback(None)
    assert work.counts == (0, 0, 3)


@pytest.mark.parametrize("concurrency", [1, 2])
def test_what_a_handler_started_and_left_behind_excuses_nobody(concurrency: int) -> None:
    going, busy = Deferred[None](), Deferred[None]()

    async def background() -> None:
        await going
        drains(work)

    async def handler(each: Message) -> None:
        if each.subject == "start":
            Deferred.fromCoroutine(background())
        else:
            await busy

    work = Work(handler, concurrency=concurrency)
    work.give("start", "busy")
    going.callback(None)
    assert (work.handlers.running, work.settlements) == (1, 0)
    busy.callback(None)
    assert (work.counts, work.settlements) == ((0, 0, 2), 1)


@pytest.mark.parametrize("early", [0, 1])
def test_a_handler_that_awaits_what_drains_does_not_wait_for_itself(early: int) -> None:
    waits: list[Deferred[None]] = []

    async def inner() -> None:
        waits.append(Deferred())
        await waits[0]
        drains(work)
        waits.append(Deferred())
        await waits[1]

    async def handler(each: Message) -> None:
        if each.subject == "drain":
            await Deferred.fromCoroutine(inner())

    work = Work(handler)
    work.give(*"x" * early, "drain")
    waits[0].callback(None)
    assert (work.handlers.running, work.settlements) == (0, 1)
    waits[1].callback(None)
    assert work.counts == (0, 0, early + 1)


@pytest.mark.parametrize("early", [0, 1])
def test_a_handler_that_is_a_coroutine_at_times_does_not_wait_for_itself(early: int) -> None:
    waits: list[Deferred[None]] = []

    seen: list[tuple[int, int]] = []

    async def draining() -> None:
        waits.append(Deferred())
        await waits[0]
        drains(work)
        seen.append((work.handlers.running, work.settlements))

    work = Work(lambda each: draining() if each.subject == "drain" else None)
    work.give(*"x" * early, "drain")
    waits[0].callback(None)
    assert seen == [(0, 1)]
    assert work.counts == (0, 0, early + 1)


def test_a_drain_from_elsewhere_waits_for_all() -> None:
    work, other = Work(), Work(lambda each: drains(work))
    work.give("a")
    other.give("x")
    assert (work.handlers.running, work.settlements) == (1, 0)
    work.end("a")
    assert work.settlements == 1


# ---------------------------------------------------------------------- contexts

COLOUR: ContextVar[str] = ContextVar("colour", default="none")


def test_a_handler_runs_in_the_context_of_who_subscribed() -> None:
    seen: list[str] = []
    token = COLOUR.set("red")
    work = Work(lambda each: seen.append(COLOUR.get()))
    COLOUR.reset(token)
    work.give("a")
    assert (seen, COLOUR.get()) == (["red"], "none")


def test_coroutines_at_work_side_by_side_keep_their_own_variables() -> None:
    waits: dict[str, Deferred[None]] = {}
    seen: list[str] = []

    async def handler(each: Message) -> None:
        COLOUR.set(each.subject)
        waits[each.subject] = Deferred()
        await waits[each.subject]
        seen.append(COLOUR.get())

    work = Work(handler, concurrency=3)
    work.give("red", "green", "blue")
    for colour in ("blue", "red", "green"):
        waits[colour].callback(None)
    assert (seen, COLOUR.get()) == (["blue", "red", "green"], "none")


# ---------------------------------------------------------------------- any order of events


class Bounded(RuleBasedStateMachine):
    """Handlers against counts: at most so many at a time, every one once, each key in order."""

    concurrency = 3
    keyed = False

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        options: dict[str, Any] = {"concurrency": self.concurrency}
        if self.keyed:
            options["key"] = first_letter
        self.work = Work(self.handle, **options)
        self.count = self.ended = 0
        self.begun: list[str] = []

    def handle(self, each: Message) -> Deferred[Any] | None:
        self.begun.append(each.subject)
        if each.subject.endswith("!"):
            self.ended += 1
            return None
        if each.subject.endswith("?"):
            self.ended += 1
            raise ValueError(each.subject)
        self.work.open[each.subject] = Deferred()
        return self.work.open[each.subject]

    @rule(key=st.sampled_from("abc"), kind=st.sampled_from(["", "", "!", "?"]))
    def give(self, key: str, kind: str) -> None:
        self.count += 1
        self.work.give(f"{key}{self.count:03}{kind}")

    @precondition(lambda self: self.work.open)
    @rule(data=st.data(), well=st.booleans())
    def end(self, data: st.DataObject, well: bool) -> None:
        ending = self.work.open.pop(data.draw(st.sampled_from(sorted(self.work.open))))
        self.ended += 1
        if well:
            ending.callback(None)
        else:
            ending.errback(ValueError("later"))

    @invariant()
    def the_bound_holds_and_no_place_is_empty_while_one_may_start(self) -> None:
        running, waiting, handled = self.work.counts
        assert running == len(self.work.open) <= self.concurrency
        assert (running + waiting + handled, handled) == (self.count, self.ended)
        if not self.keyed:
            assert waiting == 0 or running == self.concurrency
            assert self.begun == sorted(self.begun, key=lambda each: each[1:])
        else:
            keys = [each[:1] for each in self.work.open]
            assert len(keys) == len(set(keys))
            assert waiting == 0 or running > 0
            for key in "abc":
                lane = [each for each in self.begun if each[:1] == key]
                assert lane == sorted(lane)


class BoundedByOne(Bounded):
    concurrency = 1


class BoundedByKey(Bounded):
    keyed = True


BOUNDED: Any = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestBounded = Bounded.TestCase
TestBounded.settings = BOUNDED
TestBoundedByOne = BoundedByOne.TestCase
TestBoundedByOne.settings = BOUNDED
TestBoundedByKey = BoundedByKey.TestCase
TestBoundedByKey.settings = BOUNDED
