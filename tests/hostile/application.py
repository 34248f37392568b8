"""A process with an ordinary application of the client in it. One job after the other comes in on standard input."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, cast

import msgspec
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.stdio import StandardIO
from twisted.logger import ILogObserver, globalLogBeginner
from twisted.protocols.basic import LineOnlyReceiver

import txnats
from tests.hostile.messages import ADDRESS_SPACE, Job, Report, Told
from txnats import Client, Message, events

reactor: Any = _reactor
_FEW, _MANY = 20, 400
_LIFE = (events.Connected, events.Disconnected, events.Reconnecting, events.Reconnected, events.Closed)
_failures: list[str] = []


class Application:
    """Subscribes to ``it``. Told "done" it flushes and says bye; back after a loss it publishes a probe to itself."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.report = Report(slowed="coverage" in sys.modules)
        self.over: Deferred[bool] = Deferred()
        self.start = reactor.seconds()
        self.client: Client | None = None
        self.counts: Counter[str] = Counter()
        self.unread: object = None

    async def run(self) -> Report:
        job, report = self.job, self.report
        before = _opened()
        base = _forget_peak()
        processor = time.process_time()
        deadline = reactor.callLater(job.deadline, self.end, False)
        for _ in range(job.repeat):
            await self.connect()
        if self.client is None or job.until == "connected":
            self.end(True)
        else:
            self.subscribe(self.client)
        report.ended = await self.over
        report.seconds = reactor.seconds() - self.start
        report.processor = time.process_time() - processor
        if deadline.active():
            deadline.cancel()
        if self.client is not None:
            await self.client.close()
        report.growth = max(0, _peak() - base)
        report.counts = dict(self.counts)
        self.client = self.unread = None
        gc.collect()
        report.left = [str(call) for call in reactor.getDelayedCalls()]
        report.left += [f"descriptor {each}" for each in _opened() - before]
        report.logged, _failures[:] = list(_failures[:_FEW]), []
        return report

    async def connect(self) -> None:
        job = self.job
        started = reactor.seconds()
        if self.client is not None:
            await self.client.close()
        try:
            self.client = await txnats.connect(
                reactor,
                job.servers,
                timeout=job.timeout,
                reconnect=txnats.ReconnectOptions(
                    first_wait=job.first_wait,
                    max_wait=job.max_wait,
                    jitter=0.0,
                    max_attempts=job.max_attempts,
                    retry_on_first_connect=job.retry_on_first_connect,
                    shuffle=False,
                ),
                ping=txnats.PingOptions(interval=job.ping_interval),
                limits=msgspec.convert(job.limits, txnats.Limits),
                websocket=txnats.WebSocketOptions(**job.websocket),
                tls=txnats.TlsOptions() if job.tls else None,
                endpoint_factory=self.endpoint if job.names_at else None,
                on_event=self.on_event,
            )
        except txnats.NatsError as error:
            self.report.connected.append(_named(error))
        else:
            self.report.connected.append("")
        self.report.slowest_connect = max(self.report.slowest_connect, reactor.seconds() - started)

    def endpoint(self, host: str, port: int) -> TCP4ClientEndpoint:
        return TCP4ClientEndpoint(reactor, "127.0.0.1", self.job.names_at if host.endswith(".test") else port)

    def subscribe(self, client: Client) -> None:
        self.unread = client.events()
        if client.status is txnats.Status.CLOSED:
            return
        client.subscribe("it", self.on_message)

    def on_event(self, event: events.Event) -> None:
        kind = type(event).__name__
        self.counts[kind] += 1
        if len(self.report.events) < _MANY or isinstance(event, _LIFE):
            match event:
                case events.Disconnected(reason) | events.Closed(reason) | events.AttemptFailed(error=reason):
                    text = _named(reason)
                case _:
                    text = repr(event)
            self.report.events.append(Told(kind, text[:500], reactor.seconds() - self.start))
        match event:
            case events.Reconnected() if self.client is not None:
                self.client.publish("it", b"probe")
            case events.Closed() if self.job.until == "closed":
                self.end(True)

    def on_message(self, message: Message) -> None:
        try:
            _ = message.headers
        except txnats.RemoteProtocolError as error:
            if len(self.report.header_errors) < _FEW:
                self.report.header_errors.append(_named(error))
        if len(self.report.delivered) < _FEW:
            self.report.delivered.append(message.payload[:32].decode("ascii", "backslashreplace"))
        if message.payload == b"probe" and self.job.until == "recovered":
            self.end(True)
        if message.payload == b"done":
            Deferred.fromCoroutine(self.flush())

    async def flush(self) -> None:
        client = self.client
        assert client is not None
        said = ""
        try:
            await client.flush(timeout=self.job.deadline)
        except txnats.NatsError as error:
            said = _named(error)
        try:
            client.publish("bye")
        except txnats.PayloadTooLarge as error:
            said = _named(error)
            client.reconnect()
        self.report.flushed.append(said)

    def end(self, ended: bool) -> None:
        if not self.over.called:
            self.over.callback(ended or self.job.until == "deadline")


class Jobs(LineOnlyReceiver):
    delimiter = b"\n"
    MAX_LENGTH = 1 << 20
    transport: Any

    def lineReceived(self, line: bytes) -> None:  # noqa: N802  # Twisted calls it
        job = msgspec.json.decode(line, type=Job)
        Deferred.fromCoroutine(Application(job).run()).addCallbacks(self.answer, self.fail)

    def answer(self, report: Report) -> None:
        self.sendLine(msgspec.json.encode(report))

    def fail(self, failure: Any) -> None:
        failure.printTraceback(sys.__stderr__)
        reactor.stop()

    def connectionLost(self, reason: Any = None) -> None:
        if reactor.running:
            reactor.stop()


def _named(error: BaseException | None) -> str:
    return "" if error is None else f"{type(error).__name__}: {error}"


def _opened() -> set[str]:
    """Open descriptors by what they are: a number may come back for something else."""
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{each.name} {each.readlink()}")
        except OSError:
            continue
    return found


def _status(name: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) << 10


def _forget_peak() -> int:
    """Bytes resident now, from which on the peak counts. Memory that is free goes back first: growth shall show."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM")


def _observe(event: Any) -> None:
    failure = event.get("log_failure")
    if failure is not None or event.get("isError"):
        _failures.append(str(failure.getErrorMessage() if failure is not None else event.get("log_format"))[:300])


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    globalLogBeginner.beginLoggingTo([cast(ILogObserver, _observe)], redirectStandardIO=False, discardBuffer=True)
    StandardIO(Jobs())
    reactor.run()
    sys.stdout.flush()


if __name__ == "__main__":
    assert os.environ.get("MALLOC_ARENA_MAX") == "1", "each thread's own heap would blur what is measured"
    main()
