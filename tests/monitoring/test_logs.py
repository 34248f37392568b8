"""Logs that are published: bounded, without secrets, and never because of themselves."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.threads import deferToThread
from twisted.logger import ILogObserver, Logger, LogLevel, globalLogPublisher
from twisted.logger import LogPublisher as Publisher
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

import txnats
from txnats import InvalidArgument, InvalidSubject
from txnats.hooks import Operation
from txnats.monitoring import LogPublisher
from txnats.monitoring.logs import MOST_TEXT, LogRecord
from txnats.server import NatsServer
from txnats.testing import World

pytest_plugins = ["txnats.testing.fixtures"]
reactor: Any = _reactor


def told(nats: World, pattern: str = "logs.>") -> list[LogRecord]:
    nats.settle()
    return [msgspec.json.decode(each.payload, type=LogRecord) for each in nats.published(pattern)]


@pytest.fixture
def log() -> Logger:
    return Logger("shop", observer=Publisher())


def listening(log: Logger, observer: LogPublisher) -> LogPublisher:
    log.observer.addObserver(observer)  # type: ignore[attr-defined]
    return observer


def test_a_record_tells_all_and_no_more(nats: World, log: Logger) -> None:
    client = nats.run(nats.connect())
    observer = listening(log, LogPublisher(client, source="host-1", level=LogLevel.debug))
    verifyObject(ILogObserver, observer)
    log.info("{count} orders of {who}", count=3, who="Joe", password="hidden")
    log.debug("small")
    try:
        raise ZeroDivisionError("by nothing")
    except ZeroDivisionError:
        log.failure("it broke")
    info, debug, critical = told(nats)
    assert [each.subject for each in nats.published()] == ["logs.info", "logs.debug", "logs.critical"]
    assert (info.text, info.level, info.namespace, info.source) == ("3 orders of Joe", "info", "shop", "host-1")
    assert info.time > 0
    assert b"hidden" not in nats.published()[0].payload
    assert debug.text == "small"
    assert critical.failure == "ZeroDivisionError: by nothing"
    assert "test_a_record_tells_all_and_no_more" in critical.traceback


def test_what_is_less_than_the_level_stays_here(nats: World, log: Logger) -> None:
    listening(log, LogPublisher(nats.run(nats.connect()), "logs.shop", level=LogLevel.warn))
    log.info("no")
    log.emit(LogLevel.warn, "yes")
    assert [each.text for each in told(nats)] == ["yes"]
    assert nats.published("logs.>")[0].subject == "logs.shop.warn"


@pytest.mark.parametrize(
    "secret",
    [
        "nats://joe:s3cret@host:4222",
        "ws://s3cret@host",
        "password: s3cret",
        "auth_token=s3cret",
        '{"jwt":"s3cret"}',
        "the token is token=s3cret and more",
        "Authorization: Bearer s3cret",
        "SUAs3cretAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".upper() + " S3CRET",
        "eyJ0eXAiOiJKV1QifQ.s3cret.s3cret",
    ],
)
def test_secrets_stay_out(nats: World, log: Logger, secret: str) -> None:
    listening(log, LogPublisher(nats.run(nats.connect())))
    log.info("see {what}", what=secret)
    log.failure("failed", Failure(ValueError(secret)))
    assert len(told(nats)) == 2
    assert not [each for each in nats.published() if b"s3cret" in each.payload or b"SUAS" in each.payload]


def test_long_texts_are_cut(nats: World, log: Logger) -> None:
    listening(log, LogPublisher(nats.run(nats.connect())))
    log.info("{x}", x="x" * 100_000)
    (record,) = told(nats)
    assert len(record.text) == MOST_TEXT + 3


def test_no_event_makes_another(nats: World) -> None:
    """The observer hears all that is logged, this library's own events and what publishing logs among it."""
    noisy = Logger("noisy")

    def hook(operation: Operation) -> None:
        noisy.info("published {subject}", subject=operation.subject)

    client = nats.run(nats.connect(hooks=[hook]))
    observer = LogPublisher(client)
    globalLogPublisher.addObserver(observer)
    try:
        Logger("shop").info("one")
        client.subscribe("a", lambda _: 1 / 0)
        client.publish("a")
        nats.settle()
        nats.server.drop()
        nats.advance(5.0)
    finally:
        globalLogPublisher.removeObserver(observer)
    assert [each.text for each in told(nats)] == ["one", "published a", "published a"]


def test_while_there_is_no_connection_the_newest_are_kept(nats: World, log: Logger) -> None:
    client = nats.run(nats.connect())
    observer = listening(log, LogPublisher(client, limit=3))
    nats.server.kill()
    nats.settle()
    for number in range(10):
        log.info("{n}", n=number)
    assert (observer.waiting, observer.dropped, client.statistics.waiting_bytes) == (3, 7, 0)
    nats.server.start()
    nats.advance(10.0)
    records = told(nats)
    assert [(each.text, each.dropped) for each in records] == [("7", 7), ("8", 0), ("9", 0)]
    assert observer.waiting == 0


def test_while_much_waits_events_are_held_back(nats: World, log: Logger) -> None:
    client = nats.run(nats.connect())
    observer = listening(log, LogPublisher(client, most_waiting=10))
    client.publish("big", b"x" * 100)
    log.info("later")
    assert observer.waiting == 1
    nats.settle()
    log.info("now")
    assert told(nats)[0].text == "later"


def test_a_record_that_the_server_never_takes() -> None:
    world = World(max_payload=200)
    log = Logger("shop", observer=Publisher())
    observer = listening(log, LogPublisher(world.run(world.connect())))
    log.info("{x}", x="x" * 300)
    log.info("small")
    assert [(each.text, each.dropped) for each in told(world)] == [("small", 1)]
    assert observer.dropped == 1
    world.close()


def test_after_the_end(nats: World, log: Logger) -> None:
    client = nats.run(nats.connect())
    observer = listening(log, LogPublisher(client))
    nats.run(client.close())
    log.info("too late")
    assert observer.waiting == 0
    other = listening(log, LogPublisher(nats.run(nats.connect())))
    other.close()
    log.info("no more")
    assert told(nats) == []


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"subject": "a b"}, InvalidSubject),
        ({"level": "info"}, InvalidArgument),
        ({"limit": 0}, InvalidArgument),
        ({"most_waiting": 0}, InvalidArgument),
    ],
)
def test_what_is_refused(nats: World, options: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        LogPublisher(nats.run(nats.connect()), **options)


@pytest.mark.usefixtures("class_server")
class FromAThread(TestCase):
    server: NatsServer

    async def test_it_may_be_called_there(self) -> None:
        async with await txnats.connect(reactor, self.server.url) as client:
            heard = client.subscribe("logs.>")
            await client.flush()
            log = Logger("worker", observer=Publisher())
            observer = listening(log, LogPublisher(client))

            def work() -> None:
                for number in range(50):
                    log.info("{n}", n=number)

            await deferToThread(work)
            texts = [msgspec.json.decode((await heard.next(5.0)).payload)["text"] for _ in range(50)]
            assert texts == [str(number) for number in range(50)]
            observer.close()
