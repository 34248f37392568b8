"""Where the time of a message goes: for each workload a ladder of pieces of work, each doing more than the last.

All of it runs in memory, on a line without a socket: what the kernel and the server cost is in ``make bench``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from twisted.internet.defer import Deferred

from bench.job import HEADERS
from bench.line import World
from txnats.jetstream import JetStream
from txnats.jetstream.consume.pull import Pull
from txnats.jetstream.message import JsMessage
from txnats.message import Message
from txnats.options import KIB, Limits
from txnats.state.outbox import Outbox
from txnats.state.subscriptions import Subscriptions
from txnats.wire import header_block
from txnats.wire.encode import LENGTH_LINES, PublishHeads
from txnats.wire.parser import Parser

SUBJECT = "bench.subject"
BATCH = 256
BATCHES = 40
MESSAGES = BATCH * BATCHES
READ = 64 * KIB
CONTROL_LINE = 4096


class Meter:
    """Processor seconds of what it is told to look at."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        start = time.process_time()
        try:
            yield
        finally:
            self.seconds += time.process_time() - start


Work: TypeAlias = Callable[[Meter], None]


@dataclass(frozen=True, slots=True)
class Rung:
    """One piece of work: it handles ``MESSAGES`` messages each time it is called."""

    name: str
    work: Work


@dataclass(frozen=True, slots=True)
class Ladder:
    """Pieces of work; what a rung costs beyond the one before is what its name says."""

    name: str
    rungs: list[Rung]


# ---------------------------------------------------------------------- publish


def publish(size: int) -> Ladder:
    payload = b"x" * size
    heads = PublishHeads(CONTROL_LINE)
    heads.head(SUBJECT)
    outbox = Outbox(limit=2**40, limit_down=2**40, replay_limit=0, wake=lambda: None)
    outbox.up()
    into = World()

    def look_up(meter: Meter) -> None:
        known = heads.plain.get
        with meter.running():
            for _ in range(MESSAGES):
                known(SUBJECT), LENGTH_LINES[16]

    def add(meter: Meter) -> None:
        head, line = heads.plain[SUBJECT], LENGTH_LINES[16]
        with meter.running():
            for _ in range(BATCHES):
                for _ in range(BATCH):
                    outbox.add(head, line, payload)
                while outbox.take() is not None:
                    pass

    def whole(meter: Meter) -> None:
        call, turn = into.client.publish, into.turn
        with meter.running():
            for _ in range(BATCHES):
                for _ in range(BATCH):
                    call(SUBJECT, payload)
                turn()

    return Ladder(
        f"publish {size:,} B",
        [
            Rung("the head and the length line", look_up),
            Rung("the outbox: room, sealing, joining", add),
            Rung("Client.publish: checks; once a batch the write", whole),
        ],
    )


def publish_headers() -> Ladder:
    payload, into = b"x" * 128, World()

    def encode(meter: Meter) -> None:
        with meter.running():
            for _ in range(MESSAGES):
                header_block.encode(HEADERS)

    def whole(meter: Meter) -> None:
        call, turn = into.client.publish, into.turn
        with meter.running():
            for _ in range(BATCHES):
                for _ in range(BATCH):
                    call(SUBJECT, payload, headers=HEADERS)
                turn()

    return Ladder("publish 128 B + headers", [Rung("the header block", encode), Rung("all else", whole)])


# ---------------------------------------------------------------------- deliver


def stream(size: int, *, headers: bool = False) -> list[bytes]:
    """What a server sends, in reads of a socket."""
    block = header_block.encode(HEADERS) if headers else b""
    verb = b"HMSG" if headers else b"MSG"
    numbers = b"%d %d" % (len(block), len(block) + size) if headers else b"%d" % size
    data = (b"%b %b 1 %b\r\n%b%b\r\n" % (verb, SUBJECT.encode(), numbers, block, b"x" * size)) * MESSAGES
    return [data[at : at + READ] for at in range(0, len(data), READ)]


class Nobody:
    """Owner of an entry in a table: does nothing with messages."""

    def accept(self, message: Message) -> None: ...
    def exhausted(self) -> None: ...
    def denied(self, error: object) -> None: ...
    def client_closed(self, reason: object) -> None: ...


def deliver(size: int, *, headers: bool = False) -> Ladder:
    chunks = stream(size, headers=headers)
    table = Subscriptions()
    table.add(SUBJECT.encode(), None, Nobody())

    def parse(meter: Meter) -> None:
        parser = Parser(Limits())
        with meter.running():
            for chunk in chunks:
                parser.feed(chunk)

    def look_up(meter: Meter) -> None:
        parser = Parser(Limits())
        with meter.running():
            for chunk in chunks:
                table.deliver(parser.feed(chunk), 0)

    def handled_by(handler: Callable[[Message], object]) -> Work:
        to = World()
        subscription = to.client.subscribe(SUBJECT, handler)
        to.turn()

        def whole(meter: Meter) -> None:
            before = subscription.handled
            with meter.running():
                for chunk in chunks:
                    to.line.send(chunk)
            assert subscription.handled == before + MESSAGES

        return whole

    async def coroutine(_: Message) -> None:
        pass

    return Ladder(
        f"deliver {size:,} B" + (" + headers, unread" if headers else ""),
        [
            Rung("the parser, messages included", parse),
            Rung("the table of subscriptions (nobody takes them)", look_up),
            Rung("a plain handler, called (without the one before)", handled_by(lambda _: None)),
            Rung("the same as a coroutine that does not wait", handled_by(coroutine)),
        ],
    )


