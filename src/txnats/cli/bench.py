"""``bench``: how fast it goes, here and now."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from twisted.internet.defer import Deferred, gatherResults

from ..client import Client
from ..message import Message
from .app import Family, verb
from .figures import Figures, histogram, read
from .params import Size
from .running import Session

_MSGS = click.option("--msgs", type=click.IntRange(1), default=100_000, show_default=True, help="How many messages.")
_SIZE = click.option("--size", "payload", type=Size(), default=128, show_default=True, help="Bytes of each body.")
_SAVE = click.option("--save", type=click.Path(dir_okay=False), help="Write the figures to this file.")
_COMPARE = click.option(
    "--compare", type=click.Path(exists=True, dir_okay=False), help="Show the change against a saved run."
)


class Timing:
    """From now on: wall clock and this process's CPU."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def figures(self, what: str, count: int, payload: int, times: Sequence[float] = ()) -> Figures:
        """What so many messages took."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        rate = count / wall if wall > 0 else 0.0
        return Figures(what=what, rate=rate, bytes_rate=rate * payload, cpu_us=cpu / count * 1e6, times=list(times))


@click.group(cls=Family)
def bench() -> None:
    """Measure publishing, subscribing and requests."""


@verb(bench)
@click.argument("subject")
@_MSGS
@_SIZE
@_SAVE
@_COMPARE
async def pub(
    session: Session, *, subject: str, msgs: int, payload: int, save: str | None, compare: str | None
) -> None:
    """Publish as fast as it goes, until the server has read it all."""
    client, data = await session.connect(), os.urandom(payload)
    timing = Timing()
    await _publish(client, subject, data, msgs)
    await client.flush(600.0)
    show(session, timing.figures(f"publish {payload} B", msgs, payload), save, compare)


@verb(bench)
@click.argument("subject")
@_MSGS
@click.option("--queue", help="Share the messages with all of this queue group.")
@_SAVE
@_COMPARE
async def sub(
    session: Session, *, subject: str, msgs: int, queue: str | None, save: str | None, compare: str | None
) -> None:
    """Take so many messages, and measure from the first."""
    client = await session.connect()
    receiver = _Receiver(client, subject, msgs, queue)
    await receiver.subscription.ready()
    session.out.line(f"Waiting for {msgs:,} messages")
    await receiver.done
    assert receiver.timing is not None
    figures = receiver.timing.figures("subscribe", msgs, receiver.size // msgs)
    show(session, figures, save, compare)


@verb(bench)
@click.argument("subject")
@_MSGS
@_SIZE
@_SAVE
@_COMPARE
async def pubsub(
    session: Session, *, subject: str, msgs: int, payload: int, save: str | None, compare: str | None
) -> None:
    """Publish on one connection and take it by another, in this process."""
    publisher, subscriber = await session.connect(), await session.connect()
    receiver = _Receiver(subscriber, subject, msgs, None)
    await receiver.subscription.ready()
    timing = Timing()
    await _publish(publisher, subject, os.urandom(payload), msgs)
    await receiver.done
    show(session, timing.figures(f"publish and subscribe {payload} B", msgs, payload), save, compare)


@verb(bench)
@click.argument("subject")
@click.option("--msgs", type=click.IntRange(1), default=10_000, show_default=True, help="How many requests.")
@click.option("--in-flight", type=click.IntRange(1), default=1, show_default=True, help="So many at a time.")
@_SIZE
@_SAVE
@_COMPARE
async def request(
    session: Session, *, subject: str, msgs: int, in_flight: int, payload: int, save: str | None, compare: str | None
) -> None:
    """Ask whoever answers at SUBJECT, and measure each reply: see `bench serve`."""
    client, data = await session.connect(), os.urandom(payload)
    times: list[float] = []

    async def ask(count: int) -> None:
        for _ in range(count):
            start = time.perf_counter()
            await client.request(subject, data, timeout=session.settings.seconds)
            times.append(time.perf_counter() - start)

    await ask(1)
    times.clear()
    timing = Timing()
    shares = [msgs // in_flight + (index < msgs % in_flight) for index in range(in_flight)]
    await gatherResults([Deferred.fromCoroutine(ask(share)) for share in shares], consumeErrors=True)
    show(session, timing.figures(f"request {payload} B, {in_flight} in flight", msgs, payload, times), save, compare)


@verb(bench)
@click.argument("subject")
@click.option("--queue", default="bench", show_default=True, help="Share the requests with all of this group.")
async def serve(session: Session, *, subject: str, queue: str) -> None:
    """Answer requests with what they bring, until Ctrl-C."""
    client = await session.connect()
    told = session.interrupted()
    await client.subscribe(subject, lambda message: message.respond(message.payload), queue=queue or None).ready()
    session.out.line(f'Answering at "{subject}"')
    await told


class _Receiver:
    """Counts messages up to a number."""

    def __init__(self, client: Client, subject: str, count: int, queue: str | None) -> None:
        self.done: Deferred[None] = Deferred()
        self.timing: Timing | None = None
        self.size = 0
        self._left = count
        self.subscription = client.subscribe(subject, self._take, queue=queue, slow_policy="pause")

    def _take(self, message: Message) -> None:
        if self.timing is None:
            self.timing = Timing()
        self.size += len(message.payload)
        self._left -= 1
        if self._left == 0:
            self.done.callback(None)


async def _publish(client: Client, subject: str, data: bytes, count: int) -> None:
    publish = client.publish
    for start in range(0, count, 256):
        for _ in range(start, min(start + 256, count)):
            publish(subject, data)
        await client.ready_to_write()


def show(session: Session, figures: Figures, save: str | None, compare: str | None) -> None:
    """Print the figures, and keep or compare them when that was asked."""
    earlier = None if compare is None else read(Path(compare), figures.what)
    if save is not None:
        Path(save).write_bytes(msgspec.json.encode(figures))
    session.out.record("", figures.words(earlier), figures.fields(earlier))
    for line in histogram(figures.times):
        session.out.line(line)
