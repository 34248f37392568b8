"""Publishing into streams of a real server."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

import txnats
from txnats.jetstream.context import JetStream
from txnats.jetstream.errors import (
    JetStreamError,
    NoStreamForSubject,
    WrongLastMessageId,
    WrongLastSequence,
    WrongStream,
)
from txnats.jetstream.publish.errors import IngestFailed, PublisherStopped, PublishesFailed
from txnats.jetstream.publish.headers import Expect
from txnats.jetstream.publish.ingest_rules import Refused
from txnats.server import NatsServer

reactor: Any = _reactor


async def error_of(deferred: Deferred[Any]) -> Exception:
    try:
        result = await deferred
    except Exception as error:
        return error
    raise AssertionError(f"it gave {result!r}")


async def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    end = reactor.seconds() + seconds
    while not condition():
        assert reactor.seconds() < end, "it did not come true in time"
        await deferLater(reactor, 0.01, lambda: None)


class Story(TestCase):
    """A client and a stream of its own for each test, on the module's server."""

    server: NatsServer
    timeout = 30

    async def stream(self, **options: Any) -> JetStream:
        client = await txnats.connect(reactor, self.server.url)
        self.addCleanup(client.close)
        self.js = JetStream(client)
        self.name = "S" + self.id().rpartition(".")[2][:60]
        self.root = self.name.lower()
        config = {"name": self.name, "subjects": [f"{self.root}.>"], **options}
        await self.js.api.call(f"STREAM.CREATE.{self.name}", json.dumps(config).encode())
        self.addCleanup(self.js.api.call, f"STREAM.DELETE.{self.name}")
        return self.js

    async def state(self) -> dict[str, Any]:
        told = await self.js.api.call(f"STREAM.INFO.{self.name}")
        state: dict[str, Any] = told["state"]
        return state

    async def last(self, subject: str) -> dict[str, Any]:
        told = await self.js.api.call(f"STREAM.MSG.GET.{self.name}", json.dumps({"last_by_subj": subject}).encode())
        message: dict[str, Any] = told["message"]
        return message

    def subject(self, rest: str = "a") -> str:
        return f"{self.root}.{rest}"