# ---------------------------------------------------------------------- request

ASKED = re.compile(rb"PUB \S+ (\S+) (\d+)\r\n")


def answers(line: Any, payload: bytes) -> bytes:
    """What a responder says to all that was asked, on the inbox of the first SUB."""
    asked = b"".join(line.kept)
    line.kept.clear()
    tail = b" 1 %d\r\n%b\r\n" % (len(payload), payload)
    return b"".join([b"MSG " + found[1] + tail for found in ASKED.finditer(asked)])


def request(in_flight: int) -> Ladder:
    to = World()
    to.line.keeps = True
    payload, rounds = b"x" * 16, MESSAGES // in_flight

    async def ask(count: int) -> None:
        for _ in range(count):
            await to.client.request(SUBJECT, payload)

    def whole(meter: Meter) -> None:
        askers = []
        with meter.running():
            askers = [Deferred.fromCoroutine(ask(rounds)) for _ in range(in_flight)]
        for _ in range(rounds):
            with meter.running():
                to.turn()
            said = answers(to.line, payload)
            with meter.running():
                to.line.send(said)
        assert all(asker.called for asker in askers)

    def sending(meter: Meter) -> None:
        into = World()
        for _ in range(rounds):
            with meter.running():
                waiting = [into.client.request(SUBJECT, payload) for _ in range(in_flight)]
                into.turn()
            for each in waiting:
                each.addErrback(lambda _: None).cancel()

    return Ladder(
        f"request, {in_flight} in flight",
        [Rung("asking: Deferred, token, deadline, publish", sending), Rung("the reply, and who awaits it", whole)],
    )


# ---------------------------------------------------------------------- JetStream


def windowed() -> Ladder:
    to = World()
    to.line.keeps = True
    js = JetStream(to.client)
    payload = b"x" * 16
    ack = b'{"stream":"BENCH","seq":123456}'

    async def store() -> None:
        async with js.publisher(max_in_flight=BATCH) as publisher:
            for _ in range(MESSAGES):
                await publisher.publish(SUBJECT, payload)

    def whole(meter: Meter) -> None:
        with meter.running():
            storing = Deferred.fromCoroutine(store())
        while not storing.called:
            with meter.running():
                to.turn()
            said = answers(to.line, ack)
            with meter.running():
                to.line.send(said)

    return Ladder(f"JetStream publish, {BATCH} in flight", [Rung("all", whole)])


PULLED = re.compile(rb"PUB \$JS\.API\.CONSUMER\.MSG\.NEXT\S+ (\S+)\.(\d+) \d+\r\n")
SUBSCRIBED = re.compile(rb"SUB (\S+)\.\* (\d+)\r\n")


def fetched() -> Ladder:
    to = World()
    to.line.keeps = True
    pull = Pull(JetStream(to.client), "BENCH", "bench")

    def deliveries() -> bytes:
        said = b"".join(to.line.kept)
        to.line.kept.clear()
        sids = dict(SUBSCRIBED.findall(said))
        inbox = PULLED.findall(said)[-1][0]
        sid = sids[inbox]
        return b"".join(
            [
                b"MSG %b %b $JS.ACK.BENCH.bench.1.%d.%d.1763990000000000000.%d 16\r\n%b\r\n"
                % (SUBJECT.encode(), sid, number, number, MESSAGES - number, b"x" * 16)
                for number in range(10_000, 10_000 + BATCH)
            ]
        )

    def fetching(*, acks: bool) -> Work:
        def whole(meter: Meter) -> None:
            for _ in range(BATCHES):
                with meter.running():
                    messages = pull.fetch(BATCH)
                    to.turn()
                said = deliveries()
                got: list[JsMessage] = []
                messages.addCallback(got.extend)
                with meter.running():
                    to.line.send(said)
                    if acks:
                        for message in got:
                            message.ack()
                    to.turn()
                assert len(got) == BATCH

        return whole

    def parse(meter: Meter) -> None:
        pull.fetch(BATCH)
        to.turn()
        said = deliveries()
        parser = Parser(Limits())
        with meter.running():
            for _ in range(BATCHES):
                parser.feed(said)

    return Ladder(
        f"JetStream fetch {BATCH} + ack",
        [
            Rung("the parser, messages included", parse),
            Rung("the fetch: its subscription, pull, timers, the list", fetching(acks=False)),
            Rung("the acknowledgements", fetching(acks=True)),
        ],
    )


def ladders() -> list[Ladder]:
    """All of them."""
    return [
        publish(16),
        publish(KIB),
        publish_headers(),
        deliver(16),
        deliver(128),
        deliver(KIB),
        deliver(16, headers=True),
        request(1),
        request(100),
        windowed(),
        fetched(),
    ]
