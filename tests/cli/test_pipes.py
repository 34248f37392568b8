"""Standard input and output, in a thread."""

from __future__ import annotations

import os
import threading
from io import BufferedReader, FileIO

import pytest
from twisted.internet import reactor
from twisted.trial.unittest import TestCase

from txnats.cli import pipes
from txnats.cli.pipes import Input, Sink, Worker
from txnats.errors import InvalidArgument


class Pipes(TestCase):
    def pipe(self) -> tuple[BufferedReader, FileIO]:
        reading, writing = os.pipe()
        files = os.fdopen(reading, "rb"), os.fdopen(writing, "wb", 0)
        for each in files:
            self.addCleanup(each.close)
        return files

    async def test_chunks_as_they_come(self) -> None:
        reading, writing = self.pipe()
        source = Input(reactor, reading.fileno())
        first = source.chunk()
        writing.write(b"one")
        assert await first == b"one"
        writing.write(b"two")
        writing.close()
        assert [chunk async for chunk in source] == [b"two"]

    async def test_the_whole(self) -> None:
        reading, writing = self.pipe()
        whole = b"x" * (3 * pipes.CHUNK + 5)
        threading.Thread(target=_written, args=(writing, whole)).start()
        assert await Input(reactor, reading.fileno()).whole() == whole

    async def test_more_than_a_message_can_hold(self) -> None:
        self.patch(pipes, "MOST_BODY", 1000)
        reading, writing = self.pipe()
        threading.Thread(target=_written, args=(writing, b"x" * 1001)).start()
        with pytest.raises(InvalidArgument, match="standard input is too large for a message"):
            await Input(reactor, reading.fileno()).whole()

    async def test_lines(self) -> None:
        reading, writing = self.pipe()
        lines = Input(reactor, reading.fileno()).lines()
        writing.write(b"a\n\nb")
        assert await anext(lines) == b"a"
        assert await anext(lines) == b""
        writing.write(b"c\nlast")
        writing.close()
        assert [line async for line in lines] == [b"bc", b"last"]

    async def test_a_line_that_never_ends(self) -> None:
        self.patch(pipes, "MOST_BODY", 1000)
        reading, writing = self.pipe()
        threading.Thread(target=_written, args=(writing, b"x" * 1001)).start()
        with pytest.raises(InvalidArgument, match="too large"):
            await anext(Input(reactor, reading.fileno()).lines())

    async def test_all_is_written_to_a_slow_reader(self) -> None:
        reading, writing = self.pipe()
        data = os.urandom(300_000)  # more than a pipe holds
        written = Sink(reactor, writing.fileno()).write(data)
        got = await Worker(reactor).do(lambda: reading.read(len(data)))
        await written
        assert got == data

    async def test_nobody_reads(self) -> None:
        reading, writing = self.pipe()
        reading.close()
        await self.assertFailure(Sink(reactor, writing.fileno()).write(b"x"), BrokenPipeError)

    async def test_a_read_that_nobody_waits_for_any_more_is_no_loss_of_the_next(self) -> None:
        release = threading.Event()
        worker = Worker(reactor)
        first = worker.do(release.wait)
        second = worker.do(lambda: "second")
        first.addErrback(lambda _: None)
        first.cancel()
        release.set()
        assert await second == "second"


def _written(file: FileIO, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    file.close()
