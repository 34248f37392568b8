"""What many of everything cost: ``python -m bench.scale``, ``--write docs/scale.md`` to keep the tables.

Each part runs in a process of its own, so that no part sees the memory of another. Client figures without a server are
processor time in memory, on a line without a socket; the others are against a nats-server on this machine.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median

from twisted.internet import task
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime

import bench
import txnats
from bench import server
from bench.line import World
from bench.peers.measure import Stopwatch, rss_bytes
from bench.profile import replaced
from txnats.message import Message

SUBJECT = "scale.subject"
READ = 64 * 1024
ROUNDS = 5
MESSAGES = 20_000
CONNECTIONS = 200


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "--:|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)]) + "\n"


def ignore(_: Message) -> None:
    """A handler."""


def delivered(world: World, messages: Sequence[bytes]) -> float:
    """Microseconds of processor time a message, the median of a few rounds."""
    data = b"".join(messages)
    chunks = [data[at : at + READ] for at in range(0, len(data), READ)]
    found = []
    for _ in range(ROUNDS):
        gc.collect()
        start = time.process_time()
        for chunk in chunks:
            world.line.send(chunk)
        found.append((time.process_time() - start) / len(messages) * 1e6)
    return median(found)


# ---------------------------------------------------------------------- in memory


def subscriptions() -> str:
    """The cost of a message against the number of subscriptions."""
    rows = []
    for count in (1, 10, 100, 1_000, 10_000):
        world = World()
        for number in range(count):
            world.client.subscribe(f"{SUBJECT}.{number}", ignore)
        world.turn()
        world.line.answer_pings()
        one = [b"MSG %b.0 1 16\r\n%b\r\n" % (SUBJECT.encode(), b"x" * 16)] * MESSAGES
        around = [
            b"MSG %b.%d %d 16\r\n%b\r\n" % (SUBJECT.encode(), number, number + 1, b"x" * 16)
            for number in (each % count for each in range(MESSAGES))
        ]
        rows.append((f"{count:,}", f"{delivered(world, one):.2f}", f"{delivered(world, around):.2f}"))
    return table(("subscriptions", "all messages for one, us", "each for the next one, us"), rows)


def sizes() -> str:
    """The cost of a message against its size."""
    rows = []
    for size in (0, 16, 128, 1024, 4096, 16 * 1024, 64 * 1024):
        world = World()
        world.client.subscribe(SUBJECT, ignore)
        world.turn()
        count = max(200, min(MESSAGES, 40_000_000 // (size + 40)))
        received = delivered(world, [b"MSG %b 1 %d\r\n%b\r\n" % (SUBJECT.encode(), size, b"x" * size)] * count)
        payload, found = b"x" * size, []
        for _ in range(ROUNDS):
            start = time.process_time()
            for number in range(count):
                world.client.publish(SUBJECT, payload)
                if number % 64 == 63:
                    world.turn()
            world.turn()
            found.append((time.process_time() - start) / count * 1e6)
        rows.append((f"{size:,}", f"{median(found):.2f}", f"{received:.2f}"))
    return table(("bytes of payload", "publish, us", "receive, us"), rows)


def memory() -> str:
    """What things that wait take."""
    rows = []
    world = World()
    count = 10_000

    def taken(make: Callable[[int], object]) -> float:
        gc.collect()
        before = rss_bytes()
        kept = [make(number) for number in range(count)]
        world.turn()
        gc.collect()
        grown = (rss_bytes() - before) / count
        del kept
        return grown

    client = world.client
    rows.append(("a subscription with a handler", f"{taken(lambda n: client.subscribe(f'a.{n}', ignore)):,.0f}"))
    rows.append(("a subscription that is read", f"{taken(lambda n: client.subscribe(f'b.{n}')):,.0f}"))

    def ask(number: int) -> object:
        return client.request(f"c.{number}", b"", timeout=3600.0).addErrback(lambda _: None)

    rows.append(("a request without its reply", f"{taken(ask):,.0f}"))
    kept: list[Message] = []
    client.subscribe("d", kept.append)
    world.turn()
    sid = 2 * count + 2  # behind the inbox

    def receive(number: int) -> None:
        world.line.send(b"MSG d %d 128\r\n%b\r\n" % (sid, b"x" * 128))

    rows.append(("a message of 128 bytes, kept", f"{taken(receive):,.0f}"))
    assert len(kept) == count
    return table(("", "bytes"), rows)


# ---------------------------------------------------------------------- against a server


def cpu_of(pid: int) -> float:
    """Processor seconds of another process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_of(pid: int) -> int:
    """Bytes of another process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def pid_of(running: object) -> int:
    """The server's process."""
    found = getattr(running, "pid", None)
    assert isinstance(found, int)
    return found


async def connect_many(reactor: IReactorTime, url: str, count: int) -> list[txnats.Client]:
    return list(await gatherResults([txnats.connect(reactor, url) for _ in range(count)]))


async def close_all(clients: Iterable[txnats.Client]) -> None:
    await gatherResults([client.close() for client in clients])


