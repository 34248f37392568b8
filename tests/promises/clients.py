"""Clients that run in processes of their own: ``python -m tests.promises.clients NAME ARGUMENTS``, see ``child.py``."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet import stdio, task
from twisted.internet.defer import Deferred
from twisted.protocols.basic import LineOnlyReceiver

import txnats
from txnats import events, objectstore
from txnats.jetstream import JetStream

reactor: Any = _reactor
NEVER = txnats.PingOptions(interval=0)


def memory() -> dict[str, int]:
    """Bytes of memory in use now, and the most so far."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = dict(re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB", status, re.M))
    return {"rss": int(found["VmRSS"]) * 1024, "peak": int(found["VmHWM"]) * 1024}


def say(**values: Any) -> None:
    """Tell whoever started us."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


class Heard(LineOnlyReceiver):
    """What we are told, line by line."""

    delimiter = b"\n"

    def __init__(self) -> None:
        self._waiter: Deferred[dict[str, Any]] | None = None

    def next(self) -> Deferred[dict[str, Any]]:
        self._waiter = Deferred()
        return self._waiter

    def lineReceived(self, line: bytes) -> None:  # noqa: N802  # Twisted calls this
        assert self._waiter is not None
        self._waiter.callback(json.loads(line))


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await task.deferLater(reactor, 0.01, lambda: None)


async def flooded(url: str, *, policy: str, pending: int) -> None:
    """Subscribe with a handler of 1 ms, and tell what became of all that came."""
    told: list[events.Event] = []
    least = 0

    def handle(_: txnats.Message) -> Deferred[None]:
        nonlocal least
        least = min(least, subscription.pending, subscription.pending_bytes)
        return task.deferLater(reactor, 0.001, lambda: None)

    client = await txnats.connect(reactor, url, on_event=told.append)
    before = memory()["rss"]
    subscription = client.subscribe("flood", handle, slow_policy=policy, pending_messages=pending)
    done = subscription.when_done()
    # The PONG comes behind the whole flood.
    await client.flush(timeout=4 * 3600)
    say(delivered=subscription.delivered, pending=subscription.pending, before=before, **memory())
    if subscription.is_active:
        report = await subscription.drain(timeout=4 * 3600)
        assert report.abandoned == 0, report
    await client.flush()
    say(
        ended=(await done).value,
        delivered=subscription.delivered,
        handled=subscription.handled,
        dropped=subscription.dropped,
        pending=subscription.pending,
        pending_bytes=subscription.pending_bytes,
        least=least,
        slow_events=sum(isinstance(event, events.SlowConsumer) for event in told),
        losses=sum(isinstance(event, events.Disconnected) for event in told),
        **memory(),
    )
    await client.close()


async def offering(url: str, *, offered: int, size: int) -> None:
    """Publish with back-pressure; tell how far one gets while the peer reads nothing, and at the end."""
    client = await txnats.connect(reactor, url, ping=NEVER)
    before = memory()["rss"]
    count = offered // size
    filler = b" " + b"x" * size
    published = waits = 0
    stalled = False

    async def publish() -> None:
        nonlocal published, waits
        while published < count:
            ready = client.ready_to_write()
            waits += not ready.called
            await ready
            client.publish("offered", (b"%d" % published + filler)[:size])
            published += 1

    publishing = Deferred.fromCoroutine(publish())
    while not stalled and not publishing.called:
        last = published
        await task.deferLater(reactor, 0.3, lambda: None)
        stalled = last == published
    say(stalled=stalled, published=published, waiting=client.statistics.waiting_bytes, before=before, **memory())
    await publishing
    await client.flush(timeout=4 * 3600)
    say(published=published, waits=waits, unconfirmed=client.statistics.unconfirmed, **memory())
    await client.close()


async def overflowing(url: str, *, size: int) -> None:
    """Publish without looking until it is refused; tell what was taken, and when all of it has gone."""
    client = await txnats.connect(reactor, url, ping=NEVER)
    before = memory()["rss"]
    filler = b" " + b"x" * size
    published = 0
    refusal = None
    while refusal is None:
        try:
            client.publish("offered", (b"%d" % published + filler)[:size])
        except txnats.OutboxFull as error:
            refusal = error
        else:
            published += 1
            if published % 100 == 0:
                await task.deferLater(reactor, 0, lambda: None)
    say(
        published=published,
        refused_at=refusal.waiting,
        limit=refusal.limit,
        waiting=client.statistics.waiting_bytes,
        before=before,
        **memory(),
    )
    await client.flush(timeout=600)
    say(published=published, unconfirmed=client.statistics.unconfirmed, **memory())
    await client.close()


async def stopping(url: str, *, interval: float) -> None:
    """Stay connected; tell on demand how often the connection was lost."""
    told: list[events.Event] = []
    ping = txnats.PingOptions(interval=interval, max_outstanding=2)
    heard = Heard()
    stdio.StandardIO(heard)
    client = await txnats.connect(reactor, url, ping=ping, on_event=told.append)
    asked = heard.next()
    say(connected=True)
    await asked
    await client.flush()
    counts = {kind: sum(isinstance(event, kind) for event in told) for kind in {type(event) for event in told}}
    say(
        disconnected=counts.get(events.Disconnected, 0),
        attempts=counts.get(events.Reconnecting, 0),
        reconnected=counts.get(events.Reconnected, 0),
        flushed=True,
        reasons=[str(event.reason) for event in told if isinstance(event, events.Disconnected)],
    )
    await client.close()


async def objects(url: str, *, store: str, size: int, steps: int) -> None:
    """Put an object of generated bytes and get it again; stop at some steps until told to go on."""
    heard = Heard()
    stdio.StandardIO(heard)
    patient = txnats.ReconnectOptions(first_wait=0.02, max_wait=0.2, max_attempts=-1)
    client = await txnats.connect(reactor, url, reconnect=patient)
    opened = await objectstore.open(JetStream(client, timeout=60.0), store)
    piece = bytes(range(256)) * 256
    expected = sha256()
    before = memory()["rss"]

    async def stop_at(step: int) -> None:
        asked = heard.next()
        say(step=step)
        await asked

    async def pieces() -> AsyncIterator[bytes]:
        sent = 0
        while sent < size:
            if sent % max(1, size // steps // len(piece) * len(piece)) == 0:
                await stop_at(sent * steps // size)
            part = piece[: size - sent]
            sent += len(part)
            expected.update(part)
            yield part

    failed_puts = failed_gets = 0
    while True:
        expected = sha256()
        try:
            await opened.put("object", pieces())
            break
        except txnats.NatsError:
            failed_puts += 1
    await opened.when_clean()
    while True:
        digest, got = sha256(), 0
        try:
            async for chunk in await opened.read("object"):
                if got * steps // size != (got + len(chunk)) * steps // size:
                    await stop_at(got * steps // size)
                got += len(chunk)
                digest.update(chunk)
            break
        except txnats.NatsError:
            failed_gets += 1
    say(
        digest=digest.hexdigest(),
        expected=expected.hexdigest(),
        failed_puts=failed_puts,
        failed_gets=failed_gets,
        before=before,
        **memory(),
    )
    await client.close()


PROGRAMS: dict[str, Callable[..., Awaitable[None]]] = {
    each.__name__: each for each in (flooded, objects, offering, overflowing, stopping)
}


def main() -> None:
    """Run the program that the command line names."""
    name, arguments = sys.argv[1:]

    def run(_: object) -> Deferred[None]:
        async def program() -> None:
            await PROGRAMS[name](**json.loads(arguments))

        return Deferred.fromCoroutine(program())

    task.react(run)


if __name__ == "__main__":
    main()
