"""Options: their defaults are promises, and a value out of its range is told by name when it is made."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import txnats
from txnats.errors import InvalidOption
from txnats.options import (
    KIB,
    MIB,
    Limits,
    PingOptions,
    ReconnectOptions,
    SlowPolicy,
    TlsOptions,
    WebSocketOptions,
    check_count,
    check_policy,
    check_seconds,
)
from txnats.secret import Secret


def test_the_defaults() -> None:
    reconnect, ping, limits = ReconnectOptions(), PingOptions(), Limits()
    assert (reconnect.first_wait, reconnect.max_wait, reconnect.jitter) == (0.1, 5.0, 0.2)
    assert (reconnect.max_attempts, reconnect.buffer, reconnect.replay_limit) == (60, 8 * MIB, 8 * MIB)
    assert (reconnect.enabled, reconnect.retry_on_first_connect, reconnect.replay_unconfirmed) == (True, False, False)
    assert (reconnect.shuffle, reconnect.discover, reconnect.delay, reconnect.choose) == (True, True, None, None)
    assert (ping.interval, ping.max_outstanding) == (30.0, 2)
    assert (limits.control_line, limits.info, limits.header_block) == (64 * KIB, MIB, 64 * KIB)
    assert (limits.payload, limits.control_line_out) == (64 * MIB, 4096)
    assert (limits.pending_messages, limits.pending_bytes) == (65_536, 64 * MIB)
    assert limits.slow_policy is SlowPolicy.DROP_NEW
    assert (limits.ready_below, limits.outbox, limits.requests) == (MIB, 64 * MIB, 1_000_000)
    assert (limits.servers, limits.events) == (1_000, 1_024)


LEAST = [
    *((ReconnectOptions, name, 0) for name in ("first_wait", "max_wait", "jitter", "buffer", "replay_limit")),
    (ReconnectOptions, "max_attempts", -1),
    (PingOptions, "interval", 0),
    (PingOptions, "max_outstanding", 1),
    *((Limits, name, 1) for name in Limits.__struct_fields__ if name != "slow_policy"),
]


@pytest.mark.parametrize(("group", "name", "least"), LEAST)
def test_the_least_of_each(group: Any, name: str, least: int) -> None:
    assert getattr(group(**{name: least}), name) == least
    for wrong in (least - 1, least - 0.5, float("nan"), -float("inf"), True, None, "1", [1]):
        with pytest.raises(InvalidOption) as caught:
            group(**{name: wrong})
        assert caught.value.what == f"{group.__name__}.{name} is {wrong!r}"
        assert caught.value.why.endswith(f"number of at least {least}")


COUNTS = [
    (ReconnectOptions, "max_attempts"),
    (ReconnectOptions, "buffer"),
    (ReconnectOptions, "replay_limit"),
    (PingOptions, "max_outstanding"),
    *((Limits, name) for name in Limits.__struct_fields__ if name != "slow_policy"),
]


@pytest.mark.parametrize(("group", "name"), COUNTS)
def test_counts_and_sizes_are_whole(group: Any, name: str) -> None:
    for wrong in (2.5, 2.0, float("inf")):
        with pytest.raises(InvalidOption):
            group(**{name: wrong})


@pytest.mark.parametrize(
    ("group", "name"),
    [*((ReconnectOptions, name) for name in ("first_wait", "max_wait", "jitter")), (PingOptions, "interval")],
)
def test_no_time_is_endless(group: Any, name: str) -> None:
    with pytest.raises(InvalidOption):
        group(**{name: float("inf")})


def test_no_attempts_at_all_is_said_in_another_way() -> None:
    with pytest.raises(InvalidOption, match="use enabled=False to never reconnect, -1 for no limit"):
        ReconnectOptions(max_attempts=0)


def test_a_policy_may_be_its_word() -> None:
    assert [str(policy) for policy in SlowPolicy] == ["drop_new", "drop_old", "pause", "error"]
    word: Any = "drop_old"
    assert Limits(slow_policy=word).slow_policy == SlowPolicy.DROP_OLD


@pytest.mark.parametrize("wrong", ["drop", "DROP_NEW", None, 1])
def test_a_policy_that_does_not_exist_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidOption, match="slow_policy"):
        Limits(slow_policy=wrong)


@pytest.mark.parametrize("seconds", [0, 0.0, 1, 0.001, 1e9])
def test_a_span_of_time(seconds: float) -> None:
    assert check_seconds("timeout", seconds) == seconds


@pytest.mark.parametrize("wrong", [-1, -0.001, float("nan"), float("inf"), None, "1", True, [1]])
def test_what_is_no_span_of_time(wrong: Any) -> None:
    with pytest.raises(InvalidOption) as caught:
        check_seconds("timeout", wrong)
    assert str(caught.value) == f"timeout is {wrong!r}: it is a number of seconds, at least 0 and not endless"


@pytest.mark.parametrize("wrong", [0, -1, 1.0, None, "1", True])
def test_what_is_no_count(wrong: Any) -> None:
    assert check_count("concurrency", 1) == 1
    with pytest.raises(InvalidOption) as caught:
        check_count("concurrency", wrong)
    assert str(caught.value) == f"concurrency is {wrong!r}: it is a whole number of at least 1"


def test_a_policy_by_its_name() -> None:
    assert check_policy("pause") is check_policy(SlowPolicy.PAUSE) is SlowPolicy.PAUSE
    with pytest.raises(InvalidOption) as caught:
        check_policy("stop")
    assert str(caught.value) == "slow_policy is 'stop' (drop_new, drop_old, pause, error)"


@pytest.mark.parametrize("made", [ReconnectOptions(), PingOptions(), Limits(), TlsOptions()])
def test_groups_cannot_be_changed_and_are_made_by_keyword(made: Any) -> None:
    name = made.__struct_fields__[0]
    with pytest.raises(AttributeError):
        setattr(made, name, 1)
    with pytest.raises(TypeError):
        type(made)(1)
    with pytest.raises(TypeError):
        type(made)(no_such_option=1)
    assert made == type(made)()


def test_a_websockets_defaults() -> None:
    options = WebSocketOptions()
    assert (options.path, options.current_headers(), options.compression) == ("/", {}, True)
    assert options.max_size == 64 * MIB


@pytest.mark.parametrize("path", ["", "a", "http://h/", "/a b", "/\r\nA: b", "/\u00e4", "/a#b", None, 5])
def test_a_websockets_path(path: Any) -> None:
    with pytest.raises(InvalidOption, match=r"WebSocketOptions\.path"):
        WebSocketOptions(path=path)


SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "headers",
    [
        {"A": f"{SECRET}\r\nB: c"},
        {"A": f"{SECRET}\n"},
        {"A": f"{SECRET}\x00"},
        {"A": f"{SECRET}\u2603"},
        {"A": SECRET * 2000},
        {"A": SECRET.encode()},
        {f"{SECRET} A": "b"},
        {"": SECRET},
        {"A:": SECRET},
        {b"A": SECRET},
        {"Upgrade": SECRET},
        {"connection": SECRET},
        {"SEC-WebSocket-Key": SECRET},
        {"Content-Length": SECRET},
        {"Transfer-Encoding": SECRET},
        [("A", SECRET)],
        SECRET,
        None,
    ],
)
def test_headers_that_cannot_be_sent(headers: Any) -> None:
    with pytest.raises(InvalidOption, match=r"WebSocketOptions\.headers cannot be sent") as caught:
        WebSocketOptions(headers=headers)
    assert SECRET not in str(caught.value)
    later = WebSocketOptions(headers=lambda: headers)
    with pytest.raises(InvalidOption) as caught:
        later.current_headers()
    assert SECRET not in str(caught.value) + repr(caught.traceback[-1].frame.f_locals)


def test_headers_are_asked_for_each_time_and_never_shown() -> None:
    numbers = iter(range(10))
    fresh = WebSocketOptions(headers=lambda: {"A": str(next(numbers))})
    assert [fresh.current_headers(), fresh.current_headers()] == [{"A": Secret("0")}, {"A": Secret("1")}]
    fixed = WebSocketOptions(headers={"Cookie": SECRET, "Host": "h"}, path=f"/a?{SECRET}")
    assert SECRET not in repr(fixed) + str(fixed)
    assert repr(fixed).startswith("WebSocketOptions(path='/a', headers=<Cookie, Host>, ")
    assert fixed.current_headers() == {"Cookie": Secret(SECRET), "Host": Secret("h")} == fixed.headers
    assert fixed == WebSocketOptions(headers=fixed.headers, path=Secret(f"/a?{SECRET}"))
    with pytest.raises(InvalidOption, match="pickled"):
        pickle.dumps(fixed)
    with pytest.raises(InvalidOption, match="compression"):
        WebSocketOptions(compression=5)  # type: ignore[arg-type]
    with pytest.raises(InvalidOption, match="max_size"):
        WebSocketOptions(max_size=0)


def test_a_replay_that_keeps_nothing_is_refused() -> None:
    with pytest.raises(InvalidOption, match="replay_limit"):
        ReconnectOptions(replay_unconfirmed=True, replay_limit=0)
    assert ReconnectOptions(replay_unconfirmed=True, replay_limit=1).replay_limit == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"ca": 5}, "TlsOptions.ca is a int (it is the path of a PEM file)"),
        ({"key": "-----BEGIN PRIVATE KEY-----s3cret"}, "TlsOptions.key is no path (it is the path of a PEM file)"),
        ({"ca": "a\nb"}, "TlsOptions.ca is no path (it is the path of a PEM file)"),
        ({"certificate": ""}, "TlsOptions.certificate is no path (it is the path of a PEM file)"),
        ({"key": "k.pem"}, "TlsOptions.key is given without a certificate"),
        ({"hostname": ""}, "TlsOptions.hostname is no name (None checks the name that is dialled)"),
        ({"handshake_first": 1}, "TlsOptions.handshake_first is neither True nor False"),
        ({"context": 5}, "TlsOptions.context cannot be called (it is called for each attempt)"),
        ({"context": print, "ca": "c"}, "TlsOptions.context takes the place of ca, certificate and key"),
    ],
)
def test_tls_options_that_cannot_be(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidOption) as caught:
        TlsOptions(**options)
    assert str(caught.value) == says


def test_tls_options_show_no_secret() -> None:
    class Context:
        def __call__(self) -> None: ...
        def __repr__(self) -> str:
            return "s3cret"

    assert repr(TlsOptions()) == "TlsOptions()"
    assert repr(TlsOptions(ca="c.pem", handshake_first=True)) == "TlsOptions(ca='c.pem', handshake_first=True)"
    assert "s3cret" not in repr(TlsOptions(context=Context())) + str(TlsOptions(context=Context()))


def test_the_headers_of_a_websocket_are_in_no_pickle() -> None:
    options = txnats.WebSocketOptions(headers={"Authorization": "S3CRET"})
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(txnats.InvalidOption):
            pickle.dumps(options, protocol)
    assert copy.deepcopy(options).current_headers() == options.current_headers()