@pytest.mark.usefixtures("class_server")
class One(Story):
    async def test_stored(self) -> None:
        js = await self.stream()
        first = await js.publish(self.subject(), b"1")
        second = await js.publish(self.subject(), "2", headers={"A": "b"})
        self.assertEqual((first.stream, first.sequence, first.duplicate), (self.name, 1, False))
        self.assertEqual((second.sequence, second.domain, second.value), (2, None, None))

    async def test_a_second_one_with_its_message_id(self) -> None:
        js = await self.stream()
        await js.publish(self.subject(), b"1", message_id="one")
        ack = await js.publish(self.subject(), b"1", message_id="one")
        self.assertEqual((ack.sequence, ack.duplicate), (1, True))
        self.assertEqual((await self.state())["messages"], 1)

    async def test_what_is_expected(self) -> None:
        js = await self.stream()
        a, b = self.subject("a"), self.subject("b")
        await js.publish(a, expect=Expect(stream=self.name, last_sequence=0, last_subject_sequence=0))
        await js.publish(b, message_id="b", expect=Expect(last_sequence=1))
        await js.publish(a, expect=Expect(last_subject_sequence=1, last_message_id="b"))
        await js.publish(b, expect=Expect(last_subject_sequence=3, last_subject=a))
        wrong = await error_of(js.publish(a, expect=Expect(last_sequence=1)))
        self.assertIsInstance(wrong, WrongLastSequence)
        self.assertEqual(wrong.last_sequence, 4)  # type: ignore[attr-defined]
        wrong = await error_of(js.publish(a, expect=Expect(last_subject_sequence=1)))
        self.assertIsInstance(wrong, WrongLastSequence)
        self.assertEqual(wrong.last_sequence, 3)  # type: ignore[attr-defined]
        self.assertIsInstance(await error_of(js.publish(a, expect=Expect(last_message_id="x"))), WrongLastMessageId)
        self.assertIsInstance(await error_of(js.publish(a, expect=Expect(stream="OTHER"))), WrongStream)
        self.assertEqual((await self.state())["messages"], 4)

    async def test_a_single_server_looks_at_the_expected_sequence_before_the_message_id(self) -> None:
        # Why a refusal behind a copy in doubt does not mean that the message is not stored.
        js = await self.stream()
        await js.publish(self.subject(), message_id="1", expect=Expect(last_sequence=0))
        again = await error_of(js.publish(self.subject(), message_id="1", expect=Expect(last_sequence=0)))
        self.assertIsInstance(again, WrongLastSequence)

    async def test_a_time_to_live(self) -> None:
        js = await self.stream(allow_msg_ttl=True)
        await js.publish(self.subject("a"), ttl=1)
        await js.publish(self.subject("b"), ttl=1.5)
        await js.publish(self.subject("c"), ttl="never")
        self.assertEqual((await self.state())["messages"], 3)

        async def left() -> int:
            return int((await self.state())["messages"])

        end = reactor.seconds() + 10
        while await left() > 1:
            assert reactor.seconds() < end
            await deferLater(reactor, 0.1, lambda: None)

    async def test_a_time_to_live_where_there_is_none(self) -> None:
        js = await self.stream()
        error = await error_of(js.publish(self.subject(), ttl=1))
        assert isinstance(error, JetStreamError)
        self.assertEqual(error.err_code, 10166)

    async def test_no_stream(self) -> None:
        js = await self.stream()
        start = reactor.seconds()
        self.assertIsInstance(await error_of(js.publish("nowhere", message_id="1")), NoStreamForSubject)
        self.assertLess(reactor.seconds() - start, 5)

    async def test_a_full_stream(self) -> None:
        js = await self.stream(max_msgs=1, discard="new")
        await js.publish(self.subject())
        error = await error_of(js.publish(self.subject()))
        assert isinstance(error, JetStreamError)
        self.assertEqual(error.err_code, 10077)

    async def test_a_publish_survives_the_restart_of_its_server(self) -> None:
        with NatsServer(jetstream=True) as server:
            client = await txnats.connect(reactor, server.url, reconnect=txnats.ReconnectOptions(first_wait=0.02))
            self.addCleanup(client.close)
            js = JetStream(client)
            await js.api.call("STREAM.CREATE.R", json.dumps({"name": "R", "subjects": ["r"]}).encode())
            publishing = [js.publish("r", message_id=str(number)) for number in range(50)]
            server.kill()
            publishing += [js.publish("r", message_id=str(number)) for number in range(50, 100)]
            server.start()
            acks = await gatherResults(publishing)
            self.assertEqual(sorted(ack.sequence for ack in acks), list(range(1, 101)))


