"""What can be put, read bit by bit."""

from __future__ import annotations

import io
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IPullProducer, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from txnats.errors import InvalidArgument
from txnats.objectstore.sources import MOST_WAITING, Inlet, Source, source_of


def now(deferred: Deferred[bytes]) -> bytes:
    found: list[Any] = []
    deferred.addBoth(found.append)
    assert found, "it is not there yet"
    if isinstance(found[0], Failure):
        found[0].raiseException()
    data: bytes = found[0]
    return data


def everything(source: Source, size: int = 3) -> bytes:
    whole = b""
    while data := now(source.read(size)):
        whole += data
    source.close()
    return whole


async def pieces() -> AsyncIterator[bytes]:
    for piece in (b"ab", b"", b"cde"):
        yield piece


def test_whatever_can_be_put() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f"
        path.write_bytes(b"abcde")
        given: list[Any] = [
            b"abcde",
            bytearray(b"abcde"),
            memoryview(b"abcde"),
            path,
            io.BytesIO(b"abcde"),
            [b"ab", b"", b"cde"],
            iter([b"abcde"]),
            pieces(),
        ]
        for each in given:
            assert everything(source_of(each)) == b"abcde", each
        assert source_of(b"abc").total == 3
        sized = source_of(path)
        assert sized.total == 5
        sized.close()


@pytest.mark.parametrize("what", ["text", 3, None])
def test_what_cannot(what: Any) -> None:
    with pytest.raises(InvalidArgument):
        source_of(what)


def test_text_is_refused_wherever_it_comes_from() -> None:
    with pytest.raises(InvalidArgument):
        source_of(io.StringIO("text")).read(3)
    with pytest.raises(InvalidArgument):
        source_of(["text"]).read(3)


@implementer(IPushProducer)
class Producer:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        self.told.append("pause")

    def resumeProducing(self) -> None:
        self.told.append("resume")

    def stopProducing(self) -> None:
        self.told.append("stop")


def test_a_fast_producer_is_paused() -> None:
    inlet, producer = Inlet(), Producer()
    inlet.registerProducer(producer, True)
    for _ in range(4):
        inlet.write(b"x" * (MOST_WAITING // 4))
    assert producer.told == ["pause"]
    for _ in range(4):
        now(inlet.read(1))
    assert producer.told == ["pause", "resume"]
    waiting = inlet.read(1)
    inlet.write(b"late")
    assert now(waiting) == b"late"
    inlet.unregisterProducer()
    assert now(inlet.read(1)) == b""


def test_a_producer_is_stopped_when_nothing_more_is_wanted() -> None:
    inlet, producer = Inlet(), Producer()
    inlet.registerProducer(producer, True)
    inlet.close()
    inlet.write(b"late")
    assert producer.told == ["stop"]


def test_a_pull_producer_is_asked_for_more() -> None:
    @implementer(IPullProducer)
    class Pull:
        left = 3

        def resumeProducing(self) -> None:
            if self.left:
                self.left -= 1
                inlet.write(b"%d" % self.left)
            else:
                inlet.unregisterProducer()

        def stopProducing(self) -> None:
            raise AssertionError

    inlet = Inlet()
    inlet.registerProducer(Pull(), False)
    assert everything(inlet) == b"210"


def test_a_body_producer() -> None:
    class Body(Producer):
        length = 5

        def startProducing(self, consumer: Any) -> Deferred[None]:  # noqa: N802  # Twisted calls this
            consumer.write(b"abc")
            consumer.write(b"de")
            return succeed(None)

    source = source_of(Body())
    assert source.total == 5
    assert everything(source) == b"abcde"


def test_a_body_producer_that_fails() -> None:
    class Body(Producer):
        length = object()

        def startProducing(self, consumer: Any) -> Deferred[None]:  # noqa: N802  # Twisted calls this
            self.done: Deferred[None] = Deferred()
            return self.done

    body = Body()
    source = source_of(body)
    waiting = source.read(1)
    body.done.errback(ValueError("on purpose"))
    with pytest.raises(ValueError, match="on purpose"):
        now(waiting)
