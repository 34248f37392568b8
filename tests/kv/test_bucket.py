"""Buckets on a real server: reads, writes, management."""

from __future__ import annotations

import tempfile
import zlib

import pytest
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import deferLater

import txnats
from tests.kv.home import Home, error_of, reactor, until
from txnats import kv
from txnats.jetstream import JetStream, NotSupported, PublishOutcomeUnknown, Republish, StreamSource
from txnats.kv.reading import Reading
from txnats.server import NatsServer


@pytest.mark.usefixtures("class_server", "make_server")
class Values(Home):
    async def test_put_and_get(self) -> None:
        bucket = await self.bucket()
        assert await bucket.put("user.1", b"one") == 1
        assert await bucket.put("user.1", "zwei") == 2
        entry = await bucket.get("user.1")
        assert (entry.key, entry.value, entry.revision, entry.bucket) == ("user.1", b"zwei", 2, bucket.name)
        assert entry.created.tzinfo is not None
        assert isinstance(await error_of(bucket.get("user.2")), kv.KeyNotFound)

    async def test_a_read_that_is_not_answered_in_time_is_asked_again(self) -> None:
        bucket = await self.bucket()
        await bucket.put("a", b"1")
        again: list[str] = []
        all_tries = Reading.with_all_tries

        def counted(reading: Reading, key: str) -> Deferred[kv.Entry]:
            again.append(key)
            return all_tries(reading, key)

        self.patch(Reading, "with_all_tries", counted)
        bucket.reading.timeout = 1e-9
        assert (await bucket.get("a")).value == b"1"
        assert isinstance(await error_of(bucket.get("b")), kv.KeyNotFound)
        assert again == ["a", "b"]

    async def test_reads_and_writes_of_what_is_not_there_any_more(self) -> None:
        bucket = await self.bucket()
        client = bucket.js.client
        await kv.delete(bucket.js, bucket.name)
        assert isinstance(await error_of(bucket.get("a")), kv.BucketNotFound)
        assert isinstance(await error_of(bucket.put("a", b"1")), kv.BucketNotFound)
        assert client.statistics.requests == 0

    async def test_one_that_nobody_wants_any_more_leaves_nothing(self) -> None:
        bucket = await self.bucket()
        reading, writing = bucket.get("a"), bucket.put("a", b"1")
        assert bucket.js.client.statistics.requests == 2
        for each in (reading, writing):
            each.cancel()
            self.failureResultOf(each, CancelledError)
        assert bucket.js.client.statistics.requests == 0

    async def test_a_closed_client_reads_and_writes_nothing(self) -> None:
        bucket = await self.bucket()
        reading, writing = bucket.get("a"), bucket.put("a", b"1")
        await bucket.js.client.close()
        assert isinstance(await error_of(reading), txnats.ClientClosed)
        assert isinstance(await error_of(writing), PublishOutcomeUnknown)
        assert isinstance(await error_of(bucket.get("a")), txnats.ClientClosed)
        assert isinstance(await error_of(bucket.put("a", b"1")), txnats.ClientClosed)

    async def test_a_revision_is_of_its_key(self) -> None:
        bucket = await self.bucket(history=3)
        await bucket.put("a", b"1")
        await bucket.put("b", b"2")
        await bucket.put("a", b"3")
        assert (await bucket.get("a", 1)).value == b"1"
        assert isinstance(await error_of(bucket.get("a", 2)), kv.KeyNotFound)
        assert isinstance(await error_of(bucket.get("a", 9)), kv.KeyNotFound)
        assert isinstance(await error_of(bucket.get("a", 0)), txnats.InvalidOption)

    async def test_create(self) -> None:
        bucket = await self.bucket()
        assert await bucket.create("a", b"1") == 1
        error = await error_of(bucket.create("a", b"2"))
        assert isinstance(error, kv.KeyExists)
        assert error.revision == 1
        await bucket.delete("a")
        assert await bucket.create("a", b"3") == 3
        await bucket.purge("a")
        assert await bucket.create("a", b"4") == 5
        assert (await bucket.get("a")).value == b"4"

    async def test_update_compares(self) -> None:
        bucket = await self.bucket()
        first = await bucket.put("a", b"1")
        second = await bucket.update("a", b"2", first)
        error = await error_of(bucket.update("a", b"3", first))
        assert isinstance(error, kv.WrongRevision)
        assert (error.expected, error.actual) == (first, second)
        assert isinstance(await error_of(bucket.delete("a", revision=first)), kv.WrongRevision)
        assert isinstance(await error_of(bucket.purge("a", revision=first)), kv.WrongRevision)
        await bucket.delete("a", revision=second)
        deleted = await error_of(bucket.get("a"))
        assert isinstance(deleted, kv.KeyDeleted)
        assert (deleted.operation, deleted.revision, deleted.reason) == ("DEL", 3, "")

    async def test_history_and_purge(self) -> None:
        bucket = await self.bucket(history=5)
        for value in (b"1", b"2"):
            await bucket.put("a", value)
        await bucket.delete("a")
        entries = await bucket.history("a").collect()
        assert [(each.value, each.operation.value) for each in entries] == [(b"1", "PUT"), (b"2", "PUT"), (b"", "DEL")]
        await bucket.purge("a")
        assert [each.operation.value for each in await bucket.history("a").collect()] == ["PURGE"]
        assert await bucket.history("b").collect() == []

    async def test_keys_are_filtered_by_the_server(self) -> None:
        bucket = await self.bucket(history=2)
        await gatherResults([bucket.put(key, b"v") for key in ("a.1", "a.2", "b.1", "c", "gone")])
        await bucket.delete("gone")
        assert sorted(await bucket.keys().collect()) == ["a.1", "a.2", "b.1", "c"]
        assert sorted(await bucket.keys("a.*").collect()) == ["a.1", "a.2"]
        assert sorted(await bucket.keys("a.>", "b.1", "b.*", "a.1").collect()) == ["a.1", "a.2", "b.1"]
        assert await bucket.keys("zz").collect() == []
        with pytest.raises(kv.InvalidKey):
            bucket.keys("a..b")

    async def test_many_at_one_moment(self) -> None:
        bucket = await self.bucket()
        await gatherResults([bucket.put(f"k.{number}", b"%d" % number) for number in range(700)])
        await bucket.delete("k.3")
        found = await bucket.get_many("k.1", "k.2", "k.3", "nope")
        assert {key: each.value for key, each in found.items()} == {"k.1": b"1", "k.2": b"2"}
        assert len(await bucket.get_many()) == 699
        assert await bucket.get_many("zz") == {}
        await gatherResults([bucket.put(f"m.{number}", b"v") for number in range(700)])
        assert isinstance(await error_of(bucket.get_many()), kv.TooManyKeys)
        assert isinstance(await error_of(bucket.get_many(*map(str, range(1025)))), kv.TooManyKeys)

    async def test_a_snapshot_under_writes_is_whole(self) -> None:
        """Of two keys that are written in turn no snapshot shows the second one ahead."""
        bucket = await self.bucket(history=1)
        going = True

        async def write() -> None:
            number = 0
            while going:
                number += 1
                await gatherResults([bucket.put("a", b"%d" % number), bucket.put("b", b"%d" % number)])

        await gatherResults([bucket.put("a", b"0"), bucket.put("b", b"0")])
        writing = Deferred.fromCoroutine(write())
        for _ in range(50):
            try:
                found = await bucket.get_many("a", "b")
            except kv.SnapshotTorn:
                continue
            assert len(found) == 2
            assert int(found["a"].value) - int(found["b"].value) in (0, 1)
        going = False
        await writing

    async def test_purge_deletes(self) -> None:
        bucket = await self.bucket(history=3)
        for key in ("a", "b", "kept"):
            await bucket.put(key, b"1")
            await bucket.put(key, b"2")
        await bucket.delete("a")
        await bucket.purge("b")
        assert await bucket.purge_deletes() == 2  # young deletes stay, the history of a goes
        assert (await bucket.status()).values == 4
        assert await bucket.purge_deletes(older_than=-1) == 2
        assert (await bucket.status()).values == 2
        assert [each.value for each in await bucket.history("kept").collect()] == [b"1", b"2"]

    async def test_bad_arguments_fail_the_deferred(self) -> None:
        bucket = await self.bucket()
        for deferred in (
            bucket.put("a b", b""),
            bucket.get(""),
            bucket.create("a.", b""),
            bucket.update("a..b", b"", 1),
            bucket.delete("*"),
            bucket.purge(">"),
        ):
            assert isinstance(await error_of(deferred), kv.InvalidKey)
        assert isinstance(await error_of(bucket.update("a", b"", -1)), txnats.InvalidOption)
        assert isinstance(await error_of(bucket.purge_deletes("x")), txnats.InvalidArgument)  # type: ignore[arg-type]

    async def test_codecs(self) -> None:
        bucket = await self.bucket(history=2)
        coded = bucket.with_codec(kv.chain(kv.base64_keys(), kv.values(zlib.compress, zlib.decompress)))
        await coded.put("Ärger mit Tüten.1", b"x" * 100)
        assert (await coded.get("Ärger mit Tüten.1")).value == b"x" * 100
        assert await coded.keys("Ärger mit Tüten.*").collect() == ["Ärger mit Tüten.1"]
        entry = (await coded.history("Ärger mit Tüten.1").collect())[0]
        assert (entry.key, entry.value) == ("Ärger mit Tüten.1", b"x" * 100)
        assert list(await coded.get_many()) == ["Ärger mit Tüten.1"]
        await bucket.put("YQ", b"not packed")
        assert isinstance(await error_of(coded.get("a")), kv.CodecFailed)


