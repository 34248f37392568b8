"""Snapshots when things come in another order, or not at all; the other side is played by a client in memory."""

from __future__ import annotations

import json
from typing import Any

from tests.jetstream.test_api import Stage
from txnats import ClientClosed, Message, OperationTimeout, OutboxFull, ReconnectOptions, RemoteProtocolError
from txnats.jetstream import StreamConfig, StreamState
from txnats.jetstream.assets.snapshot import SILENCE, Manifest, Snapshot

ANSWER = json.dumps({"config": {"name": "S"}, "state": {"messages": 3}}).encode()


class Sender(Stage):
    """Plays a server that takes a request for a snapshot and does what a test says."""

    def __init__(self, **options: Any) -> None:
        super().__init__(level=5, **options)
        self.asked_for: list[Message] = []
        self.taken: list[str] = []
        self.other.subscribe("$JS.API.STREAM.SNAPSHOT.S", self.asked_for.append)
        self.other.subscribe("ack.>", lambda message: self.taken.append(message.subject))
        self.network.pump()

    def begin(self) -> tuple[Snapshot, str]:
        snapshot = Snapshot(self.api, "S", consumers=True, check=False, chunk_size=1024, window_size=4096)
        self.network.advance(0.01)
        return snapshot, json.loads(self.asked_for[0].payload)["deliver_subject"]

    def chunk(self, subject: str, number: int) -> None:
        self.other.publish(subject, b"%d" % number, reply=f"ack.{number}")
        self.network.pump()

    def answer(self) -> None:
        self.asked_for[0].respond(ANSWER)
        self.network.pump()


def test_a_chunk_is_confirmed_when_it_was_taken() -> None:
    stage = Sender()
    snapshot, subject = stage.begin()
    stage.answer()
    for number in range(3):
        stage.chunk(subject, number)
    stage.network.advance(1.0)
    assert stage.taken == []
    assert stage.outcome(snapshot.next())[0] == b"0"
    stage.network.pump()
    assert stage.taken == ["ack.0"]
    assert snapshot.size == 3
    snapshot.close()
    stage.end()


def test_the_end_may_come_before_the_answer() -> None:
    stage = Sender()
    snapshot, subject = stage.begin()
    stage.chunk(subject, 0)
    stage.other.publish(subject)
    stage.network.pump()
    manifest = snapshot.manifest()
    stage.answer()
    assert stage.outcome(manifest)[0].state.messages == 3
    assert stage.outcome(snapshot.manifest())[0].config.name == "S"
    assert stage.outcome(snapshot.collect())[0] == [b"0"]
    stage.end()


def test_a_chunk_whose_confirmation_cannot_leave_is_not_lost_in_silence() -> None:
    stage = Sender(reconnect=ReconnectOptions(buffer=0))
    snapshot, subject = stage.begin()
    stage.answer()
    for number in range(3):
        stage.chunk(subject, number)
    assert stage.outcome(snapshot.next())[0] == b"0"
    stage.network.frozen = True
    stage.client.reconnect()
    for _ in range(3):
        assert isinstance(stage.outcome(snapshot.next())[0], OutboxFull)
    stage.network.frozen = False
    stage.end()


def test_silence_ends_it_only_while_the_server_could_send() -> None:
    stage = Sender()
    snapshot, subject = stage.begin()
    stage.answer()
    stage.chunk(subject, 0)
    stage.network.advance(5 * SILENCE)
    assert stage.outcome(snapshot.next())[0] == b"0"
    told, when = stage.outcome(snapshot.next())
    assert isinstance(told, OperationTimeout)
    assert SILENCE - 0.1 < when < SILENCE + 0.2
    stage.end()


def test_the_end_of_the_client_is_told_to_all() -> None:
    stage = Sender()
    snapshot, _ = stage.begin()
    manifest, chunk = snapshot.manifest(), snapshot.next()
    stage.client.close()
    stage.network.pump()
    for waiting in (manifest, chunk, snapshot.manifest()):
        assert isinstance(stage.outcome(waiting)[0], ClientClosed)
    stage.end()


def test_an_answer_that_cannot_be_read() -> None:
    stage = Sender()
    snapshot, _ = stage.begin()
    stage.asked_for[0].respond(b"nonsense")
    assert isinstance(stage.outcome(snapshot.next())[0], RemoteProtocolError)
    stage.end()


def test_a_manifest_keeps_what_it_says() -> None:
    manifest = Manifest(config=StreamConfig(name="S", subjects=["a"], max_age=3.5), state=StreamState(messages=3))
    assert Manifest.from_json(manifest.to_json()) == manifest
