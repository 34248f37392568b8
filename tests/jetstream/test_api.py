"""Calls of the API: what is asked again, and how long. The other side is a client on the same server in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred

import txnats
from txnats import InvalidArgument, InvalidOption, InvalidSubject, Message, RequestTimeout
from txnats.jetstream.account import AccountInfo
from txnats.jetstream.api import Api, api_prefix
from txnats.jetstream.errors import (
    JetStreamError,
    JetStreamNotEnabled,
    JetStreamUnavailable,
    NotSupported,
    StreamNotFound,
)
from txnats.testing import FakeServer, MemoryNetwork

Answer = Callable[[Message], None]


class Stage:
    """An API over a client in memory, and whoever answers it."""

    def __init__(self, *, jetstream: bool = True, level: int = 0, **options: Any) -> None:
        self.network = MemoryNetwork()
        server = FakeServer(self.network.clock, info={"jetstream": jetstream, "api_lvl": level})
        self.server = server
        self.client = self.network.run(txnats.connect(self.network.clock, self.network.endpoint(server), **options))
        self.other = self.network.run(txnats.connect(self.network.clock, self.network.endpoint(server)))
        self.api = Api(self.client)
        self.asked: list[Message] = []
        self.answers: list[bytes | None] = []

    def serve(self, *answers: dict[str, Any] | None) -> None:
        """Answer the calls with these, one after the other, and the last one for ever; None is silence."""
        self.answers = [None if each is None else json.dumps(each).encode() for each in answers]
        self.other.subscribe("$JS.API.>", self._answer)
        self.network.pump()

    def _answer(self, message: Message) -> None:
        self.asked.append(message)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if answer is not None:
            message.respond(answer)

    def outcome(self, deferred: Deferred[Any], seconds: float = 30.0) -> tuple[Any, float]:
        """The result or the error, and when it came."""
        start, told = self.network.clock.seconds(), []
        deferred.addBoth(lambda result: told.append((result, self.network.clock.seconds() - start)))
        while not told and self.network.clock.seconds() - start < seconds:
            self.network.advance(0.05)
        assert told, "no outcome"
        result, when = told[0]
        return getattr(result, "value", result), when

    def end(self) -> None:
        for client in (self.client, self.other):
            client.close()
        self.network.pump()
        assert not self.network.clock.getDelayedCalls()


@pytest.fixture
def stage() -> Stage:
    return Stage()


def error(code: int, err_code: int, description: str = "words") -> dict[str, Any]:
    return {"type": "x", "error": {"code": code, "err_code": err_code, "description": description}}


def test_an_answer_is_read(stage: Stage) -> None:
    stage.serve({"type": "t", "memory": 5, "api": {"level": 4, "total": 1}, "new": 1})
    info, _ = stage.outcome(stage.api.call("INFO", None, AccountInfo))
    assert (info.memory, info.api.level, info.extra) == (5, 4, {"new": 1})
    assert (stage.asked[0].subject, stage.asked[0].payload) == ("$JS.API.INFO", b"")
    stage.end()


def test_no_time_at_all(stage: Stage) -> None:
    told, _ = stage.outcome(stage.api.call("INFO", timeout=0))
    assert isinstance(told, RequestTimeout)
    stage.end()


def test_an_error_has_its_class(stage: Stage) -> None:
    stage.serve(error(404, 10059))
    told, when = stage.outcome(stage.api.call("STREAM.INFO.A"))
    assert type(told) is StreamNotFound
    assert (told.where, len(stage.asked)) == ("$JS.API.STREAM.INFO.A", 1)
    assert when < 0.1
    stage.end()


@pytest.mark.parametrize("repeatable", [True, False])
def test_without_a_leader_it_asks_again(stage: Stage, repeatable: bool) -> None:
    stage.serve(error(503, 10008), error(500, 10009), {"ok": 1})
    told, when = stage.outcome(stage.api.call("X", repeatable=repeatable))
    assert told == {"ok": 1}
    assert len(stage.asked) == 3
    assert 0.4 < when < 0.8
    stage.end()


def test_without_a_leader_it_gives_up_in_time(stage: Stage) -> None:
    stage.serve(error(503, 10008))
    told, when = stage.outcome(stage.api.call("X", timeout=3.0))
    assert type(told) is JetStreamUnavailable
    assert 2.4 < when <= 3.1
    stage.end()


def test_silence_is_asked_again_when_that_is_safe(stage: Stage) -> None:
    stage.serve(None, None, {"ok": 1})
    told, when = stage.outcome(stage.api.call("X"))
    assert told == {"ok": 1}
    assert 5.9 < when < 6.3  # 2 and 4 seconds
    stage.end()


def test_silence_ends_at_the_deadline(stage: Stage) -> None:
    stage.serve(None)
    told, when = stage.outcome(stage.api.call("X"))
    assert isinstance(told, RequestTimeout)
    assert 14.9 < when < 15.2
    assert len(stage.asked) == 4  # after 0, 2, 6 and 14 seconds
    stage.end()


def test_silence_may_mean_that_it_was_done(stage: Stage) -> None:
    stage.serve(None)
    told, when = stage.outcome(stage.api.call("STREAM.DELETE.A", timeout=5.0, repeatable=False))
    assert isinstance(told, RequestTimeout)
    assert len(stage.asked) == 1
    assert 4.9 < when < 5.2
    stage.end()


def test_a_read_of_an_offline_stream_is_asked_again_and_a_delete_is_not(stage: Stage) -> None:
    stage.serve(error(500, 10118), {"ok": 1})
    assert stage.outcome(stage.api.call("X"))[0] == {"ok": 1}
    stage.answers = [json.dumps(error(500, 10118)).encode()]
    told, _ = stage.outcome(stage.api.call("X", repeatable=False))
    assert (told.err_code, len(stage.asked)) == (10118, 3)
    stage.end()


def test_nobody_there_is_waited_for_when_the_server_has_jetstream(stage: Stage) -> None:
    told, when = stage.outcome(stage.api.call("X", timeout=4.0))
    assert type(told) is JetStreamUnavailable
    assert when > 3.4
    stage.end()


def test_nobody_there_that_comes_is_found(stage: Stage) -> None:
    answer = stage.api.call("X")
    stage.network.advance(1.0)
    stage.serve({"ok": 1})
    assert stage.outcome(answer)[0] == {"ok": 1}
    stage.end()


@pytest.mark.parametrize("prefix", ["$JS.API", "$JS.hub.API"])
def test_no_jetstream_is_told_soon(prefix: str) -> None:
    stage = Stage(jetstream=prefix != "$JS.API")
    told, when = stage.outcome(Api(stage.client, prefix).call("INFO"))
    assert type(told) is JetStreamNotEnabled
    assert when < 1.0
    stage.end()


def test_nobody_there_need_not_be_waited_for(stage: Stage) -> None:
    told, when = stage.outcome(stage.api.ask("X", None, lambda message: message, wait_if_absent=False))
    assert type(told) is JetStreamUnavailable
    assert when < 1.0
    stage.end()


def test_a_level_that_the_server_told_costs_no_call() -> None:
    stage = Stage(level=4)
    stage.serve({"ok": 1})
    assert stage.outcome(stage.api.call("X", level=2))[0] == {"ok": 1}
    assert [(each.subject, dict(each.headers.items())) for each in stage.asked] == [
        ("$JS.API.X", {"Nats-Required-Api-Level": "2"})
    ]
    assert stage.outcome(stage.api.api_level())[0] == 4
    assert len(stage.asked) == 1
    stage.end()


@pytest.mark.parametrize(("info", "actual"), [({}, 0), ({"api": {"total": 3}}, 0), ({"api": {"level": 1}}, 1)])
def test_an_old_server_is_asked_for_its_level(stage: Stage, info: dict[str, Any], actual: int) -> None:
    stage.serve(info)
    told, _ = stage.outcome(stage.api.call("X", level=2, features=("counters",)))
    assert type(told) is NotSupported
    assert (told.needed, told.actual, told.features) == (2, actual, ("counters",))
    assert [each.subject for each in stage.asked] == ["$JS.API.INFO"]
    stage.end()


def test_a_server_that_refuses_the_level_says_so() -> None:
    stage = Stage(level=5)
    stage.serve(error(412, 10185))
    told, _ = stage.outcome(stage.api.call("X", level=5, features=("new",)))
    assert type(told) is NotSupported
    assert (told.needed, told.features) == (5, ("new",))
    stage.end()


@pytest.mark.parametrize("answer", [b"no json", b"[]", b'{"memory":"much"}'])
def test_an_answer_that_cannot_be_read(stage: Stage, answer: bytes) -> None:
    stage.serve({})
    stage.answers = [answer]
    told, _ = stage.outcome(stage.api.call("INFO", None, AccountInfo))
    assert isinstance(told, txnats.RemoteProtocolError)
    stage.end()


def test_an_odd_error_is_still_one(stage: Stage) -> None:
    stage.serve({"error": "odd"})
    told, _ = stage.outcome(stage.api.call("X"))
    assert type(told) is JetStreamError
    assert "odd" in str(told)
    stage.end()


def test_a_cancelled_call_leaves_nothing(stage: Stage) -> None:
    stage.serve(error(503, 10008))
    answer = stage.api.call("X")
    stage.network.advance(0.1)
    answer.addErrback(lambda _: None)
    answer.cancel()
    stage.network.advance(1.0)
    assert len(stage.asked) == 1
    stage.end()


def test_arguments_are_checked_before_anything_is_sent(stage: Stage) -> None:
    for call in (stage.api.call("X", timeout=-1), stage.api.call("a..b"), stage.api.call("*")):
        told, _ = stage.outcome(call)
        assert isinstance(told, InvalidArgument)
    stage.end()


def test_prefixes() -> None:
    assert api_prefix(None, None) == "$JS.API"
    assert api_prefix("hub", None) == "$JS.hub.API"
    assert api_prefix(None, "from.other.") == "from.other"
    with pytest.raises(InvalidOption):
        api_prefix("hub", "x")
    with pytest.raises(InvalidOption):
        api_prefix("a.b", None)
    with pytest.raises(InvalidSubject):
        api_prefix("a b", None)


def test_time_is_the_clients(stage: Stage) -> None:
    network: object = stage.network.clock
    assert stage.api.clock is stage.client.clock
    assert stage.client.clock is network
    stage.end()


def test_subjects_have_the_prefix(stage: Stage) -> None:
    assert Api(stage.client, "$JS.hub.API").subject("STREAM.NAMES") == "$JS.hub.API.STREAM.NAMES"
    stage.end()