@pytest.mark.usefixtures("class_server")
class Many(Story):
    async def test_a_window(self) -> None:
        js = await self.stream(storage="memory")
        most = 0
        async with js.publisher(max_in_flight=50) as publisher:
            sent = []
            for number in range(2000):
                sent.append(await publisher.publish(self.subject(), b"%d" % number))
                most = max(most, publisher.in_flight)
        self.assertLessEqual(most, 50)
        self.assertEqual([each.ack and each.ack.sequence for each in sent], list(range(1, 2001)))
        self.assertEqual((publisher.published, publisher.stored, publisher.failed), (2000, 2000, 0))

    async def test_calls_that_are_not_awaited_wait_too(self) -> None:
        js = await self.stream(storage="memory")
        publisher = js.publisher(max_in_flight=10)
        calls = [publisher.publish(self.subject()) for _ in range(100)]
        self.assertEqual(publisher.in_flight, 10)
        calls[50].cancel()
        self.assertEqual(type(await error_of(calls[50])).__name__, "CancelledError")
        await publisher.close()
        self.assertEqual((await self.state())["messages"], 99)
        self.assertIsInstance(await error_of(publisher.publish(self.subject())), PublisherStopped)

    async def test_bytes_bound_it_too(self) -> None:
        js = await self.stream(storage="memory")
        async with js.publisher(max_in_flight=1000, max_bytes_in_flight=10_000) as publisher:
            for _ in range(50):
                await publisher.publish(self.subject(), b"x" * 4000)
                self.assertLessEqual(publisher.in_flight, 3)

    async def test_a_failure_stops_it(self) -> None:
        js = await self.stream(storage="memory", max_msgs=5, discard="new")
        publisher = js.publisher(max_in_flight=3)

        async def publish() -> None:
            for _ in range(100):
                await publisher.publish(self.subject())

        self.assertIsInstance(await error_of(Deferred.fromCoroutine(publish())), PublisherStopped)
        error = await error_of(publisher.close())
        assert isinstance(error, PublishesFailed)
        self.assertEqual(error.count, publisher.failed)
        self.assertLessEqual(publisher.published, 15)
        assert isinstance(error.failures[0].error, JetStreamError)
        await publisher.close()  # it was told

    async def test_a_failure_is_told_and_it_goes_on(self) -> None:
        js = await self.stream(storage="memory", max_msgs=5, discard="new")
        told: list[Any] = []
        async with js.publisher(max_in_flight=3, on_failure=told.append) as publisher:
            for number in range(20):
                await publisher.publish(self.subject(), b"%d" % number)
        self.assertEqual([each.payload for each in told], [b"%d" % number for number in range(5, 20)])
        with self.assertRaises(PublishesFailed):
            async with js.publisher(stop_on_failure=False) as publisher:
                for _ in range(20):
                    await publisher.publish(self.subject())
        self.assertEqual(publisher.failed, 20)

    async def test_leaving_by_an_exception_waits_for_nothing(self) -> None:
        js = await self.stream(storage="memory")
        with self.assertRaises(ZeroDivisionError):
            async with js.publisher() as publisher:
                sent = await publisher.publish(self.subject())
                done = sent.done()
                1 / 0  # noqa: B018
        self.assertEqual(publisher.in_flight, 0)
        self.assertIsInstance(await error_of(done), PublisherStopped)


@pytest.mark.usefixtures("class_server")
class Atomic(Story):
    async def test_all_of_it(self) -> None:
        js = await self.stream(allow_atomic=True)
        for count in (1, 2, 99, 100, 101, 1000):
            before = (await self.state())["messages"]
            batch = js.atomic_batch()
            for number in range(count):
                batch.add(self.subject(f"k{number}"), b"%d" % number)
            self.assertEqual((await self.state())["messages"], before)
            ack = await batch.commit()
            self.assertEqual((ack.count, ack.sequence), (count, before + count))

    async def test_or_nothing(self) -> None:
        js = await self.stream(allow_atomic=True)
        await js.publish(self.subject("a"))
        batch = js.atomic_batch()
        batch.add(self.subject("b"))
        batch.add(self.subject("a"), expect=Expect(last_subject_sequence=7))
        batch.add(self.subject("c"))
        self.assertIsInstance(await error_of(batch.commit()), WrongLastSequence)
        with self.assertRaises(ZeroDivisionError):
            async with js.atomic_batch() as batch:
                batch.add(self.subject("b"))
                1 / 0  # noqa: B018
        self.assertEqual((await self.state())["messages"], 1)
        async with js.atomic_batch() as batch:
            batch.add(self.subject("a"), expect=Expect(last_sequence=1), message_id="a", headers={"X": "y"})
            batch.add(self.subject("b"), ttl=None)
        assert batch.ack is not None
        self.assertEqual(batch.ack.sequence, 3)

    async def test_what_it_does_not_take(self) -> None:
        js = await self.stream(allow_atomic=True)
        batch = js.atomic_batch()
        self.assertIsInstance(await error_of(batch.commit()), txnats.InvalidArgument)
        batch.add(self.subject("a"))
        for options in (
            {"expect": Expect(last_sequence=3)},
            {"expect": Expect(last_message_id="x")},
            {"subject": "a.*"},
            {"payload": 5},
            {"headers": {"a b": "c"}},
        ):
            with self.assertRaises(txnats.InvalidArgument):
                batch.add(**{"subject": self.subject("b"), **options})  # type: ignore[arg-type]
        for number in range(999):
            batch.add(self.subject(f"{number}"))
        with self.assertRaises(txnats.InvalidArgument):
            batch.add(self.subject("more"))
        batch.discard()
        with self.assertRaises(txnats.InvalidArgument):
            batch.add(self.subject("late"))
        self.assertEqual((await self.state())["messages"], 0)

    async def test_where_there_is_none(self) -> None:
        js = await self.stream()
        batch = js.atomic_batch()
        batch.add(self.subject("a"))
        batch.add(self.subject("b"))
        error = await error_of(batch.commit())
        assert isinstance(error, JetStreamError)
        self.assertEqual(error.err_code, 10174)
        batch = js.atomic_batch()
        batch.add("nowhere.a")
        batch.add("nowhere.b")
        self.assertIsInstance(await error_of(batch.commit()), NoStreamForSubject)

    async def test_a_message_that_is_there_already(self) -> None:
        js = await self.stream(allow_atomic=True)
        await js.publish(self.subject("a"), message_id="1")
        batch = js.atomic_batch()
        batch.add(self.subject("b"))
        batch.add(self.subject("a"), message_id="1")
        error = await error_of(batch.commit())
        assert isinstance(error, JetStreamError)
        self.assertEqual(error.err_code, 10201)


