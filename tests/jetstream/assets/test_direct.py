"""Pages of messages when servers fall silent: on a clock, with the other side played by a client in memory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.jetstream.test_api import Stage
from txnats import Message, OutboxFull, RemoteProtocolError, RequestTimeout
from txnats.jetstream.assets.direct import DirectMessages
from txnats.jetstream.assets.stored import GetRequest
from txnats.jetstream.errors import JetStreamError, NotSupported
from txnats.testing import Reply


class Reader(Stage):
    """Plays a server with ten messages that falls silent after each third, so often."""

    def __init__(self, silent: int, *, level: int = 5) -> None:
        super().__init__(level=level)
        self.silent = silent
        self.requests: list[dict[str, Any]] = []
        self.late: list[Message] = []
        self.other.subscribe("$JS.API.DIRECT.GET.S", self.get)
        self.network.pump()

    def get(self, message: Message) -> None:
        request = json.loads(message.payload)
        self.requests.append(request)
        sequence = request["seq"]
        for number in range(sequence, min(11, sequence + request["batch"])):
            if self.silent and number == sequence + 3:
                self.silent -= 1
                self.late.append(message)
                return
            self.send(message, number)
        message.respond(b"", headers=[("Nats-Num-Pending", "0"), ("Nats-Last-Sequence", "10")])

    def send(self, request: Message, number: int) -> None:
        time = "2026-01-01T00:00:00Z"
        own = [("Nats-Stream", "S"), ("Nats-Subject", "a"), ("Nats-Sequence", f"{number}"), ("Nats-Time-Stamp", time)]
        request.respond(f"{number}".encode(), headers=own)


def read(stage: Reader, timeout: float = 15.0) -> DirectMessages:
    return DirectMessages(stage.api, "S", GetRequest(seq=1), count=10, timeout=timeout)


def test_a_page_that_falls_silent_is_asked_for_from_there_on() -> None:
    stage = Reader(silent=2)
    reading = read(stage)
    got: list[int] = []
    for _ in range(10):
        result, _ = stage.outcome(reading.next())
        got.append(result.sequence)
    assert got == list(range(1, 11))
    assert [(each["seq"], each["batch"]) for each in stage.requests] == [(1, 10), (4, 7), (7, 4)]
    reading.close()
    stage.end()


def test_what_comes_too_late_is_dropped() -> None:
    stage = Reader(silent=1)
    reading = read(stage)
    for _ in range(4):
        stage.outcome(reading.next())
    stage.send(stage.late[0], 2)
    stage.network.pump()
    rest = [stage.outcome(reading.next())[0].sequence for _ in range(6)]
    assert rest == [5, 6, 7, 8, 9, 10]
    reading.close()
    stage.end()


def test_silence_for_too_long_ends_it() -> None:
    stage = Reader(silent=0)
    stage.other.close()
    stage.network.pump()
    silent = Stage(level=5)
    silent.other.subscribe("$JS.API.>", lambda _: None)
    silent.network.pump()
    reading = DirectMessages(silent.api, "S", GetRequest(seq=1), timeout=7.0)
    error, when = silent.outcome(reading.next())
    assert isinstance(error, RequestTimeout)
    assert 6.9 < when < 8.2
    silent.end()
    stage.client.close()


def test_no_stream_of_its_own_answers() -> None:
    stage = Stage(level=5)
    stage.other.subscribe("$JS.API.STREAM.INFO.S", lambda message: message.respond(b'{"config":{"name":"S"}}'))
    stage.network.pump()
    error, when = stage.outcome(DirectMessages(stage.api, "S", GetRequest(seq=1)).next())
    assert isinstance(error, JetStreamError)
    assert "allow_direct" in str(error)
    assert when < 0.2
    stage.end()


def test_an_old_server_is_told() -> None:
    stage = Stage()
    stage.serve({"api": {"total": 1}})
    error, _ = stage.outcome(DirectMessages(stage.api, "S", GetRequest(seq=1)).next())
    assert isinstance(error, NotSupported)
    assert (error.needed, error.actual) == (1, 0)
    stage.end()


@pytest.mark.parametrize(
    "told", [{"Nats-Num-Pending": "x"}, {"Nats-Num-Pending": "9" * 5000}, {"Nats-UpTo-Sequence": "-1"}]
)
def test_the_end_of_a_page_that_cannot_be_read(told: dict[str, str]) -> None:
    stage = Stage(level=5)
    stage.server.answer("$JS.API.DIRECT.GET.S", Reply(status="204 EOB", headers=told))
    error, when = stage.outcome(DirectMessages(stage.api, "S", GetRequest(multi_last=["a"])).next())
    assert isinstance(error, RemoteProtocolError)
    assert when < 1.0
    stage.end()


def test_a_page_that_cannot_be_asked_for_ends_it() -> None:
    stage = Stage(level=5)
    own = {"Nats-Stream": "S", "Nats-Subject": "a", "Nats-Sequence": "1", "Nats-Time-Stamp": "2026-01-01T00:00:00Z"}
    page = Reply(b"1", headers=own), Reply(status="204 EOB", headers={"Nats-Num-Pending": "5"})
    stage.server.answer("$JS.API.DIRECT.GET.S", lambda _: page)
    reading = DirectMessages(stage.api, "S", GetRequest(seq=1))
    stage.network.pump()

    def full(*_: Any, **__: Any) -> None:
        raise OutboxFull(waiting=1, limit=1, what="full", hint="")

    stage.client.publish = full  # type: ignore[method-assign]
    assert stage.outcome(reading.next())[0].sequence == 1
    assert isinstance(stage.outcome(reading.next())[0], OutboxFull)
    stage.end()
