"""The pool: whom to try next and after how long, who leaves it, and what the cluster may change in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.untraced import seconds
from txnats.auth.authenticators import Token
from txnats.errors import (
    AuthenticationRefused,
    CertificateRefused,
    ConnectionLost,
    CredentialsExpired,
    DialFailed,
    InvalidOption,
    NatsError,
    NoServersLeft,
    TlsUnavailable,
)
from txnats.options import ReconnectOptions
from txnats.state.addresses import parse_servers
from txnats.state.servers import Server, Servers


def pool(names: str = "a,b,c", *, limit: int = 1000, **options: Any) -> Servers:
    """Servers that stay in their order, with waits without jitter."""
    servers = [Server(address.name, address) for address in parse_servers(names)]
    given = ReconnectOptions(**{"shuffle": False, "jitter": 0.0, **options})
    return Servers(servers, given, limit, jitter=lambda: 1.0)


def short(name: str) -> str:
    return name.removeprefix("nats://").removesuffix(":4222")


def take(servers: Servers) -> Server:
    choice = servers.next()
    assert choice is not None
    return choice[0]


def fail(servers: Servers, error: NatsError | None = None) -> tuple[str, float]:
    """Try the next one in vain: who it was, and the wait before."""
    choice = servers.next()
    assert choice is not None
    server, wait = choice
    servers.failed(server, error or DialFailed(server.name, "refused"))
    return short(server.name), wait


def names(servers: Servers) -> list[str]:
    return [short(name) for name in servers.names]


# ---------------------------------------------------------------------- whom, and when


def test_the_first_pass_is_without_a_wait_and_each_further_one_waits_longer() -> None:
    servers = pool("a,b", first_wait=0.1, max_wait=0.3)
    tries = [fail(servers) for _ in range(8)]
    assert tries == [("a", 0), ("b", 0), ("a", 0.1), ("b", 0), ("a", 0.2), ("b", 0), ("a", 0.3), ("b", 0)]
    assert servers.passes == 3


def test_a_pass_is_over_when_each_has_been_tried() -> None:
    servers = pool("a,b")
    assert not servers.pass_is_over()
    fail(servers)
    assert not servers.pass_is_over()
    fail(servers)
    assert servers.pass_is_over()
    fail(servers)
    assert not servers.pass_is_over()


def test_who_took_us_in_starts_anew() -> None:
    servers = pool("a,b", first_wait=1.0)
    for _ in range(5):
        fail(servers)
    server = take(servers)
    assert (short(server.name), server.failures, servers.passes) == ("b", 2, 2)
    servers.settled(server)
    assert (server.failures, servers.passes, servers.pass_is_over()) == (0, 0, False)


def test_a_lost_server_stands_last() -> None:
    servers = pool("a,b,c")
    first = take(servers)
    servers.settled(first)
    reason = ConnectionLost(first.name, "gone")
    servers.lost(first, reason)
    assert names(servers) == ["b", "c", "a"]
    assert servers.last_error is reason
    assert first.failures == 0
    # The whole pass after a loss is without a wait, the lost one included.
    assert [fail(servers) for _ in range(4)] == [("b", 0), ("c", 0), ("a", 0), ("b", 0.1)]


def test_a_single_server_is_tried_again_at_once_and_then_waited_for() -> None:
    servers = pool("a")
    servers.settled(take(servers))
    servers.lost(take(servers), ConnectionLost("a", "gone"))
    servers.settled(take(servers))
    assert [fail(servers)[1] for _ in range(4)] == [0, 0.1, 0.2, 0.4]


def test_an_empty_pool_has_nobody() -> None:
    assert Servers([], ReconnectOptions(), 10).next() is None


def test_shuffled_once_at_the_start() -> None:
    calls: list[int] = []

    def shuffle(servers: list[Server]) -> None:
        calls.append(len(servers))
        servers.reverse()

    made = [Server(name, None) for name in "abc"]
    servers = Servers(made, ReconnectOptions(), 10, shuffle=shuffle)
    assert (servers.names, calls) == (["c", "b", "a"], [3])
    assert [each.name for each in made] == ["a", "b", "c"]
    assert Servers(made, ReconnectOptions(shuffle=False), 10, shuffle=shuffle).names == ["a", "b", "c"]


def test_another_one_than_this() -> None:
    servers = pool("a,b,c")
    current = take(servers)
    others = [servers.other(current) for _ in range(4)]
    assert [short(each.name) for each in others if each] == ["b", "c", "b", "c"]
    alone = pool("a")
    assert alone.other(take(alone)) is None


def test_jitter_and_rules_of_the_callers() -> None:
    servers = pool("a", jitter=0.5, first_wait=1.0)
    assert [fail(servers)[1] for _ in range(3)] == [0, 1.5, 3.0]
    servers = pool("a", delay=lambda passes: passes * 7.0)
    assert [fail(servers)[1] for _ in range(3)] == [0, 7.0, 14.0]


def test_the_caller_may_choose() -> None:
    asked: list[tuple[list[str], int]] = []

    def choose(server_names: Sequence[str], passes: int) -> tuple[str, float]:
        asked.append(([short(name) for name in server_names], passes))
        return server_names[-1], 0.0 if len(asked) == 1 else 2.5

    servers = pool("a,b", choose=choose)
    assert [fail(servers) for _ in range(3)] == [("b", 0.0), ("b", 2.5), ("b", 2.5)]
    assert asked == [(["a", "b"], 0)] * 3


@pytest.mark.parametrize(
    ("choose", "text"),
    [
        (lambda _, __: ("nats://x:1", 0), "ReconnectOptions.choose gave 'nats://x:1'"),
        (lambda names, _: (names[0], -1.0), "a wait of -1.0 seconds"),
        (lambda names, _: (names[0], float("nan")), "a wait of nan seconds"),
        (lambda names, _: names[0], "ReconnectOptions.choose raised: ValueError"),
        (lambda names, _: 1 / 0, "ReconnectOptions.choose raised: ZeroDivisionError"),
    ],
)
def test_a_choice_that_cannot_be_is_an_error(choose: Any, text: str) -> None:
    with pytest.raises(InvalidOption, match=text):
        pool("a", choose=choose).next()


def test_a_rule_for_the_wait_that_raises_is_an_error() -> None:
    servers = pool("a", delay=lambda passes: 1 / (passes - 1))
    fail(servers)
    with pytest.raises(InvalidOption, match="delay raised: ZeroDivisionError"):
        servers.next()


# ---------------------------------------------------------------------- who leaves


def test_too_many_failures_in_a_row_and_it_leaves() -> None:
    servers = pool("a,b", max_attempts=3)
    for _ in range(4):
        fail(servers)
    assert len(servers) == 2
    fail(servers)
    assert names(servers) == ["b"]
    fail(servers)
    assert servers.next() is None


def test_only_failures_in_a_row_count() -> None:
    servers = pool("a", max_attempts=2)
    for _ in range(5):
        fail(servers)
        servers.settled(take(servers))
    assert len(servers) == 1


def test_without_a_cap_it_never_leaves() -> None:
    servers = pool("a", max_attempts=-1)
    for _ in range(500):
        fail(servers)
    assert len(servers) == 1


@pytest.mark.parametrize(
    "no", [AuthenticationRefused("a", "no"), CredentialsExpired("a", "old"), TlsUnavailable("a", "no")]
)
def test_two_refusals_of_one_kind_and_it_leaves(no: NatsError) -> None:
    servers = pool("a,b")
    assert fail(servers, no)[0] == "a"
    assert fail(servers)[0] == "b"
    assert fail(servers, no)[0] == "a"
    assert names(servers) == ["b"]


@pytest.mark.parametrize("between", [DialFailed("a", "refused"), CredentialsExpired("a", "old")])
def test_something_else_between_two_refusals_starts_anew(between: NatsError) -> None:
    servers = pool("a")
    for error in (AuthenticationRefused("a", "no"), between, AuthenticationRefused("a", "no")):
        fail(servers, error)
    assert len(servers) == 1


def test_a_success_between_two_refusals_starts_anew() -> None:
    servers = pool("a")
    no = AuthenticationRefused("a", "no")
    fail(servers, no)
    servers.settled(take(servers))
    fail(servers, no)
    assert len(servers) == 1


def test_one_that_left_is_not_brought_back_by_a_loss() -> None:
    servers = pool("a,b", max_attempts=1)
    server = take(servers)
    servers.failed(server, DialFailed("a", "refused"))
    servers.lost(server, ConnectionLost("a", "gone"))
    servers.failed(server, DialFailed("a", "refused"))
    assert names(servers) == ["b"]


# ---------------------------------------------------------------------- the verdict


def test_each_servers_last_cause_in_the_order_of_the_attempts() -> None:
    servers = pool("a,b")
    fail(servers, DialFailed("nats://a:4222", "timeout"))
    fail(servers, DialFailed("nats://b:4222", "refused"))
    fail(servers, DialFailed("nats://a:4222", "no route"))
    verdict = servers.verdict()
    assert isinstance(verdict, NoServersLeft)
    assert [(name, error.why) for name, error in verdict.causes] == [
        ("nats://a:4222", "no route"),
        ("nats://b:4222", "refused"),
    ]


def test_what_all_say_alike_is_said_once_and_itself() -> None:
    servers = pool("a,b")
    errors = [TlsUnavailable("a", "no"), TlsUnavailable("b", "no")]
    for error in errors:
        fail(servers, error)
    assert servers.verdict() is errors[1]
    servers = pool("a,b")
    fail(servers, errors[0])
    fail(servers)
    assert isinstance(servers.verdict(), NoServersLeft)


def test_a_refused_login_is_not_wrapped() -> None:
    servers = pool("a")
    error = AuthenticationRefused("a", "no")
    fail(servers, error)
    fail(servers, error)
    assert servers.next() is None
    assert servers.verdict() is error


def test_causes_of_an_earlier_outage_are_forgotten() -> None:
    servers = pool("a,b")
    fail(servers)
    servers.settled(take(servers))
    assert servers.verdict().causes == ()  # type: ignore[attr-defined]


# ---------------------------------------------------------------------- what the cluster announces


def connected(names: str = "a,b", **options: Any) -> tuple[Servers, Server]:
    servers = pool(names, **options)
    current = take(servers)
    servers.settled(current)
    return servers, current


def test_new_ones_are_added_and_absent_ones_leave() -> None:
    servers, current = connected("a")
    assert servers.reconcile(["a:4222", "d:4222", "e:1"], current) == (["nats://d:4222", "nats://e:1"], [])
    assert names(servers) == ["a", "d", "e:1"]
    assert servers.reconcile(["e:1", "f:1"], current) == (["nats://f:1"], ["nats://d:4222"])
    assert names(servers) == ["a", "e:1", "f:1"]
    assert servers.reconcile(["e:1", "f:1"], current) == ([], [])


@pytest.mark.parametrize("nothing", [None, []])
def test_nothing_announced_is_no_news(nothing: list[str] | None) -> None:
    servers, current = connected("a")
    servers.reconcile(["d:1"], current)
    assert servers.reconcile(nothing, current) == ([], [])
    assert names(servers) == ["a", "d:1"]


def test_configured_ones_and_the_one_in_use_always_stay() -> None:
    servers, first = connected("a,b")
    servers.reconcile(["d:1", "e:1"], first)
    servers.lost(first, ConnectionLost("a", "gone"))
    take(servers)
    current = take(servers)
    assert short(current.name) == "d:1"
    servers.settled(current)
    assert servers.reconcile(["x:1"], current) == (["nats://x:1"], ["nats://e:1"])
    assert sorted(names(servers)) == ["a", "b", "d:1", "x:1"]
    # Once it is no longer in use it may go.
    servers.lost(current, ConnectionLost("d", "gone"))
    assert servers.reconcile(["x:1"], first) == ([], ["nats://d:1"])


def test_a_discovered_one_gets_the_login_and_the_name_to_check() -> None:
    servers, current = connected("tls://tok@a.example:4222")
    servers.reconcile(["10.0.0.2:4222", "[::1]:4223"], current)
    _, two, three = servers._pool
    assert (two.name, three.name) == ("tls://10.0.0.2:4222", "tls://[::1]:4223")
    for each in (two, three):
        assert each.address is not None
        assert isinstance(each.address.auth, Token)
        assert (each.address.tls_name, each.address.scheme) == ("a.example", "tls")
    # It hands them on to the next.
    servers.settled(two)
    servers.reconcile(["10.0.0.2:4222", "10.0.0.9:1"], two)
    nine = servers._pool[-1]
    assert nine.address is not None
    assert (nine.name, nine.address.tls_name) == ("tls://10.0.0.9:1", "a.example")


@pytest.mark.parametrize(
    ("dialled", "announced", "checked"),
    [
        ("a.example", "b.example:4222", None),
        ("10.0.0.1", "10.0.0.2:4222", None),
        ("10.0.0.1", "b.example:4222", None),
        ("a.example", "10.0.0.2:4222", "a.example"),
        ("a.example", "[fe80::1%eth0]:4222", "a.example"),
    ],
)
def test_an_address_is_checked_by_the_name_that_was_dialled(dialled: str, announced: str, checked: str | None) -> None:
    servers, current = connected(f"tls://{dialled}:4222")
    servers.reconcile([announced], current)
    address = servers._pool[-1].address
    assert address is not None
    assert address.tls_name == checked


def test_where_one_is_to_have_tls_all_that_are_announced_have_it() -> None:
    servers, current = connected("nats://a,tls://b")
    servers.reconcile(["c:1"], current)
    assert servers.names[-1] == "tls://c:1"


def test_a_certificate_that_is_refused_may_be_renewed() -> None:
    servers, current = connected("tls://a")
    for _ in range(5):
        servers.failed(current, CertificateRefused("a", "it has expired"))
    assert len(servers) == 1
    assert isinstance(servers.verdict(), CertificateRefused)


@pytest.mark.parametrize("text", ["nats://evil:4222", "ws://evil:80", "joe:pw@evil:4222", "nats://joe:pw@evil:4222"])
def test_an_announcement_says_where_and_never_how(text: str) -> None:
    """A plain scheme from the cluster would send the login of a TLS connection in clear."""
    servers, current = connected("tls://tok@a:4222")
    servers.reconcile([text], current)
    for server in servers._pool:
        assert server.address is not None
        assert server.address.secure
        assert isinstance(server.address.auth, Token)


@pytest.mark.parametrize(
    "text", ["", " ", "a b:1", "a:x", "a:99999999", "[::1", "http://h:1", "\x00", "a,b", "a:1\r\nPUB"]
)
def test_an_announcement_that_cannot_be_read_is_passed_over(text: str) -> None:
    servers, current = connected("a")
    assert servers.reconcile([text, "d:1"], current) == (["nats://d:1"], [])


@pytest.mark.parametrize("again", ["a:4222", "a", "A:4222", "d:1"])
def test_one_that_is_known_is_not_added_again(again: str) -> None:
    servers, current = connected("a")
    servers.reconcile(["d:1"], current)
    servers.reconcile(["d:1", again, again], current)
    assert len(servers) == 2


def test_no_more_than_the_limit() -> None:
    servers, current = connected("a,b", limit=4)
    added, _ = servers.reconcile([f"s{number}:1" for number in range(10)], current)
    assert (added, len(servers)) == (["nats://s0:1", "nats://s1:1"], 4)
    added, removed = servers.reconcile(["t0:1", "t1:1", "t2:1"], current)
    assert (added, removed, len(servers)) == (["nats://t0:1", "nats://t1:1"], ["nats://s0:1", "nats://s1:1"], 4)
    servers, current = connected("a,b", limit=1)
    assert servers.reconcile(["d:1"], current) == ([], [])
    assert len(servers) == 2


def test_discovery_can_be_off() -> None:
    servers, current = connected("a", discover=False)
    assert servers.reconcile(["d:1"], current) == ([], [])


def test_with_an_endpoint_of_the_callers_own_nothing_is_taken_up() -> None:
    endpoint = Server("an endpoint", None)
    servers = Servers([endpoint], ReconnectOptions(), 10)
    assert servers.reconcile(["d:1"], endpoint) == ([], [])
    assert servers.names == ["an endpoint"]


def test_only_the_new_ones_are_shuffled() -> None:
    calls: list[list[str]] = []
    made = [Server(address.name, address) for address in parse_servers("a,b")]
    servers = Servers(made, ReconnectOptions(), 10, shuffle=lambda each: calls.append([one.name for one in each]))
    servers.reconcile(["d:1", "e:1"], take(servers))
    assert calls == [["nats://a:4222", "nats://b:4222"], ["nats://d:1", "nats://e:1"]]


@pytest.mark.parametrize(
    "urls",
    [
        pytest.param(lambda turn: [f"10.{n >> 8}.{n & 255}.1:4222" for n in range(10_000)], id="always the same"),
        pytest.param(lambda turn: [f"{turn}.{n >> 8}.{n & 255}.1:4222" for n in range(10_000)], id="always others"),
        pytest.param(lambda turn: [f"h{n}:{turn}x" for n in range(10_000)], id="none that can be read"),
        pytest.param(lambda turn: [f"nats://h{n}:{turn}x" for n in range(10_000)], id="no url"),
        pytest.param(lambda turn: ["d:1"] * 10_000, id="one and the same"),
    ],
)
def test_twenty_announcements_of_ten_thousand_take_a_moment(urls: Any) -> None:
    announcements = [urls(turn) for turn in range(20)]
    sizes = []

    def announce() -> None:
        servers, current = connected("a")
        for announced in announcements:
            servers.reconcile(announced, current)
        sizes.append(len(servers))

    assert seconds(announce) < 0.2
    assert max(sizes) <= 1000


# ---------------------------------------------------------------------- any order of events

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["fail", "fail", "refuse", "win", "lose", "announce"]),
        st.lists(st.sampled_from(["d:1", "e:1", "f:1", "a:4222", "bad port:"]), max_size=4),
    ),
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(steps=STEPS, attempts=st.sampled_from([-1, 1, 3]))
def test_the_pool_stays_sound_whatever_happens(steps: list[tuple[str, list[str]]], attempts: int) -> None:
    servers = pool("a,b,c", max_attempts=attempts, limit=5)
    current: Server | None = None
    for step, announced in steps:
        before = servers.names
        if step == "lose" and current is not None:
            servers.lost(current, ConnectionLost("", "gone"))
            assert servers.names[-1] == current.name or current.name not in before
            current = None
        elif step == "announce" and current is not None:
            added, removed = servers.reconcile(announced, current)
            assert set(servers.names) == (set(before) - set(removed)) | set(added)
            assert not {"nats://a:4222", "nats://b:4222", "nats://c:4222", current.name} & set(removed)
        elif current is None:
            untried = set(before) - {each.name for each in servers._tried}
            over = not untried or servers._left <= 0  # what is announced meanwhile does not lengthen a pass
            choice = servers.next()
            if choice is None:
                assert before == []
                return
            server, wait = choice
            assert server.name in (untried or before)
            assert (wait > 0) == over
            if step == "win":
                servers.settled(server)
                current = server
            else:
                refused = step == "refuse"
                servers.failed(server, AuthenticationRefused("", "no") if refused else DialFailed("", "no"))
                assert (server.name in servers.names) == (attempts < 0 or server.failures < attempts) or refused
        assert len(servers.names) == len(set(servers.names)) <= 5