@pytest.mark.usefixtures("class_server")
class Ingest(Story):
    async def test_a_bulk_load(self) -> None:
        js = await self.stream(allow_batched=True, storage="memory")
        async with js.fast_ingest() as ingest:
            for number in range(5000):
                self.assertEqual(await ingest.add(self.subject(), b"%d" % number), number + 1)
        assert ingest.ack is not None
        self.assertEqual((ingest.ack.count, ingest.ack.sequence, ingest.acknowledged), (5000, 5000, 5000))
        self.assertEqual(await ingest.commit(), ingest.ack)
        self.assertIsInstance(await error_of(ingest.add(self.subject())), txnats.InvalidArgument)
        self.assertEqual((await self.state())["messages"], 5000)

    async def test_one_message(self) -> None:
        js = await self.stream(allow_batched=True)
        async with js.fast_ingest(gaps="ok") as ingest:
            await ingest.add(self.subject(), headers={"A": "b"})
        assert ingest.ack is not None
        self.assertEqual(ingest.ack.count, 1)
        async with js.fast_ingest():
            pass
        self.assertIsInstance(await error_of(js.fast_ingest().commit()), txnats.InvalidArgument)

    async def test_a_refused_message_ends_it(self) -> None:
        js = await self.stream(allow_batched=True)
        told: list[Any] = []
        ingest = js.fast_ingest(on_loss=told.append)
        await ingest.add(self.subject())
        await ingest.add(self.subject())
        await ingest.add(self.subject(), expect=Expect(last_sequence=9))
        error = await error_of(ingest.commit())
        assert isinstance(error, IngestFailed)
        self.assertEqual(error.stored, 2)
        self.assertIsInstance(error.cause, WrongLastSequence)
        assert isinstance(told[0], Refused)
        self.assertEqual(told[0].sequence, 3)
        self.assertEqual((await self.state())["messages"], 2)
        self.assertIsInstance(await error_of(ingest.add(self.subject())), IngestFailed)

    async def test_a_refused_message_is_told_and_it_goes_on(self) -> None:
        js = await self.stream(allow_batched=True)
        async with js.fast_ingest(gaps="ok") as ingest:
            for number in range(300):
                wrong = Expect(last_sequence=999_999) if number % 100 == 50 else None
                await ingest.add(self.subject(), expect=wrong)
        self.assertEqual(ingest.refused, 3)
        self.assertEqual((await self.state())["messages"], 297)

    async def test_where_there_is_none(self) -> None:
        js = await self.stream()
        error = await error_of(js.fast_ingest().add(self.subject()))
        assert isinstance(error, IngestFailed), error
        self.assertEqual(error.err_code, 10205)
        self.assertIsInstance(await error_of(js.fast_ingest().add("nowhere")), IngestFailed)

    async def test_an_idle_batch_is_kept_alive(self) -> None:
        js = await self.stream(allow_batched=True)
        pings: list[Any] = []
        js.client.subscribe(f"{self.root}.>", lambda message: pings.append(message.reply))
        async with js.fast_ingest() as ingest:
            await ingest.add(self.subject())
            await until(lambda: any(reply.endswith(".1.4.$FI") for reply in pings))
            await ingest.add(self.subject())
        assert ingest.ack is not None
        self.assertEqual(ingest.ack.count, 2)


