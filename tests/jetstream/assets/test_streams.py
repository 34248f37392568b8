"""Streams on a real server: made, changed, listed, purged, read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.jetstream.story import JetStreamStory, error_of, reactor
from txnats import ClientClosed, InvalidArgument, PermissionDenied, UserPassword
from txnats.jetstream import (
    JetStream,
    JetStreamNotEnabled,
    MessageNotFound,
    Stream,
    StreamConfig,
    StreamNameInUse,
    StreamNotFound,
    StreamSource,
    error_codes,
    errors,
)
from txnats.jetstream.assets.snapshot import Manifest
from txnats.server import NatsServer, ServerUser, SubjectRules


@pytest.mark.usefixtures("class_server", "make_server")
class StreamStory(JetStreamStory):
    async def filled(self, js: JetStream, name: str, count: int = 10, **fields: Any) -> Stream:
        """A stream with ``name.0`` to ``name.2`` in turn, the sequence as payload."""
        fields = {"subjects": [f"{name}.>"], "allow_direct": True, **fields}
        stream = await js.create_stream(StreamConfig(name=name, **fields))
        for number in range(1, count + 1):
            js.client.publish(f"{name}.{number % 3}", f"{number}", headers={"Number": f"{number}"})
        await js.client.flush()
        await stream.info()
        while stream.cached.state.messages < count:
            await stream.info()
        return stream

    def folder(self) -> str:
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        return folder


class TestMaking(StreamStory):
    async def test_create_is_the_same_twice_and_another_is_told(self) -> None:
        js = await self.js()
        config = StreamConfig(name="MAKE", subjects=["make"])
        stream = await js.create_stream(config)
        assert stream.cached.did_create
        assert (await js.create_stream(config)).cached.created == stream.cached.created
        error = await error_of(js.create_stream(config.replace(subjects=["other"])))
        assert type(error) is StreamNameInUse
        error = await error_of(js.create_stream(config.replace(name="MAKE2")))
        assert type(error) is error_codes.StreamSubjectOverlap

    async def test_create_or_update(self) -> None:
        js = await self.js()
        config = StreamConfig(name="EITHER", subjects=["either"])
        assert (await js.create_or_update_stream(config)).config.max_msgs == -1
        assert (await js.create_or_update_stream(config.replace(max_msgs=5))).config.max_msgs == 5
        assert (await js.update_stream(config.replace(max_msgs=6))).config.max_msgs == 6

    async def test_update_needs_one(self) -> None:
        js = await self.js()
        assert type(await error_of(js.update_stream(StreamConfig(name="NOWHERE")))) is StreamNotFound
        stream = await js.create_stream(StreamConfig(name="MINE"))
        assert type(await error_of(stream.update(StreamConfig(name="YOURS")))) is InvalidArgument

    async def test_unknown_fields_are_not_echoed(self) -> None:
        js = await self.js()
        stream = await js.create_stream(StreamConfig(name="ECHO", subjects=["echo"]))
        info = await stream.update(stream.config.replace(max_msgs=3, extra={"of_the_future": True}))
        assert info.config.max_msgs == 3

    async def test_delete(self) -> None:
        js = await self.js()
        stream = await js.create_stream(StreamConfig(name="GOES"))
        await stream.delete()
        assert type(await error_of(js.stream("GOES"))) is StreamNotFound
        assert type(await error_of(js.delete_stream("GOES"))) is StreamNotFound

    async def test_wrong_arguments_are_failures_not_exceptions(self) -> None:
        js = await self.js()
        stream = await js.create_stream(StreamConfig(name="ARGS"))
        for call in (
            lambda: js.create_stream(StreamConfig(name="a.b")),
            lambda: js.stream(""),
            lambda: js.delete_stream("a b"),
            lambda: stream.purge(sequence=3, keep=3),
            lambda: stream.purge("a..b"),
            lambda: stream.purge(keep=-1),
            lambda: stream.delete_message(0),
            lambda: stream.get_message(0),
            lambda: stream.get_last("a..b"),
            lambda: stream.get_next("a", 0),
            lambda: stream.info(timeout=-1),
        ):
            assert isinstance(await error_of(call()), InvalidArgument)
        for attempt in (
            lambda: stream.get_batch(0),
            lambda: stream.get_batch(count=0),
            lambda: stream.get_batch(subject="a..b"),
            lambda: stream.get_last_for_subjects([]),
            lambda: stream.get_last_for_subjects(["a"], up_to_sequence=3, up_to_time=datetime.now(UTC)),
            lambda: stream.snapshot(chunk_size=1),
            lambda: stream.snapshot(window_size=1 << 30),
            lambda: js.streams("a..b"),
        ):
            with pytest.raises(InvalidArgument):
                attempt()


class TestListing(StreamStory):
    async def test_names_and_infos_come_page_by_page(self) -> None:
        js = await self.js()
        wanted = [f"PAGE{number:03}" for number in range(300)]  # a page of infos is 256
        for name in wanted:
            await js.create_stream(StreamConfig(name=name, subjects=[f"page.{name}"], storage="memory"))
        names = [name async for name in js.stream_names("page.>")]
        assert sorted(names) == wanted
        infos = await js.streams("page.>").collect()
        assert sorted(info.config.name for info in infos) == wanted
        assert await js.stream_names("page.PAGE007").collect() == ["PAGE007"]
        assert await js.stream_names("nothing.here").collect() == []
        listing = js.stream_names()
        assert await listing.next(1.0)
        listing.close()
        assert await listing.collect() == []

    async def test_subjects_and_deleted(self) -> None:
        js = await self.js()
        stream = await self.filled(js, "INFO")
        await stream.delete_message(4)
        await stream.delete_message(7, erase=False)
        info = await stream.info(subjects="INFO.>", deleted=True)
        assert info.state.subjects == {"INFO.0": 3, "INFO.1": 2, "INFO.2": 3}
        assert info.state.deleted == [4, 7]
        assert info.state.num_deleted == 2
        assert type(await error_of(stream.delete_message(4))) is errors.SequenceNotFound


class TestPurging(StreamStory):
    async def test_purge(self) -> None:
        js = await self.js()
        stream = await self.filled(js, "PURGE")
        assert await stream.purge("PURGE.0") == 3
        assert await stream.purge(sequence=5) == 3
        assert await stream.purge(keep=2) == 2
        assert (await stream.info()).state.messages == 2
        assert await stream.purge() == 2

    async def test_forbidden(self) -> None:
        js = await self.js()
        stream = await self.filled(js, "KEPT", deny_purge=True, deny_delete=True)
        assert isinstance(await error_of(stream.purge()), errors.JetStreamError)
        assert type(await error_of(stream.delete_message(1))) is error_codes.StreamMsgDeleteFailed


class TestReading(StreamStory):
    async def test_single_messages_by_both_ways(self) -> None:
        js = await self.js()
        stream = await self.filled(js, "READ")
        for direct in (True, False, None):
            message = await stream.get_message(5, direct=direct)
            assert (message.subject, message.sequence, message.payload) == ("READ.2", 5, b"5")
            assert list(message.headers.items()) == [("Number", "5")]
            assert abs(message.timestamp - datetime.now(UTC)) < timedelta(minutes=1)
            assert message.stream == "READ"
            assert (await stream.get_last("READ.1", direct=direct)).sequence == 10
            assert (await stream.get_last("READ.*", direct=direct)).sequence == 10
            assert (await stream.get_next("READ.0", 4, direct=direct)).sequence == 6
            assert type(await error_of(stream.get_message(99, direct=direct))) is MessageNotFound
            assert type(await error_of(stream.get_last("READ.9", direct=direct))) is MessageNotFound

    async def test_direct_where_it_is_not_allowed_goes_the_other_way(self) -> None:
        js = await self.js()
        stream = await self.filled(js, "SLOW", allow_direct=False)
        assert (await stream.get_message(5, direct=True)).payload == b"5"

    async def test_direct_of_a_stream_that_is_gone(self) -> None:
        js = await self.js()
        stream = await self.filled(js, "GONE")
        await stream.delete()
        assert type(await error_of(stream.get_message(5))) is StreamNotFound
        assert type(await error_of(stream.get_batch().collect())) is StreamNotFound

    async def test_odd_headers_stay_the_users(self) -> None:
        js = await self.js()
        stream = await js.create_stream(StreamConfig(name="ODD", subjects=["odd"], allow_direct=True))
        sent = [("Nats-Subject", "mine"), ("A", "1"), ("A", "2"), ("Nats-Sequence", "77")]
        await js.client.request("odd", b"x", headers=sent)
        for direct in (True, False):
            message = await stream.get_message(1, direct=direct)
            assert (message.subject, message.sequence) == ("odd", 1)
            assert list(message.headers.items()) == sent

    async def test_batches(self) -> None:
        js = await self.js()
        stream = await self.filled(js, "BATCH", 700)  # more than two pages
        assert [each.sequence async for each in stream.get_batch()] == list(range(1, 701))
        assert [each.sequence for each in await stream.get_batch(690).collect()] == list(range(690, 701))
        assert [each.sequence for each in await stream.get_batch(3, count=300).collect()] == list(range(3, 303))
        assert [each.sequence for each in await stream.get_batch(subject="BATCH.1").collect()] == list(range(1, 701, 3))
        some = stream.get_batch(subject="BATCH.1", count=2)
        assert [each.payload for each in await some.collect()] == [b"1", b"4"]
        assert await stream.get_batch(5000).collect() == []
        start = (await stream.get_message(500)).timestamp
        later = await stream.get_batch(start_time=start).collect()
        assert later[-1].sequence == 700
        assert 450 <= later[0].sequence <= 500

    async def test_a_batch_can_be_left(self) -> None:
        js = await self.js()
        stream = await self.filled(js, "LEFT", 600)
        async for message in stream.get_batch():
            if message.sequence == 300:
                break
        before = js.client.statistics.subscriptions
        batch = stream.get_batch()
        assert (await batch.next()).sequence == 1
        batch.close()
        assert js.client.statistics.subscriptions == before

    async def test_last_for_subjects(self) -> None:
        js = await self.js()
        stream = await self.filled(js, "LAST")
        last = await stream.get_last_for_subjects(["LAST.0", "LAST.2"]).collect()
        assert [(each.subject, each.sequence) for each in last] == [("LAST.2", 8), ("LAST.0", 9)]
        last = await stream.get_last_for_subjects(["LAST.*"], up_to_sequence=6).collect()
        assert [each.sequence for each in last] == [4, 5, 6]
        assert await stream.get_last_for_subjects(["LAST.none"]).collect() == []
        moment = (await stream.get_message(7)).timestamp
        last = await stream.get_last_for_subjects(["LAST.*"], up_to_time=moment).collect()
        assert last[-1].sequence <= 7

    async def test_many_last_ones_are_of_one_moment(self) -> None:
        js = await self.js()
        stream = await js.create_stream(StreamConfig(name="MANY", subjects=["many.*"], allow_direct=True))
        for number in range(600):
            js.client.publish(f"many.{number}", b"old")
        await js.client.flush()
        while (await stream.info()).state.messages < 600:
            pass
        reading = stream.get_last_for_subjects(["many.*"])
        first = await reading.next()
        for number in range(600):
            js.client.publish(f"many.{number}", b"new")
        await js.client.flush()
        rest = await reading.collect()
        assert [each.payload for each in [first, *rest]] == [b"old"] * 600

    async def test_too_many(self) -> None:
        js = await self.js()
        stream = await js.create_stream(StreamConfig(name="TOO", subjects=["too.*"], allow_direct=True))
        for number in range(1100):
            js.client.publish(f"too.{number}")
        await js.client.flush()
        while (await stream.info()).state.messages < 1100:
            pass
        assert type(await error_of(stream.get_last_for_subjects(["too.*"]).collect())) is errors.TooManyResults

    async def test_a_batch_where_direct_is_not_allowed(self) -> None:
        js = await self.js()
        stream = await self.filled(js, "SHUT", allow_direct=False)
        error = await error_of(stream.get_batch().collect())
        assert "allow_direct" in str(error)

    async def test_the_end_of_the_client_ends_a_batch(self) -> None:
        js = await self.js()
        stream = await self.filled(js, "ENDS", 600)
        batch = stream.get_batch()
        await batch.next()
        start = reactor.seconds()
        await js.client.close()
        assert isinstance(await error_of(batch.collect()), ClientClosed)
        assert reactor.seconds() - start < 1.5


class TestMirrors(StreamStory):
    async def test_mirror_and_sources(self) -> None:
        js = await self.js()
        origin = await self.filled(js, "ORIGIN")
        mirror = await js.create_stream(StreamConfig(name="COPY", mirror=StreamSource(name="ORIGIN")))
        merged = await js.create_stream(
            StreamConfig(name="MERGED", sources=[StreamSource(name="ORIGIN", filter_subject="ORIGIN.1")])
        )
        while (await mirror.info()).state.messages < 10 or (await merged.info()).state.messages < 4:
            pass
        info = await mirror.info()
        assert info.mirror is not None
        assert (info.mirror.name, info.mirror.lag) == ("ORIGIN", 0)
        assert [each.name for each in (await merged.info()).sources] == ["ORIGIN"]
        assert (await origin.info()).state.messages == 10
        assert mirror.config.mirror_direct
        assert (await mirror.get_last("ORIGIN.1")).sequence == 10


class TestSnapshots(StreamStory):
    async def test_out_and_in_again(self) -> None:
        js = await self.js()
        stream = await self.filled(js, "SNAP", 50)
        for number in range(40):
            js.client.publish("SNAP.big", bytes([number]) * 60_000)
        await js.client.flush()
        while (await stream.info()).state.messages < 90:
            pass
        snapshot = stream.snapshot(chunk_size=16 * 1024, window_size=64 * 1024)
        manifest = await snapshot.manifest()
        chunks = await snapshot.collect()
        assert manifest.state.messages == 90
        assert Manifest.from_json(manifest.to_json()) == manifest
        assert (await snapshot.manifest()) == manifest
        before = await stream.get_batch().collect()
        error = await error_of(js.restore_stream(manifest, chunks))
        assert type(error) is error_codes.StreamNameExistRestoreFailed
        await stream.delete()
        restored = await js.restore_stream(manifest, chunks)
        assert restored.cached.state.messages == 90
        after = await restored.get_batch().collect()
        facts = [(each.sequence, each.subject, each.payload, each.timestamp) for each in before]
        assert [(each.sequence, each.subject, each.payload, each.timestamp) for each in after] == facts

    async def test_straight_from_one_server_to_another(self) -> None:
        js = await self.js()
        stream = await self.filled(js, "MOVE", 200)
        other = await self.js(self.make_server(jetstream=True))
        snapshot = stream.snapshot(consumers=False, check=True)
        moved = await other.restore_stream(await snapshot.manifest(), snapshot)
        assert moved.cached.state.messages == 200

    async def test_a_snapshot_of_nothing(self) -> None:
        js = await self.js()
        stream = await js.create_stream(StreamConfig(name="VOID"))
        await stream.delete()
        snapshot = stream.snapshot()
        assert type(await error_of(snapshot.manifest())) is StreamNotFound
        assert type(await error_of(snapshot.collect())) is StreamNotFound
        assert type(await error_of(snapshot.manifest())) is StreamNotFound

    async def test_bytes_that_are_no_snapshot(self) -> None:
        js = await self.js()
        stream = await self.filled(js, "BAD")
        snapshot = stream.snapshot()
        manifest = await snapshot.manifest()
        await snapshot.collect()
        await stream.delete()
        error = await error_of(js.restore_stream(manifest, [b"no snapshot" * 1000]))
        assert type(error) is error_codes.StreamRestore
        assert type(await error_of(js.stream("BAD"))) is StreamNotFound

    async def test_a_restore_that_breaks_off_leaves_nothing(self) -> None:
        js = await self.js()
        stream = await self.filled(js, "HALF", 10)
        for number in range(30):
            js.client.publish("HALF.big", bytes([number]) * 100_000)
        await js.client.flush()
        snapshot = stream.snapshot()
        manifest = await snapshot.manifest()
        chunks = await snapshot.collect()
        await stream.delete()

        def breaking() -> Iterator[bytes]:
            yield from chunks[:-2]
            raise LookupError("no more")

        for broken, kind in ((chunks[:-2], error_codes.StreamRestore), (breaking(), LookupError)):
            assert type(await error_of(js.restore_stream(manifest, broken))) is kind
            assert type(await error_of(js.stream("HALF"))) is StreamNotFound
        assert (await js.restore_stream(manifest, chunks)).cached.state.messages == manifest.state.messages

    async def test_a_snapshot_can_be_left(self) -> None:
        js = await self.js()
        stream = await self.filled(js, "LEAVE", 10)
        before = js.client.statistics.subscriptions
        async with stream.snapshot() as snapshot:
            await snapshot.next()
        assert js.client.statistics.subscriptions == before


class TestAccounts(StreamStory):
    async def test_account(self) -> None:
        js = await self.js()
        info = await js.account_info()
        assert info.limits.max_streams == -1
        assert info.api.level == await js.api_level() == 5
        assert not info.extra

    async def test_without_jetstream(self) -> None:
        js = await self.js(self.make_server(jetstream=False))
        assert type(await error_of(js.account_info())) is JetStreamNotEnabled

    async def test_another_domain(self) -> None:
        server: NatsServer = self.make_server(extra=f'jetstream {{ domain: hub, store_dir: "{self.folder()}" }}')
        js = await self.js(server, domain="hub")
        assert (await js.account_info()).domain == "hub"
        assert (await js.create_stream(StreamConfig(name="A"))).name == "A"
        js = await self.js(server, domain="elsewhere")
        assert type(await error_of(js.account_info())) is JetStreamNotEnabled

    async def test_no_permission(self) -> None:
        user = ServerUser(name="u", password="p", publish=SubjectRules(allow=["a"]))
        server = self.make_server(jetstream=True, users=[user])
        js = JetStream(await self.client(server, auth=UserPassword("u", "p")))
        assert type(await error_of(js.account_info())) is PermissionDenied