@pytest.mark.usefixtures("class_server", "make_server")
class TimeToLive(Home):
    async def test_a_key_expires_and_leaves_a_marker(self) -> None:
        bucket = await self.bucket(limit_marker_ttl=60.0)
        revision = await bucket.create("a", b"1", ttl=1)
        async with bucket.watch("a") as watcher:
            assert (await watcher.next()).revision == revision
            gone = await watcher.next(timeout=10)
            assert (gone.operation, gone.reason) == (kv.Operation.PURGE, "MaxAge")
        error = await error_of(bucket.get("a"))
        assert isinstance(error, kv.KeyDeleted)
        assert error.reason == "MaxAge"
        assert await bucket.create("a", b"2") == gone.revision + 1

    async def test_a_purge_may_go_by_itself(self) -> None:
        bucket = await self.bucket()
        await bucket.put("a", b"1")
        await bucket.purge("a", ttl=1)
        assert (await bucket.status()).values == 1
        for _ in range(100):
            if (await bucket.status()).values == 0:
                break
            await deferLater(reactor, 0.1, lambda: None)
        assert (await bucket.status()).values == 0

    async def test_a_bucket_without_says_so(self) -> None:
        bucket = await self.bucket(allow_ttl=False)
        error = await error_of(bucket.create("a", b"1", ttl=5))
        assert isinstance(error, kv.TtlDisabled)
        assert isinstance(error, NotSupported)
        assert "allow_ttl" in str(error)
        assert isinstance(await error_of(bucket.purge("a", ttl=5)), kv.TtlDisabled)
        await kv.update(bucket.js, bucket.config.replace(allow_ttl=True))
        assert await bucket.create("a", b"1", ttl=5) == 1
        assert isinstance(await error_of(bucket.create("b", b"1", ttl=0.5)), txnats.InvalidArgument)