@pytest.mark.usefixtures("class_server")
class Counters(Story):
    async def test_sums(self) -> None:
        js = await self.stream(allow_msg_counter=True)
        self.assertEqual(await js.increment(self.subject()), 1)
        self.assertEqual(await js.increment(self.subject(), 10**30), 10**30 + 1)
        self.assertEqual(await js.increment(self.subject(), -1), 10**30)
        self.assertEqual(await js.increment(self.subject("b"), 0), 0)

    async def test_a_step_counts_once(self) -> None:
        js = await self.stream(allow_msg_counter=True)
        self.assertEqual(await js.increment(self.subject(), 5, message_id="1"), 5)
        self.assertEqual(await js.increment(self.subject(), 2), 7)
        self.assertEqual(await js.increment(self.subject(), 5, message_id="1"), 5)
        self.assertEqual(await js.increment(self.subject(), 0), 7)

    async def test_where_there_is_none(self) -> None:
        js = await self.stream()
        error = await error_of(js.increment(self.subject()))
        assert isinstance(error, JetStreamError)
        self.assertEqual(error.err_code, 10168)


@pytest.mark.usefixtures("class_server")
class Schedules(Story):
    async def test_once(self) -> None:
        js = await self.stream(allow_msg_schedules=True, allow_msg_ttl=True)
        await js.schedule(
            self.subject("at"), b"now", self.subject("target"), datetime.now(UTC), ttl=60, headers={"A": "b"}
        )
        await self.produced("target")
        message = await self.last(self.subject("target"))
        self.assertIn(b"A: b", b64decode(message["hdrs"]))
        self.assertIsInstance(await error_of(self.deferred_last("at")), JetStreamError)

    async def test_again_and_again_until_cancelled(self) -> None:
        js = await self.stream(allow_msg_schedules=True)
        await js.schedule(self.subject("every"), b"x", self.subject("target"), timedelta(seconds=1))
        await self.produced("target")
        self.assertTrue(await js.cancel_schedule(self.subject("every")))
        self.assertFalse(await js.cancel_schedule(self.subject("every")))
        self.assertIsInstance(await error_of(js.cancel_schedule("nowhere")), NoStreamForSubject)

    async def test_patterns(self) -> None:
        js = await self.stream(allow_msg_schedules=True)
        for number, when in enumerate(["0 0 5 * * *", "@hourly", "*/5 1-3,7 * * jan-mar mon-fri"]):
            await js.schedule(self.subject(f"c{number}"), b"", self.subject("target"), when, time_zone="Europe/Rome")
        await js.schedule(self.subject("s"), b"", self.subject("t"), "@daily", source=self.subject("from"), rollup=True)
        wrong = await error_of(js.schedule(self.subject("w"), b"", "elsewhere", "@daily"))
        assert isinstance(wrong, JetStreamError)
        self.assertEqual(wrong.err_code, 10190)

    async def test_where_there_is_none(self) -> None:
        js = await self.stream()
        error = await error_of(js.schedule(self.subject(), b"", self.subject("t"), "@daily"))
        assert isinstance(error, JetStreamError)
        self.assertEqual(error.err_code, 10188)

    def deferred_last(self, rest: str) -> Deferred[Any]:
        return Deferred.fromCoroutine(self.last(self.subject(rest)))

    async def produced(self, rest: str) -> None:
        end = reactor.seconds() + 15
        while (await self.state()).get("num_subjects", 0) < 1 or isinstance(await self.found(rest), JetStreamError):
            assert reactor.seconds() < end
            await deferLater(reactor, 0.05, lambda: None)

    async def found(self, rest: str) -> Any:
        try:
            return await self.last(self.subject(rest))
        except JetStreamError as error:
            return error
