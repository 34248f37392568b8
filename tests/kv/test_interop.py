"""txnats and nats-py on the same buckets and stores: each reads, updates and watches what the other wrote."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import nats
import nats.js.api
import nats.js.errors
import pytest

from tests.kv.home import Home, by_asyncio, error_of
from txnats import kv, objectstore
from txnats.jetstream import JetStream
from txnats.objectstore.naming import meta_subject

DATA = bytes(range(256)) * 1500


async def config_of(js: JetStream, stream: str) -> dict[str, Any]:
    """A stream's configuration as the server has it, without what names it."""
    told = await js.api.call(f"STREAM.INFO.{stream}")
    config: dict[str, Any] = told["config"]
    config.pop("name")
    config.pop("subjects")
    config["metadata"] = {key: value for key, value in (config.get("metadata") or {}).items() if key[:6] != "_nats."}
    return config


@pytest.mark.usefixtures("class_server")
class Interop(Home):
    async def theirs(self, work: Any) -> Any:
        """Do something with nats-py, in a thread."""
        url = self.server.url

        async def run() -> Any:
            client = await nats.connect(url)
            try:
                return await work(client.jetstream())
            finally:
                await client.close()

        return await by_asyncio(run)

    async def test_buckets_are_set_up_alike(self) -> None:
        js = await self.stream_of_all()
        ours: list[tuple[dict[str, Any], dict[str, Any]]] = [
            ({}, {"direct": True}),
            (
                {"history": 5, "ttl": 60.0, "max_bytes": 10_000_000, "max_value_size": 1000, "description": "words"},
                {
                    "history": 5,
                    "ttl": 60,
                    "max_bytes": 10_000_000,
                    "max_value_size": 1000,
                    "description": "words",
                    "direct": True,
                },
            ),
            (
                {"storage": "memory", "limit_marker_ttl": 5.0},
                {"storage": "memory", "limit_marker_ttl": 5, "direct": True},
            ),
            ({"allow_direct": False}, {}),
        ]
        for number, (here, there) in enumerate(ours):
            await kv.create(js, kv.BucketConfig(f"o{number}", **here))

            async def make(js: Any, number: int = number, there: dict[str, Any] = there) -> None:
                await js.create_key_value(bucket=f"t{number}", **there)

            await self.theirs(make)
            assert await config_of(js, f"KV_o{number}") == await config_of(js, f"KV_t{number}"), here

    async def test_stores_are_set_up_alike(self) -> None:
        js = await self.stream_of_all()
        options: list[dict[str, Any]] = [{}, {"ttl": 60, "description": "words", "max_bytes": 10_000_000}]
        for number, each in enumerate(options):
            await objectstore.create(js, objectstore.StoreConfig(f"o{number}", **each))

            async def make(js: Any, number: int = number, each: dict[str, Any] = each) -> None:
                await js.create_object_store(bucket=f"t{number}", config=nats.js.api.ObjectStoreConfig(**each))

            await self.theirs(make)
            assert await config_of(js, f"OBJ_o{number}") == await config_of(js, f"OBJ_t{number}")

    async def test_they_read_what_we_wrote(self) -> None:
        js = await self.stream_of_all()
        bucket = await kv.create(js, kv.BucketConfig("read", history=5, limit_marker_ttl=60.0))
        await bucket.put("a", b"1")
        second = await bucket.put("a", b"2")
        await bucket.put("gone", b"x")
        await bucket.delete("gone")
        await bucket.put("purged", b"x")
        await bucket.purge("purged")
        await bucket.create("short", b"x", ttl=100)

        async def work(js: Any) -> Any:
            theirs = await js.key_value("read")
            entry = await theirs.get("a")
            errors = []
            for key in ("gone", "purged", "never"):
                try:
                    await theirs.get(key)
                except nats.js.errors.KeyNotFoundError as error:
                    errors.append(type(error).__name__)
            keys = sorted(await theirs.keys())
            history = [(each.value, each.operation) for each in await theirs.history("gone")]
            await theirs.update("a", b"3", last=entry.revision)
            await theirs.create("gone", b"again")
            watcher = await theirs.watchall()
            seen = []
            while (update := await watcher.updates(timeout=5)) is not None:
                seen.append((update.key, update.value, update.operation))
            await watcher.stop()
            return entry.value, entry.revision, errors, keys, history, sorted(seen, key=str)

        value, revision, errors, keys, history, seen = await self.theirs(work)
        assert (value, revision) == (b"2", second)
        assert errors == ["KeyNotFoundError"] * 3
        assert keys == ["a", "short"]
        assert history == [(b"x", None), (b"", "DEL")]
        assert ("a", b"3", None) in seen
        assert ("purged", b"", "PURGE") in seen
        assert (await bucket.get("a")).value == b"3"
        assert (await bucket.get("gone")).value == b"again"

    async def test_we_read_what_they_wrote(self) -> None:
        js = await self.stream_of_all()

        async def work(js: Any) -> None:
            theirs = await js.create_key_value(bucket="written", history=5, limit_marker_ttl=1)
            await theirs.put("a", b"1")
            await theirs.put("a", b"2")
            await theirs.put("gone", b"x")
            await theirs.delete("gone")
            await theirs.put("purged", b"x")
            await theirs.purge("purged")
            await theirs.create("short", b"x", msg_ttl=1)

        await self.theirs(work)
        bucket = await kv.open(js, "written")
        watcher = bucket.watch("short")
        assert (await watcher.next(timeout=5)).value == b"x"
        assert (await bucket.get("a")).value == b"2"
        assert isinstance(await error_of(bucket.get("gone")), kv.KeyDeleted)
        assert isinstance(await error_of(bucket.get("purged")), kv.KeyDeleted)
        assert [each.value for each in await bucket.history("a").collect()] == [b"1", b"2"]
        expired = await watcher.next(timeout=10)
        assert (expired.operation, expired.reason) == (kv.Operation.PURGE, "MaxAge")
        watcher.stop()
        assert await bucket.keys().collect() == ["a"]
        assert await bucket.create("gone", b"again") > 0

    async def test_objects_both_ways(self) -> None:
        js = await self.stream_of_all()
        store = await objectstore.create(js, objectstore.StoreConfig("both"))
        ours = await store.put("ours", DATA, description="d", headers={"h": ["a", "b"]})
        await store.put("empty", b"")
        await store.put("gone", b"x")
        await store.delete("gone")

        async def work(js: Any) -> Any:
            theirs = await js.object_store("both")
            got = await theirs.get("ours")
            into = io.BytesIO()
            await theirs.get("ours", writeinto=into)
            empty = await theirs.get("empty")
            gone = False
            try:
                await theirs.get("gone")
            except nats.js.errors.ObjectNotFoundError:
                gone = True
            names = sorted(info.name for info in await theirs.list(ignore_deletes=True))
            await theirs.put("theirs", DATA, meta=nats.js.api.ObjectMeta(description="t"))
            await theirs.put("dropped", b"x")
            await theirs.delete("dropped")
            return got.data, got.info.digest, into.getvalue(), empty.data, gone, names

        data, digest, into, empty, gone, names = await self.theirs(work)
        assert data == into == DATA
        assert digest == ours.digest
        assert (empty, gone) == (b"", True)
        assert names == ["empty", "ours"]
        info = await store.info("theirs")
        assert (info.size, info.digest, info.description) == (len(DATA), ours.digest, "t")
        assert await store.get("theirs") == DATA
        assert isinstance(await error_of(store.get("dropped")), objectstore.ObjectDeleted)
        assert sorted(each.name for each in await store.list().collect()) == ["empty", "ours", "theirs"]

    async def test_links_by_the_record(self) -> None:
        """nats-py follows links and makes none: one is written as the record has it, and ours is read as it stands."""
        js = await self.stream_of_all()
        store = await objectstore.create(js, objectstore.StoreConfig("links"))
        info = await store.put("x", DATA)
        await store.add_link("ours", info)

        async def work(js: Any) -> Any:
            theirs = await js.object_store("links")
            name = base64.urlsafe_b64encode(b"theirs").decode()
            meta = {
                "name": "theirs",
                "options": {"link": {"bucket": "links", "name": "x"}},
                "bucket": "links",
                "nuid": "N",
                "mtime": "0001-01-01T00:00:00Z",
            }
            await js.publish(f"$O.links.M.{name}", json.dumps(meta).encode(), headers={"Nats-Rollup": "sub"})
            return (await theirs.get("ours")).data

        assert await self.theirs(work) == DATA
        assert await store.get("theirs") == DATA
        raw = await (await js.stream("OBJ_links")).get_last(meta_subject("links", "ours"))
        assert json.loads(raw.payload)["options"] == {"link": {"bucket": "links", "name": "x"}}