@pytest.mark.usefixtures("class_server", "make_server")
class Management(Home):
    async def test_a_bucket_is_made_changed_and_deleted(self) -> None:
        js = await self.stream_of_all()
        config = kv.BucketConfig("managed", history=2, description="words", metadata={"a": "b"})
        bucket = await kv.create(js, config)
        assert (await kv.create(js, config)).name == "managed"
        assert isinstance(await error_of(kv.create(js, config.replace(history=3))), kv.BucketExists)
        assert (await kv.update(js, bucket.config.replace(history=3))).config.history == 3
        await kv.create_or_update(js, config.replace(history=4))
        await bucket.put("k", b"v")
        opened = await kv.open(js, "managed")
        status = await opened.status()
        assert (status.bucket, status.history, status.values, status.backing_store) == ("managed", 4, 1, "JetStream")
        assert status.config.description == "words"
        assert "managed" in await kv.names(js).collect()
        assert "managed" in [each.bucket for each in await kv.statuses(js).collect()]
        await kv.delete(js, "managed")
        assert "managed" not in await kv.names(js).collect()
        for gone in (kv.open(js, "managed"), kv.delete(js, "managed"), kv.update(js, config), opened.status()):
            assert isinstance(await error_of(gone), kv.BucketNotFound)

    async def test_a_deleted_bucket_says_so(self) -> None:
        bucket = await self.bucket()
        watcher = bucket.watch()
        await bucket.put("a", b"1")
        await watcher.next()  # by now the server has read that it is watched
        await kv.delete(bucket.js, bucket.name)
        assert isinstance(await error_of(watcher.next()), kv.BucketNotFound)
        assert isinstance(await error_of(bucket.get("a")), kv.BucketNotFound)
        assert isinstance(await error_of(bucket.put("a", b"")), kv.BucketNotFound)

    async def test_names_are_checked(self) -> None:
        js = await self.stream_of_all()
        for deferred in (kv.open(js, "a.b"), kv.delete(js, "a b"), kv.create(js, kv.BucketConfig(">"))):
            assert isinstance(await error_of(deferred), kv.InvalidBucket)

    async def test_without_direct_reads(self) -> None:
        bucket = await self.bucket(allow_direct=False)
        await bucket.put("a", b"1")
        assert (await bucket.get("a")).value == b"1"
        assert isinstance(await error_of(bucket.get("b")), kv.KeyNotFound)
        assert (await bucket.get("a", 1)).revision == 1

    async def test_direct_reads_that_were_switched_off_meanwhile(self) -> None:
        bucket = await self.bucket()
        await bucket.put("a", b"1")
        await kv.update(bucket.js, bucket.config.replace(allow_direct=False))
        assert (await bucket.get("a")).value == b"1"

    async def test_mirror_and_sources(self) -> None:
        js = await self.stream_of_all()
        origin = await kv.create(js, kv.BucketConfig("origin"))
        await origin.put("a.b", b"1")
        mirror = await kv.create(js, kv.BucketConfig("copy", mirror=StreamSource(name="origin")))
        merged = await kv.create(js, kv.BucketConfig("merged", sources=[StreamSource(name="origin")]))
        watcher = mirror.watch("a.*")
        assert (await watcher.next(timeout=10)).value == b"1"
        assert await mirror.put("a.b", b"2") == 2  # it went to the origin
        assert (await watcher.next(timeout=10)).value == b"2"
        watcher.stop()
        assert (await mirror.get("a.b")).value == b"2"
        assert (await origin.get("a.b")).value == b"2"
        assert (await kv.open(js, "copy")).config.mirror is not None
        merged_keys = merged.watch("a.b")
        while (await merged_keys.next(timeout=10)).value != b"2":
            pass
        merged_keys.stop()
        assert (await merged.get("a.b")).value == b"2"
        await merged.put("own", b"3")
        assert isinstance(await error_of(origin.get("own")), kv.KeyNotFound)

    async def test_another_domain(self) -> None:
        store = tempfile.TemporaryDirectory()
        self.addCleanup(store.cleanup)
        hub: NatsServer = self.make_server(extra=f'jetstream {{ domain: hub, store_dir: "{store.name}" }}')
        js = await self.stream_of_all(url=hub.url)
        far = JetStream(js.client, domain="hub")
        bucket = await kv.create(far, kv.BucketConfig("b"))
        assert await bucket.put("a", b"1") == 1
        assert (await bucket.get("a")).value == b"1"
        assert await bucket.keys().collect() == ["a"]
        near = await kv.open(js, "b")
        assert (await near.get("a")).value == b"1"

    async def test_republished(self) -> None:
        bucket = await self.bucket(republish=Republish(src=">", dest="again.>"))
        heard: list[txnats.Message] = []
        bucket.js.client.subscribe("again.>", heard.append)
        await bucket.js.client.flush()
        await bucket.put("a", b"1")
        await until(lambda: heard)
        assert heard[0].subject == f"again.$KV.{bucket.name}.a"