async def connections(reactor: IReactorTime) -> str:
    """What connections cost the client's process and the server."""
    rows = []
    with server.running() as (running, _):
        pid = pid_of(running)
        (first,) = await connect_many(reactor, running.url, 1)
        await first.flush()
        for count in (10, 50, CONNECTIONS):
            gc.collect()
            ours, theirs, their_cpu = rss_bytes(), rss_of(pid), cpu_of(pid)
            watch = Stopwatch()
            watch.start()
            clients = await connect_many(reactor, running.url, count)
            facts = watch.stop()
            subscribed = [client.subscribe(f"{SUBJECT}.{number}", ignore) for number, client in enumerate(clients)]
            await gatherResults([client.flush() for client in clients])
            gc.collect()
            rows.append(
                (
                    f"{count:,}",
                    f"{facts['seconds'] / count * 1e3:.2f}",
                    f"{facts['cpu_seconds'] / count * 1e3:.2f}",
                    f"{(cpu_of(pid) - their_cpu) / count * 1e3:.2f}",
                    f"{(rss_bytes() - ours) / count / 1024:.0f}",
                    f"{(rss_of(pid) - theirs) / count / 1024:.0f}",
                )
            )
            del subscribed
            await close_all(clients)
        await first.close()
    head = ("connections", "ms each", "client CPU ms", "server CPU ms", "client KiB each", "server KiB each")
    return table(head, rows)


async def fan_out(reactor: IReactorTime) -> str:
    """One publish to many subscriptions, which are spread over up to 50 connections of one process."""
    rows = []
    for width in (1, 10, 100, 1_000):
        with server.running() as (running, _):
            pid = pid_of(running)
            (publisher,) = await connect_many(reactor, running.url, 1)
            clients = await connect_many(reactor, running.url, min(width, 50))
            publishes = max(100, 100_000 // width)
            seen, wanted, done = [0], publishes * width, Deferred[None]()

            def count(_: Message, seen: list[int] = seen, wanted: int = wanted, done: Deferred[None] = done) -> None:
                seen[0] += 1
                if seen[0] == wanted:
                    done.callback(None)

            for number in range(width):
                clients[number % len(clients)].subscribe(SUBJECT, count)
            await gatherResults([client.flush() for client in clients])
            their_cpu, watch = cpu_of(pid), Stopwatch()
            watch.start()
            for _ in range(publishes):
                publisher.publish(SUBJECT, b"x" * 128)
            await done
            facts = watch.stop()
            rows.append(
                (
                    f"{width:,}",
                    f"{publishes:,}",
                    f"{wanted / facts['seconds'] / 1e3:,.0f}",
                    f"{facts['cpu_seconds'] / wanted * 1e6:.2f}",
                    f"{(cpu_of(pid) - their_cpu) / wanted * 1e6:.2f}",
                )
            )
            await close_all([publisher, *clients])
    head = ("fan-out", "publishes", "thousand deliveries/s", "client CPU us each", "server CPU us each")
    return table(head, rows)


async def idle(reactor: IReactorTime) -> str:
    """What connections cost that say nothing but their PINGs, one a second each here."""
    with server.running() as (running, _):
        pid = pid_of(running)
        ping = txnats.PingOptions(interval=1.0)
        dials = [txnats.connect(reactor, running.url, ping=ping) for _ in range(CONNECTIONS)]
        clients = list(await gatherResults(dials))
        await task.deferLater(reactor, 2.0, ignore, Message(b"", 0, None, b""))
        their_cpu, watch = cpu_of(pid), Stopwatch()
        watch.start()
        await task.deferLater(reactor, 6.0, ignore, Message(b"", 0, None, b""))
        facts = watch.stop()
        pings = CONNECTIONS * facts["seconds"]
        row = (f"{facts['cpu_seconds'] / pings * 1e6:.0f}", f"{(cpu_of(pid) - their_cpu) / pings * 1e6:.0f}")
        await close_all(clients)
    return table(("client CPU us a PING", "server CPU us a PING"), [row])


PURE: dict[str, Callable[[], str]] = {"subscriptions": subscriptions, "sizes": sizes, "memory": memory}
LIVE = {"connections": connections, "fan-out": fan_out, "idle": idle}


def run(part: str) -> None:
    """Do one part in this process."""
    if part in PURE:
        print(PURE[part]())
        return

    async def main(reactor: IReactorTime) -> None:
        print(await LIVE[part](reactor))

    task.react(lambda reactor: Deferred.fromCoroutine(main(reactor)))


def main(words: Sequence[str] | None = None) -> None:
    """Do all parts, each in its own process; print or keep their tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description="What many of everything cost.")
    parser.add_argument("--part", choices=[*PURE, *LIVE], help="only this one")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into this page")
    options = parser.parse_args(words)
    if options.part and not options.write:
        run(options.part)
        return
    for part in [options.part] if options.part else [*PURE, *LIVE]:
        command = [sys.executable, "-m", "bench.scale", "--part", part]
        text = subprocess.run(command, cwd=bench.ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        if options.write:
            options.write.write_text(replaced(options.write.read_text(), part, text + "\n"))
        else:
            print(f"{part}\n\n{text}\n", flush=True)


if __name__ == "__main__":
    main()
