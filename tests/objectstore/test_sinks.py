"""Where an object can go."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from txnats.errors import InvalidArgument
from txnats.objectstore.sinks import SinkStopped, sink_of


def test_bytes_and_files(tmp_path: Path) -> None:
    sink = sink_of(None)
    sink.write(b"a")
    sink.write(b"b")
    assert sink.done() == b"ab"
    file = io.BytesIO()
    sink = sink_of(file)
    sink.write(b"ab")
    assert sink.done() is None
    assert file.getvalue() == b"ab"


def test_a_path_is_there_when_all_is_right(tmp_path: Path) -> None:
    path = tmp_path / "f"
    sink = sink_of(path)
    sink.write(b"ab")
    assert not path.exists()
    sink.done()
    assert path.read_bytes() == b"ab"
    sink = sink_of(path)
    sink.write(b"xy")
    sink.failed(ValueError())
    assert path.read_bytes() == b"ab"
    assert [each.name for each in tmp_path.iterdir()] == ["f"]


class Consumer:
    """A Twisted consumer."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.producer: Any = None

    @property
    def is_fed(self) -> bool:
        return self.producer is not None

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def write(self, data: bytes) -> None:
        self.told.append(data)


def test_a_consumer_that_is_full_is_waited_for() -> None:
    consumer = Consumer()
    sink = sink_of(consumer)
    assert sink.write(b"a").called
    consumer.producer.pauseProducing()
    goes_on: list[None] = []
    sink.write(b"b").addCallback(goes_on.append)
    assert not goes_on
    consumer.producer.resumeProducing()
    assert goes_on == [None]
    sink.done()
    assert consumer.told == [b"a", b"b"]
    assert not consumer.is_fed


def test_a_consumer_that_stops() -> None:
    consumer = Consumer()
    sink = sink_of(consumer)
    consumer.producer.pauseProducing()
    waiting = sink.write(b"a")
    consumer.producer.stopProducing()
    found: list[Any] = []
    waiting.addErrback(lambda failure: found.append(failure.value))
    assert isinstance(found[0], SinkStopped)
    with pytest.raises(SinkStopped):
        sink.write(b"b")
    sink.failed(found[0])


def test_a_consumer_learns_of_a_failure() -> None:
    error = ValueError()

    class Knows(Consumer):
        def failed(self, why: BaseException) -> None:
            self.told.append(why)

    class Transport(Consumer):
        def abortConnection(self) -> None:
            self.told.append("aborted")

    class Request(Consumer):
        def __init__(self) -> None:
            super().__init__()
            self.transport = Transport()

    class Plain(Consumer):
        pass

    knows, transport, request, plain = Knows(), Transport(), Request(), Plain()
    for consumer in (knows, transport, request, plain):
        sink_of(consumer).failed(error)
        assert consumer.producer is None
    assert knows.told == [error]
    assert transport.told == ["aborted"]
    assert request.transport.told == ["aborted"]
    assert plain.told == []


def test_what_cannot_be_written_to() -> None:
    with pytest.raises(InvalidArgument):
        sink_of(3)
