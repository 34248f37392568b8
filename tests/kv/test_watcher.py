"""Watchers on a real server."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

import txnats
from tests.kv.home import Home, apart, error_of, reactor, until
from txnats import kv


@pytest.mark.usefixtures("class_server", "make_server")
class Watching(Home):
    async def test_values_then_the_marker_then_changes(self) -> None:
        bucket = await self.bucket()
        await bucket.put("a", b"1")
        await bucket.put("b", b"2")
        watcher = bucket.watch(marker=True)
        seen = [await watcher.next() for _ in range(3)]
        assert seen[2] is kv.END_OF_INITIAL
        await watcher.ready
        await bucket.delete("a")
        last = await watcher.next(timeout=5)
        assert isinstance(last, kv.Entry)
        assert (last.key, last.operation) == ("a", kv.Operation.DELETE)
        watcher.stop()
        assert isinstance(await error_of(watcher.next()), txnats.EndOfStream)
        await watcher.when_done()

    async def test_an_empty_bucket_is_ready_at_once(self) -> None:
        bucket = await self.bucket()
        for updates_only in (False, True):
            watcher = bucket.watch("x.*", marker=True, updates_only=updates_only)
            assert await watcher.next(timeout=5) is kv.END_OF_INITIAL
            await watcher.ready
            watcher.stop()

    async def test_what_is_asked_for(self) -> None:
        bucket = await self.bucket(history=5)
        for value in (b"1", b"2"):
            await bucket.put("a", value)
        await bucket.put("b", b"3")
        await bucket.delete("b")

        async def seen(*keys: str, **options: Any) -> list[tuple[str, bytes]]:
            watcher = bucket.watch(*keys, **options)
            await watcher.ready
            entries = await watcher.collect(watcher.pending)
            watcher.stop()
            return [(each.key, each.value) for each in entries]

        assert await seen() == [("a", b"2"), ("b", b"")]
        assert await seen(history=True) == [("a", b"1"), ("a", b"2"), ("b", b"3"), ("b", b"")]
        assert await seen(ignore_deletes=True) == [("a", b"2")]
        assert await seen("b", history=True, ignore_deletes=True) == [("b", b"3")]
        assert await seen("a", "c", meta_only=True) == [("a", b"")]
        assert await seen(updates_only=True) == []
        assert await seen(from_revision=2) == [("a", b"2"), ("b", b"3"), ("b", b"")]
        bad: list[Any] = [{"history": True, "updates_only": True}, {"from_revision": 0}, {"pending": 0}]
        for options in bad:
            with pytest.raises(txnats.InvalidOption):
                bucket.watch(**options)

    async def test_metadata_tells_the_size(self) -> None:
        bucket = await self.bucket()
        await bucket.put("a", b"x" * 1000)
        async with bucket.watch(meta_only=True) as watcher:
            entry = await watcher.next()
            assert (entry.value, entry.size) == (b"", 1000)

    async def test_a_handler_has_had_all_when_it_is_ready(self) -> None:
        bucket = await self.bucket()
        await gatherResults([bucket.put(f"k{number}", b"v") for number in range(50)])
        seen: list[str] = []

        async def handle(entry: kv.Entry) -> None:
            await deferLater(reactor, 0, lambda: None)
            seen.append(entry.key)

        watcher = bucket.watch(handler=handle)
        await watcher.ready
        assert len(seen) == 50
        await bucket.put("later", b"v")
        await until(lambda: "later" in seen)
        assert isinstance(await error_of(watcher.next()), txnats.InvalidArgument)
        watcher.stop()
        await watcher.when_done()

    async def test_a_handler_that_raises_ends_nothing(self) -> None:
        bucket = await self.bucket()
        await bucket.put("a", b"1")
        seen: list[object] = []

        def handle(item: object) -> None:
            seen.append(item)
            raise ValueError("on purpose")

        watcher = bucket.watch(handler=handle, marker=True)
        await watcher.ready
        await bucket.put("b", b"1")
        await until(lambda: len(seen) == 3)
        assert seen[1] is kv.END_OF_INITIAL
        watcher.stop()
        assert len(self.flushLoggedErrors(ValueError)) == 3

    async def test_who_does_not_read_makes_the_server_wait(self) -> None:
        bucket = await self.bucket()
        await gatherResults([bucket.put(f"k{number}", b"v") for number in range(3000)])
        watcher = bucket.watch(pending=100)
        error = await error_of(watcher.ready)
        assert isinstance(error, kv.WatcherFull)
        assert watcher.pending < 300
        ready = watcher.ready
        entries: list[kv.Entry] = []
        while len(entries) < 3000:
            entries.append(await watcher.next(timeout=10))
        await ready
        assert len({each.key for each in entries}) == 3000
        watcher.stop()

    async def test_large_values_wait_in_bounded_memory(self) -> None:
        bucket = await self.bucket(storage="memory")
        for number in range(150):
            await bucket.put(f"k{number}", bytes(900_000))
        watcher = bucket.watch()
        assert isinstance(await error_of(watcher.ready), kv.WatcherFull)
        assert watcher.pending < 100
        seen = [(await watcher.next(timeout=10)).key for _ in range(150)]
        assert len(set(seen)) == 150
        watcher.stop()

    async def test_stop_before_it_began(self) -> None:
        bucket = await self.bucket()
        await bucket.put("a", b"1")
        watcher = bucket.watch()
        ready = watcher.ready
        watcher.stop()
        watcher.stop()
        assert isinstance(await error_of(ready), txnats.EndOfStream)
        assert isinstance(await error_of(watcher.ready), txnats.EndOfStream)

    async def test_leaving_the_loop_stops_it_and_its_consumer(self) -> None:
        bucket = await self.bucket()
        await bucket.put("a", b"1")
        async for _ in bucket.watch():
            break
        stream = await bucket.js.stream(f"KV_{bucket.name}")
        for _ in range(200):
            if not (await stream.info()).state.consumer_count:
                break
            await deferLater(reactor, 0.02, lambda: None)
        assert (await stream.info()).state.consumer_count == 0

    async def test_a_closed_client_ends_it(self) -> None:
        bucket = await self.bucket()
        watcher = bucket.watch()
        await watcher.ready
        waiting = watcher.next()
        await bucket.js.client.close()
        assert isinstance(await error_of(waiting), txnats.ClientClosed)

    async def test_keys_that_are_rewritten_while_they_are_listed(self) -> None:
        bucket = await self.bucket()
        names = [f"k{number}" for number in range(400)]
        await gatherResults([bucket.put(name, b"v") for name in names])
        going = True

        async def write() -> None:
            while going:
                await gatherResults([bucket.put(name, b"w") for name in reversed(names)])

        writing = Deferred.fromCoroutine(write())
        for _ in range(10):
            assert sorted(await bucket.keys().collect()) == sorted(names)
        going = False
        await writing

    async def test_updates_are_seen_that_were_made_while_it_was_away(self) -> None:
        server = self.make_server(jetstream=True)
        js = await self.stream_of_all(url=server.url)
        other = await self.stream_of_all(url=server.url)
        bucket = await kv.create(js, kv.BucketConfig("b", history=10))
        writer = await kv.open(other, "b")
        for updates_only in (False, True):
            watcher = bucket.watch("never.*", "written", updates_only=updates_only)
            await watcher.ready
            await apart(server.kill)
            await until(lambda: js.client.status is not txnats.Status.CONNECTED)
            js.client.reconnect()
            await apart(server.restart)
            first = await writer.put("written", b"1")
            await writer.put("written", b"2")
            seen = [(await watcher.next(timeout=10)).revision for _ in range(2)]
            assert seen == [first, first + 1]
            watcher.stop()
            await bucket.purge("written")
            await bucket.purge_deletes(-1)
