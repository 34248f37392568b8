"""Restores that break off; the other side is played by a client in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from twisted.internet.defer import CancelledError, Deferred

from tests.jetstream.test_api import Stage, error
from txnats import Message, NatsError
from txnats.jetstream import StreamConfig, StreamInfo
from txnats.jetstream.assets.restore import CHUNKS_AHEAD, restore
from txnats.jetstream.assets.snapshot import Manifest
from txnats.jetstream.error_codes import StreamNameExistRestoreFailed, StreamRestore

MANIFEST = Manifest(config=StreamConfig(name="S"))
GOOD = json.dumps({"config": {"name": "S"}, "state": {"messages": 3}}).encode()
NOT_FOUND = json.dumps(error(404, 10059)).encode()


class Keeper(Stage):
    """Plays a server that takes a restore, as a test says.

    Attributes:
        chunks: What came, the empty one at the end included.
        deleted: What was asked to be deleted.
        silent: Whether chunks get no answers.
        last: What the end is answered.
        told: What a deletion is answered.
    """

    def __init__(self) -> None:
        super().__init__(level=5)
        self.chunks: list[bytes] = []
        self.deleted: list[str] = []
        self.silent = False
        self.last = GOOD
        self.told: bytes | None = b'{"success":true}'
        self.other.subscribe("$JS.API.STREAM.RESTORE.*", lambda asked: asked.respond(b'{"deliver_subject":"in"}'))
        self.other.subscribe("in", self._chunk)
        self.other.subscribe("$JS.API.STREAM.DELETE.*", self._delete)
        self.network.pump()

    def restore(self, chunks: Iterator[bytes] | list[bytes], timeout: float = 5.0) -> Deferred[StreamInfo]:
        return restore(self.api, MANIFEST, chunks, timeout=timeout)

    def _chunk(self, message: Message) -> None:
        self.chunks.append(message.payload)
        if not self.silent:
            message.respond(b"" if message.payload else self.last)

    def _delete(self, message: Message) -> None:
        self.deleted.append(message.subject.rpartition(".")[2])
        if self.told is not None:
            message.respond(self.told)


class Mine(Exception):
    pass


def breaking(count: int) -> Iterator[bytes]:
    for number in range(count):
        yield b"%d" % number
    raise Mine


def test_a_restore_that_ends_well_deletes_nothing() -> None:
    stage = Keeper()
    info, _ = stage.outcome(stage.restore([b"a", b"b"]))
    assert info.state.messages == 3
    assert (stage.chunks, stage.deleted) == ([b"a", b"b", b""], [])
    stage.end()


@pytest.mark.parametrize("count", [0, 3, CHUNKS_AHEAD + 3])
@pytest.mark.parametrize("told", [b'{"success":true}', NOT_FOUND])
def test_chunks_that_break_off_leave_nothing(count: int, told: bytes) -> None:
    stage = Keeper()
    stage.told = told
    failed, _ = stage.outcome(stage.restore(breaking(count)))
    assert isinstance(failed, Mine)
    assert not hasattr(failed, "__notes__")
    assert (stage.chunks[-1], len(stage.chunks), stage.deleted) == (b"", count + 1, ["S"])
    stage.end()


def test_what_the_server_refuses_at_the_end_leaves_nothing() -> None:
    stage = Keeper()
    stage.last = json.dumps(error(500, 10062)).encode()
    failed, _ = stage.outcome(stage.restore([b"a"]))
    assert isinstance(failed, StreamRestore)
    assert (stage.chunks, stage.deleted) == ([b"a", b""], ["S"])
    stage.end()


@pytest.mark.parametrize("breaks", [True, False])
def test_a_stream_that_somebody_else_has_made_meanwhile_stays(breaks: bool) -> None:
    stage = Keeper()
    stage.last = json.dumps(error(400, 10130)).encode()
    failed, _ = stage.outcome(stage.restore(breaking(1) if breaks else [b"a"]))
    assert isinstance(failed, Mine if breaks else StreamNameExistRestoreFailed)
    assert stage.deleted == []
    stage.end()


def test_what_may_be_left_is_named() -> None:
    stage = Keeper()
    stage.told = json.dumps(error(503, 10008)).encode()
    failed, _ = stage.outcome(stage.restore(breaking(1)))
    assert isinstance(failed, Mine)
    assert "a part of the stream S may be left" in failed.__notes__[0]
    stage.end()


def test_a_server_that_falls_silent_is_still_told_to_delete_it() -> None:
    stage = Keeper()
    stage.silent = True
    failed, _ = stage.outcome(stage.restore([b"a"], timeout=1.0))
    assert isinstance(failed, NatsError)
    assert stage.deleted == ["S"]
    stage.end()


def test_who_cancels_waits_for_nothing() -> None:
    stage = Keeper()
    stage.silent = True
    restoring = stage.restore([b"a"])
    stage.network.pump()
    stage.silent = False
    restoring.cancel()
    failed, when = stage.outcome(restoring)
    assert isinstance(failed, CancelledError)
    assert when == 0.0
    stage.network.advance(6.0)
    assert (stage.chunks, stage.deleted) == ([b"a", b""], ["S"])
    stage.end()
