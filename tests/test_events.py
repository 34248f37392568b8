"""Events are values that a match takes apart; none of their names is that of an error by mistake."""

from __future__ import annotations

import typing
from typing import Any

import pytest

from txnats import errors, events
from txnats.errors import ConnectionLost, RemoteProtocolError


class Facts:
    subject = "a"
    queue = None


REASON = ConnectionLost("s", "EOF")
FACTS = Facts()
SAMPLES: list[tuple[Any, dict[str, Any]]] = [
    (events.Connected("s"), {"server": "s"}),
    (events.Disconnected(REASON, 3, "s"), {"reason": REASON, "unconfirmed": 3, "server": "s"}),
    (events.Reconnecting("s", 2), {"server": "s", "attempt": 2}),
    (events.AttemptFailed("s", REASON), {"server": "s", "error": REASON}),
    (events.Reconnected("s"), {"server": "s"}),
    (events.Closed(None), {"reason": None, "unsent": 0, "unconfirmed": 0}),
    (events.Closed(REASON, 4, 5), {"reason": REASON, "unsent": 4, "unconfirmed": 5}),
    (events.ServersDiscovered(("a",), ("b",)), {"added": ("a",), "removed": ("b",)}),
    (events.LameDuck("s"), {"server": "s"}),
    (events.SlowConsumer(FACTS, 5), {"subscription": FACTS, "dropped": 5}),
    (events.PermissionDenied("subscribe", "a", "q"), {"operation": "subscribe", "subject": "a", "queue": "q"}),
    (events.PermissionDenied("publish", "a"), {"operation": "publish", "subject": "a", "queue": None}),
    (events.AuthenticationExpired("t"), {"text": "t"}),
    (events.CredentialsReadable("/c", 0o644), {"path": "/c", "mode": 0o644}),
    (events.ServerErrorReported("t"), {"text": "t"}),
    (events.HandlerFailed(FACTS, REASON), {"subscription": FACTS, "error": REASON}),
]


@pytest.mark.parametrize(("event", "facts"), SAMPLES)
def test_the_facts_of_each(event: Any, facts: dict[str, Any]) -> None:
    assert {name: getattr(event, name) for name in type(event).__struct_fields__} == facts
    assert event == type(event)(**facts)
    with pytest.raises(AttributeError):
        setattr(event, next(iter(facts)), None)


def test_bad_headers_tell_what_is_wrong() -> None:
    error = RemoteProtocolError("a header line cannot be read", snippet=b"x")
    assert events.BadHeaders(error).error is error


def test_the_union_holds_every_event() -> None:
    defined = {
        each
        for each in vars(events).values()
        if isinstance(each, type) and each.__module__ == events.__name__ and not getattr(each, "_is_protocol", False)
    }
    assert set(typing.get_args(events.Event)) == defined
    assert {type(event) for event, _ in SAMPLES} | {events.BadHeaders} == defined


def test_a_match_takes_them_apart_in_order() -> None:
    event: events.Event = events.Disconnected(REASON, 3, "s")
    match event:
        case events.Disconnected(reason, unconfirmed, server):
            assert (reason, unconfirmed, server) == (REASON, 3, "s")
        case _:
            pytest.fail("not taken apart")


def test_an_event_is_no_error_though_two_share_a_name() -> None:
    shared = {name for name in dir(events) if name[0].isupper() and hasattr(errors, name)} - {
        "NatsError",
        "RemoteProtocolError",
    }
    assert shared == {"SlowConsumer", "PermissionDenied"}
    assert not issubclass(events.SlowConsumer, BaseException)
