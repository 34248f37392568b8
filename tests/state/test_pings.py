"""PINGs and their PONGs, oldest first, and what silence means."""

from __future__ import annotations

from collections.abc import Callable

from txnats.errors import ClientClosed, NatsError
from txnats.state.pings import Liveness, Pings, Verdict, Waiter


def waiter(name: str, told: list[str]) -> Waiter:
    def tell(error: NatsError | None) -> None:
        told.append(name if error is None else f"{name} {type(error).__name__}")

    return tell


def answer(pings: Pings) -> int:
    """A PONG came: its waiters are told, its mark is given."""
    answered = pings.pong()
    assert answered is not None
    for each in answered[1]:
        each(None)
    return answered[0]


def test_a_pong_answers_the_oldest() -> None:
    pings, told = Pings(), list[str]()
    pings.sent(3, 4, waiter("flush", told))
    pings.sent(5, 7)
    pings.sent(5, 8, waiter("rtt", told))
    assert len(pings) == 3
    assert [answer(pings), told] == [3, ["flush"]]
    assert [answer(pings), told] == [5, ["flush"]]
    assert [answer(pings), told] == [5, ["flush", "rtt"]]
    assert len(pings) == 0


def test_a_pong_that_nobody_asked_for_means_nothing() -> None:
    assert Pings().pong() is None


def test_a_ping_is_shared_while_nothing_was_queued_behind_it() -> None:
    pings, told = Pings(), list[str]()
    assert not pings.join(0, waiter("too early", told))
    pings.sent(2, 3, waiter("a", told))
    assert pings.join(3, waiter("b", told))
    assert pings.join(3, waiter("c", told))
    assert not pings.join(4, waiter("behind", told))
    assert len(pings) == 1
    answer(pings)
    assert told == ["a", "b", "c"]
    assert not pings.join(3, waiter("too late", told))


def test_those_in_flight_and_those_who_wait_are_counted() -> None:
    pings, told = Pings(), list[str]()
    waiters = [waiter(f"{number}", told) for number in range(5)]
    pings.sent(0, 1, waiters[0])
    for each in waiters[1:4]:
        assert pings.join(1, each)
    assert (len(pings), pings.most) == (1, 4)
    for each in waiters[:3]:
        pings.forget(each)
        pings.forget(each)
    pings.sent(0, 2, waiters[4])
    pings.forget(waiters[4])
    pings.sent(0, 3)
    assert (len(pings), pings.most) == (3, 3)  # a PING that nobody waits for any more will be answered
    answer(pings)
    assert (told, pings.most) == (["3"], 2)
    assert (pings.lost(), pings.most) == ([], 0)


def test_the_youngest_is_the_one_that_is_shared() -> None:
    pings, told = Pings(), list[str]()
    pings.sent(0, 1, waiter("a", told))
    pings.sent(1, 3)
    assert not pings.join(1, waiter("x", told))
    assert pings.join(3, waiter("b", told))
    answer(pings)
    assert told == ["a"]
    answer(pings)
    assert told == ["a", "b"]


def test_the_end_of_the_connection_is_told_to_all_and_once() -> None:
    pings, told = Pings(), list[str]()
    pings.sent(0, 1, waiter("a", told))
    pings.join(1, waiter("b", told))
    pings.sent(0, 2, waiter("c", told))
    for each in pings.lost():
        each(ClientClosed())
    assert told == ["a ClientClosed", "b ClientClosed", "c ClientClosed"]
    assert (pings.lost(), pings.pong(), len(pings)) == ([], None, 0)


def test_who_waits_no_longer_is_forgotten_and_the_ping_stays() -> None:
    pings, told = Pings(), list[str]()
    leaves, stays = waiter("leaves", told), waiter("stays", told)
    pings.sent(2, 3, leaves)
    pings.join(3, stays)
    pings.sent(4, 5)
    pings.forget(leaves)
    pings.forget(waiter("a stranger", told))
    assert [answer(pings), answer(pings), told] == [2, 4, ["stays"]]


def judge(liveness: Liveness, heard: str) -> list[Verdict]:
    """``+`` a byte within the interval, ``-`` none, ``=`` one that had come just before it."""
    return [liveness.judge(heard=each in "+=", silent=each in "-=") for each in heard]


def test_silence_is_asked_about_and_then_means_the_end() -> None:
    assert judge(Liveness(2), "---") == [Verdict.ASK, Verdict.ASK, Verdict.STALE]
    assert judge(Liveness(1), "--") == [Verdict.ASK, Verdict.STALE]


def test_an_idle_server_that_answers_each_ping_stays() -> None:
    assert judge(Liveness(1), "-=====") == [Verdict.ASK] * 6
    assert judge(Liveness(1), "-=--") == [Verdict.ASK, Verdict.ASK, Verdict.STALE, Verdict.STALE]


def test_any_byte_starts_the_count_anew() -> None:
    make: Callable[[], Liveness] = lambda: Liveness(2)  # noqa: E731
    assert judge(make(), "+-+--+") == [
        Verdict.ALIVE,
        Verdict.ASK,
        Verdict.ALIVE,
        Verdict.ASK,
        Verdict.ASK,
        Verdict.ALIVE,
    ]
    assert judge(make(), "--+---")[-1] is Verdict.STALE
