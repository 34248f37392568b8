"""Object stores on a real server."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.protocols.basic import FileSender

import txnats
from tests.kv.home import Home, apart, error_of, reactor
from txnats import objectstore
from txnats.jetstream import JetStream
from txnats.nuid import next_nuid
from txnats.objectstore import info as infos
from txnats.objectstore.naming import chunk_subject, meta_subject

KIB = 1024


class Stores(Home):
    async def store(self, **options: Any) -> objectstore.ObjectStore:
        """A fresh store."""
        return await objectstore.create(await self.stream_of_all(), objectstore.StoreConfig(next_nuid(), **options))

    async def chunks(self, store: objectstore.ObjectStore) -> int:
        """How many chunks there are of anything."""
        stream = await store.js.stream(f"OBJ_{store.name}")
        return sum((await stream.info(subjects=f"$O.{store.name}.C.>")).state.subjects.values())


@pytest.mark.usefixtures("class_server", "make_server")
class Objects(Stores):
    async def test_there_and_back(self) -> None:
        store = await self.store()
        data = os.urandom(300 * KIB)
        info = await store.put(
            "a/b ü.bin", data, description="d", metadata={"m": "1"}, headers={"h": ["a", "b"], "i": "c"}
        )
        assert (info.size, info.chunks, info.chunk_size) == (len(data), 3, 128 * KIB)
        assert info.headers == {"h": ["a", "b"], "i": ["c"]}
        assert await store.get("a/b ü.bin") == data
        told = await store.info("a/b ü.bin")
        assert told.replace(modified=None) == info.replace(modified=None)
        assert told.modified is not None
        assert isinstance(await error_of(store.get("b")), objectstore.ObjectNotFound)
        assert isinstance(await error_of(store.info("b")), objectstore.ObjectNotFound)

    async def test_sizes(self) -> None:
        store = await self.store()
        for size, chunks in ((0, 0), (1, 1), (9, 1), (10, 1), (11, 2), (30, 3)):
            data = os.urandom(size)
            info = await store.put("x", data, chunk_size=10)
            assert info.chunks == chunks
            assert await store.get("x") == data
            assert await self.chunks(store) == chunks
            assert b"".join(await (await store.read("x")).collect()) == data

    async def test_every_source_and_sink(self) -> None:
        store = await self.store()
        data = os.urandom(700 * KIB)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "in"
        path.write_bytes(data)

        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(data), 77_777):
                await deferLater(reactor, 0, lambda: None)
                yield data[at : at + 77_777]

        with path.open("rb") as file:
            for source in (path, file, pieces(), io.BytesIO(data)):
                await store.put("x", source)
                assert await store.get("x") == data
        out = Path(folder.name) / "out"
        info = await store.get("x", out)
        assert info.size == len(data)
        assert out.read_bytes() == data
        memory = io.BytesIO()
        await store.get("x", memory)
        assert memory.getvalue() == data
        with path.open("rb") as file:
            consumer = store.consumer("y")
            await FileSender().beginFileTransfer(file, consumer)
            assert (await consumer.stored).size == len(data)
        assert await store.get("y") == data

    async def test_progress(self) -> None:
        store = await self.store()
        told: list[tuple[int, int | None]] = []
        await store.put("x", b"x" * 25, chunk_size=10, progress=lambda *each: told.append(each))
        assert told == [(10, 25), (20, 25), (25, 25)]
        told.clear()
        await store.put("x", iter([b"x" * 25]), chunk_size=10, progress=lambda *each: told.append(each))
        assert told[-1] == (25, None)
        told.clear()
        await store.get("x", progress=lambda *each: told.append(each))
        assert told == [(10, 25), (20, 25), (25, 25)]

    async def test_parts(self) -> None:
        store = await self.store()
        data = os.urandom(1000)
        await store.put("other", data, chunk_size=100)
        await store.put("x", data, chunk_size=70)
        for start, length in ((0, 10), (0, None), (69, 2), (70, 70), (500, None), (999, 1), (1000, None), (3, 0)):
            reader = await store.read("x", start=start, length=length)
            end = len(data) if length is None else start + length
            assert b"".join(await reader.collect()) == data[start:end], (start, length)
        bad: list[dict[str, Any]] = [{"start": -1}, {"start": 1001}, {"start": True}, {"length": -1}]
        for options in bad:
            assert isinstance(await error_of(store.read("x", **options)), txnats.InvalidOption)

    async def test_overwriting_drops_the_old_chunks(self) -> None:
        store = await self.store()
        await store.put("x", b"x" * 100, chunk_size=10)
        assert await self.chunks(store) == 10
        await store.put("x", b"y" * 30, chunk_size=10)
        assert await self.chunks(store) == 3
        assert await store.get("x") == b"y" * 30

    async def test_two_writers_leave_one_object(self) -> None:
        store = await self.store()
        for _ in range(5):
            await gatherResults([store.put("x", os.urandom(200), chunk_size=10) for _ in range(6)])
            assert len(await store.get("x")) == 200
            assert await self.chunks(store) == 20

    async def test_a_put_that_fails_leaves_nothing(self) -> None:
        store = await self.store()
        await store.put("x", b"old")

        def pieces() -> Any:
            yield b"x" * 100
            raise ValueError("on purpose")

        error = await error_of(store.put("x", pieces(), chunk_size=10))
        assert isinstance(error, objectstore.SourceFailed)
        assert isinstance(error.cause, ValueError)
        await store.when_clean()
        assert await self.chunks(store) == 1
        assert await store.get("x") == b"old"
        assert isinstance(await error_of(store.put("x", Path("/nowhere/at all"))), objectstore.SourceFailed)
        assert isinstance(await error_of(store.put("x", "text")), txnats.InvalidArgument)
        assert isinstance(await error_of(store.put("x", b"", chunk_size=10**9)), txnats.InvalidOption)

    async def test_a_put_that_is_cancelled_leaves_nothing(self) -> None:
        store = await self.store()
        for delay in (0.0, 0.002, 0.01):

            async def endless() -> AsyncIterator[bytes]:
                while True:
                    await deferLater(reactor, 0, lambda: None)
                    yield b"x" * 1000

            putting = store.put("x", endless(), chunk_size=100)
            await deferLater(reactor, delay, lambda: None)
            putting.cancel()
            with pytest.raises(CancelledError):
                await putting
            await store.when_clean()
            assert await self.chunks(store) == 0
        assert isinstance(await error_of(store.info("x")), objectstore.ObjectNotFound)

    async def test_delete(self) -> None:
        store = await self.store()
        await store.put("x", b"x" * 30, chunk_size=10)
        gone = await store.delete("x")
        assert gone.deleted
        assert await self.chunks(store) == 0
        assert isinstance(await error_of(store.get("x")), objectstore.ObjectDeleted)
        assert isinstance(await error_of(store.delete("x")), objectstore.ObjectDeleted)
        told = await store.info("x", include_deleted=True)
        assert (told.deleted, told.size, told.chunks, told.digest) == (True, 0, 0, "")
        assert [each.name for each in await store.list().collect()] == []
        assert [each.name for each in await store.list(include_deleted=True).collect()] == ["x"]
        await store.put("x", b"again")
        assert await store.get("x") == b"again"

    async def test_meta_and_names(self) -> None:
        store = await self.store()
        await store.put("x", b"x", description="old", metadata={"a": "b"})
        changed = await store.update_meta("x", description="new", headers={"h": "v"})
        assert (changed.description, changed.metadata, changed.headers) == ("new", {"a": "b"}, {"h": ["v"]})
        await store.put("taken", b"y")
        assert isinstance(await error_of(store.rename("x", "taken")), objectstore.ObjectExists)
        await store.delete("taken")
        await store.rename("x", "taken")
        assert await store.get("taken") == b"x"
        assert isinstance(await error_of(store.get("x")), objectstore.ObjectNotFound)
        assert [each.name for each in await store.list().collect()] == ["taken"]
        assert isinstance(await error_of(store.update_meta("x")), objectstore.ObjectNotFound)
        assert isinstance(await error_of(store.update_meta("taken", metadata={"a": 1})), txnats.InvalidArgument)  # type: ignore[dict-item]

    async def test_links(self) -> None:
        store, other = await self.store(), await self.store()
        info = await store.put("x", b"x")
        await other.add_link("far", info)
        assert await other.get("far") == b"x"
        assert (await other.info("far")).is_link
        link = await store.add_link("near", info)
        assert await store.get("near") == b"x"
        assert isinstance(await error_of(store.add_link("again", link)), objectstore.LinkToLink)
        await store.add_bucket_link("all", other)
        error = await error_of(store.get("all"))
        assert isinstance(error, objectstore.LinkIsStore)
        assert error.linked == other.name
        await store.put("alive", b"y")
        assert isinstance(await error_of(store.add_link("alive", info)), objectstore.ObjectExists)
        gone = await store.delete("alive")
        assert isinstance(await error_of(store.add_link("z", gone)), objectstore.ObjectDeleted)
        await store.add_link("alive", info)
        await store.delete("near")
        assert await store.get("x") == b"x"  # what it led to stays

    async def test_links_in_a_circle(self) -> None:
        store = await self.store()
        info = await store.put("a", b"x")
        await store.add_link("b", info)
        await store.delete("a")
        await store.add_link("a", (await store.info("b")).replace(link=None, name="b"))
        assert isinstance(await error_of(store.get("a")), objectstore.LinkLoop)

    async def test_watch(self) -> None:
        store = await self.store()
        await store.put("a", b"1")
        watcher = store.watch(marker=True)
        first = await watcher.next(timeout=5)
        assert isinstance(first, objectstore.ObjectInfo)
        assert first.name == "a"
        assert await watcher.next(timeout=5) is objectstore.END_OF_INITIAL
        await watcher.ready
        await store.put("b", b"2")
        await store.delete("a")
        seen = [await watcher.next(timeout=5) for _ in range(2)]
        assert [(each.name, each.deleted) for each in seen if isinstance(each, objectstore.ObjectInfo)] == [
            ("b", False),
            ("a", True),
        ]
        watcher.stop()

    async def test_orphans(self) -> None:
        store = await self.store()
        await store.put("x", b"x" * 30, chunk_size=10)
        for _ in range(3):
            await store.js.publish(chunk_subject(store.name, "ORPHAN"), b"left")
        await store.js.publish(chunk_subject(store.name, "OTHER"), b"left")
        assert await store.purge_orphans() == 0  # they may be of a put that goes on
        assert await store.purge_orphans(older_than=0) == 2
        assert await self.chunks(store) == 3
        assert await store.purge_orphans(older_than=0) == 0
        assert await store.get("x") == b"x" * 30
        assert isinstance(await error_of(store.purge_orphans(-1)), txnats.InvalidOption)


@pytest.mark.usefixtures("class_server", "make_server")
class Damage(Stores):
    async def test_a_changed_chunk_is_told_to_the_sink(self) -> None:
        store = await self.store()
        info = await store.put("x", b"x" * 30, chunk_size=10)
        stream = await store.js.stream(f"OBJ_{store.name}")
        subject = chunk_subject(store.name, info.nuid)
        last = await stream.get_last(subject)
        await stream.delete_message(last.sequence)
        await store.js.publish(subject, b"y" * 10)

        class Consumer:
            def __init__(self) -> None:
                self.data: list[bytes] = []
                self.error: BaseException | None = None

            def registerProducer(self, producer: Any, streaming: bool) -> None:
                self.producer = producer

            def unregisterProducer(self) -> None:
                del self.producer

            def write(self, data: bytes) -> None:
                self.data.append(data)

            def failed(self, error: BaseException) -> None:
                self.error = error

        consumer = Consumer()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = Path(folder.name) / "out"
        for sink in (None, path, io.BytesIO(), consumer):
            error = await error_of(store.get("x", sink))
            assert isinstance(error, objectstore.DigestMismatch), error
        assert await apart(os.listdir, folder.name) == []
        assert isinstance(consumer.error, objectstore.DigestMismatch)
        assert len(consumer.data) == 2  # the last chunk is not given out
        reader = await store.read("x")
        assert isinstance(await error_of(reader.collect()), objectstore.DigestMismatch)

    async def test_missing_chunks(self) -> None:
        store = await self.store()
        info = await store.put("x", b"x" * 30, chunk_size=10)
        stream = await store.js.stream(f"OBJ_{store.name}")
        subject = chunk_subject(store.name, info.nuid)
        await stream.delete_message((await stream.get_last(subject)).sequence)
        assert isinstance(await error_of(store.get("x")), objectstore.ChunksMissing)
        assert isinstance(await error_of((await store.read("x", length=25)).collect()), objectstore.ChunksMissing)
        assert isinstance(await error_of(store.read("x", start=25)), objectstore.ChunksMissing)
        await stream.purge(subject)
        assert isinstance(await error_of(store.get("x")), objectstore.ChunksMissing)

    async def test_what_is_told_cannot_be_read(self) -> None:
        store = await self.store()
        await store.js.publish(meta_subject(store.name, "x"), b"{")
        assert isinstance(await error_of(store.get("x")), objectstore.BadMeta)

    async def test_an_object_that_is_overwritten_while_it_is_read(self) -> None:
        store = await self.store()
        await store.put("x", b"a" * 3_000_000)
        going = True

        async def write() -> None:
            while going:
                for letter in (b"b", b"c"):
                    await store.put("x", letter * 3_000_000)

        writing = Deferred.fromCoroutine(write())
        for _ in range(2):
            try:
                data = await store.get("x")
            except objectstore.ObjectChanged:
                continue
            assert len(data) == 3_000_000
            assert len(set(data)) == 1
        going = False
        await writing


@pytest.mark.usefixtures("class_server", "make_server")
class Management(Stores):
    async def test_a_store_is_made_changed_sealed_and_deleted(self) -> None:
        js = await self.stream_of_all()
        config = objectstore.StoreConfig("managed", description="words")
        store = await objectstore.create(js, config)
        assert isinstance(await error_of(objectstore.create(js, config.replace(ttl=60.0))), objectstore.StoreExists)
        await objectstore.update(js, config.replace(description="others"))
        await objectstore.create_or_update(js, config)
        await store.put("x", b"x")
        opened = await objectstore.open(js, "managed")
        assert (await opened.status()).config.description == "words"
        assert "managed" in await objectstore.names(js).collect()
        assert "managed" in [each.store for each in await objectstore.statuses(js).collect()]
        assert (await opened.seal()).sealed
        for deferred in (store.put("y", b""), store.delete("x"), opened.put("y", b"")):
            assert isinstance(await error_of(deferred), objectstore.StoreSealed)
        assert await store.get("x") == b"x"
        await objectstore.delete(js, "managed")
        gone: list[Deferred[Any]] = [
            objectstore.open(js, "managed"),
            objectstore.delete(js, "managed"),
            objectstore.update(js, config),
            opened.status(),
            store.info("x"),
        ]
        for each in gone:
            assert isinstance(await error_of(each), objectstore.StoreNotFound)
        assert isinstance(await error_of(objectstore.open(js, "a.b")), objectstore.InvalidStore)

    async def test_what_others_wrote_besides(self) -> None:
        store = await self.store()
        text = b'{"name":"x","bucket":"%s","nuid":"N","size":2,"chunks":1,"mtime":"2024-01-01T00:00:00Z"}'
        await store.js.publish(chunk_subject(store.name, "N"), b"ab")
        await store.js.publish(meta_subject(store.name, "x"), text % store.name.encode())
        assert await store.get("x") == b"ab"
        assert infos.encode(await store.info("x"))

    async def test_another_context(self) -> None:
        store = await self.store()
        await store.put("x", b"x")
        js = JetStream(store.js.client, prefix="$JS.API")
        assert await (await objectstore.open(js, store.name)).get("x") == b"x"
