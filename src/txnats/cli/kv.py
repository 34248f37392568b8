"""``kv``: buckets of keys and values."""

from __future__ import annotations

from typing import Any

import click

from .. import kv as buckets
from ..kv import Bucket, BucketConfig, BucketStatus, Entry
from .app import Family, verb
from .bodies import read_body
from .jetstream import FORCE, STORAGE, configured, context, options, sure
from .output import body, moment, size, span
from .params import Seconds, Size
from .running import Session

_BUCKET = click.argument("bucket")
_KEY = click.argument("key")
_VALUE = click.argument("value", required=False, metavar="[VALUE]")
_TTL = click.option("--ttl", type=Seconds(), help="It goes after so long.")
_REVISION = click.option("--revision", type=click.IntRange(0), help="Only if it is at this revision.")
_CONFIG = options(
    click.option("--history", type=click.IntRange(1, 64), help="Revisions that are kept of each key.  [1]"),
    *STORAGE,
    click.option("--max-value-size", type=Size(), help="Bytes of one value at the most."),
)


@click.group(cls=Family)
def kv() -> None:
    """Buckets of keys and values.

    Where no VALUE is given it comes by standard input.
    """


async def opened(session: Session, name: str) -> Bucket:
    """A bucket that stands."""
    return await buckets.open(await context(session), name)


@verb(kv)
@_BUCKET
@_CONFIG
async def add(session: Session, *, bucket: str, **given: Any) -> None:
    """Make a bucket."""
    made = await buckets.create(await context(session), BucketConfig(bucket, **configured(given)))
    _show(session, await made.status())


@verb(kv)
@_BUCKET
@_CONFIG
async def edit(session: Session, *, bucket: str, **given: Any) -> None:
    """Change how a bucket is set up."""
    found = await opened(session, bucket)
    changed = await buckets.update(found.js, found.config.replace(**configured(given)))
    _show(session, await changed.status())


@verb(kv)
@click.argument("bucket", required=False)
@click.argument("filters", nargs=-1, metavar="[FILTER]...")
@click.option("-n", "--names", is_flag=True, help="Names only.")
async def ls(session: Session, *, bucket: str | None, filters: tuple[str, ...], names: bool) -> None:
    """List the buckets, or the keys of one."""
    js = await context(session)
    if bucket is not None:
        found = await buckets.open(js, bucket)
        session.out.names(sorted(await found.keys(*filters).collect()))
    elif names:
        session.out.names(sorted(await buckets.names(js).collect()))
    else:
        told = await buckets.statuses(js).collect()
        rows = [
            (each.bucket, each.values, size(each.bytes), each.history, _lasting(each.ttl), each.config.description)
            for each in told
        ]
        session.out.table(["bucket", "values#", "size#", "history#", "ttl#", "description"], rows, told)


@verb(kv)
@_BUCKET
async def info(session: Session, *, bucket: str) -> None:
    """Show a bucket."""
    _show(session, await (await opened(session, bucket)).status())


@verb(kv)
@_BUCKET
@_KEY
@_VALUE
async def put(session: Session, *, bucket: str, key: str, value: str | None) -> None:
    """Write a key, whatever it holds."""
    data = await read_body(session, value)
    found = await opened(session, bucket)
    _written(session, bucket, key, await found.put(key, data))


@verb(kv)
@_BUCKET
@_KEY
@_VALUE
@_TTL
async def create(session: Session, *, bucket: str, key: str, value: str | None, ttl: float | None) -> None:
    """Write a key that has no value yet."""
    data = await read_body(session, value)
    found = await opened(session, bucket)
    _written(session, bucket, key, await found.create(key, data, ttl))


@verb(kv)
@_BUCKET
@_KEY
@_VALUE
@click.option("--revision", type=click.IntRange(0), required=True, help="Only if it is at this revision.")
async def update(session: Session, *, bucket: str, key: str, value: str | None, revision: int) -> None:
    """Write a key if it is at a revision: nobody else has written it since."""
    data = await read_body(session, value)
    found = await opened(session, bucket)
    _written(session, bucket, key, await found.update(key, data, revision))


@verb(kv)
@_BUCKET
@_KEY
@click.option("--revision", type=click.IntRange(1), help="This one, and not the last.")
@click.option("-r", "--raw", is_flag=True, help="Print the value and nothing else, not even a line's end.")
async def get(session: Session, *, bucket: str, key: str, revision: int | None, raw: bool) -> None:
    """Print a key's value."""
    entry = await (await opened(session, bucket)).get(key, revision)
    if session.out.as_json:
        session.out.value(_entry(entry))
    elif raw:
        session.out.raw(entry.value, end=b"")
    else:
        session.out.line(f"{entry.bucket} > {entry.key} revision {entry.revision:,}, {moment(entry.created)}")
        session.out.line()
        session.out.raw(entry.value)


@verb(kv, "del")
@_BUCKET
@_KEY
@_REVISION
@FORCE
async def del_(session: Session, *, bucket: str, key: str, revision: int | None, force: bool) -> None:
    """Delete a key; its history stays. `rm` deletes a bucket."""
    sure(f"Delete the key {key} of the bucket {bucket}?", force=force)
    found = await opened(session, bucket)
    _written(session, bucket, key, await found.delete(key, revision))


@verb(kv)
@_BUCKET
@_KEY
@_REVISION
@FORCE
async def purge(session: Session, *, bucket: str, key: str, revision: int | None, force: bool) -> None:
    """Delete a key with its history."""
    sure(f"Delete the key {key} of the bucket {bucket} with its history?", force=force)
    found = await opened(session, bucket)
    _written(session, bucket, key, await found.purge(key, revision=revision))


@verb(kv)
@_BUCKET
@_KEY
@click.argument("revision", type=click.IntRange(1))
async def revert(session: Session, *, bucket: str, key: str, revision: int) -> None:
    """Write the value of an earlier revision again, if nobody else writes the key meanwhile."""
    found = await opened(session, bucket)
    last = (await found.history(key).collect())[-1:]
    entry = await found.get(key, revision)
    _written(session, bucket, key, await found.update(key, entry.value, last[0].revision if last else 0))


@verb(kv)
@_BUCKET
@_KEY
async def history(session: Session, *, bucket: str, key: str) -> None:
    """Show all revisions of a key that are kept."""
    entries = await (await opened(session, bucket)).history(key).collect()
    rows = [
        (each.revision, each.operation, each.created, each.size, each.value.decode(errors="replace"))
        for each in entries
    ]
    session.out.table(
        ["revision#", "operation", "written", "bytes#", "value"], rows, [_entry(each) for each in entries]
    )


@verb(kv)
@_BUCKET
@click.argument("filters", nargs=-1, metavar="[FILTER]...")
@click.option("--updates-only", is_flag=True, help="Not what is there at the beginning.")
@click.option("--history", "with_history", is_flag=True, help="Begin with all revisions that are kept.")
@click.option("--count", type=click.IntRange(1), help="End after so many.")
async def watch(
    session: Session,
    *,
    bucket: str,
    filters: tuple[str, ...],
    updates_only: bool,
    with_history: bool,
    count: int | None,
) -> None:
    """Print keys as they change, first as they are, until Ctrl-C."""
    session.endless = True
    found = await opened(session, bucket)
    seen = 0
    async for entry in found.watch(*filters, updates_only=updates_only, history=with_history):
        session.out.value(_entry(entry))
        words = "" if entry.is_deleted else f": {entry.value.decode(errors='replace')}"
        session.out.line(f"[{moment(entry.created)}] {entry.operation} {entry.bucket} > {entry.key}{words}")
        seen += 1
        if seen == count:
            break


@verb(kv)
@_BUCKET
@FORCE
async def compact(session: Session, *, bucket: str, force: bool) -> None:
    """Drop the history of deleted keys, and deletes that are older than half an hour."""
    sure(f"Drop what is left of the deleted keys of the bucket {bucket}?", force=force)
    found = await opened(session, bucket)
    session.out.record("", {"bucket": bucket, "dropped": await found.purge_deletes()})


@verb(kv)
@_BUCKET
@FORCE
async def rm(session: Session, *, bucket: str, force: bool) -> None:
    """Delete a bucket with all that it holds."""
    sure(f"Delete the bucket {bucket} with all that it holds?", force=force)
    await buckets.delete(await context(session), bucket)
    session.out.record("", {"deleted": bucket})


def _written(session: Session, bucket: str, key: str, revision: int) -> None:
    session.out.record("", {"bucket": bucket, "key": key, "revision": revision})


def _entry(entry: Entry) -> dict[str, Any]:
    told = {"bucket": entry.bucket, "key": entry.key, "revision": entry.revision, "operation": entry.operation}
    value = {} if entry.is_deleted else body(entry.value)
    return {**told, "created": entry.created, **value}


def _show(session: Session, told: BucketStatus) -> None:
    config = told.config
    fields = {
        "bucket": told.bucket,
        "description": config.description,
        "history": config.history,
        "values are kept": _lasting(config.ttl),
        "storage": config.storage,
        "replicas": config.replicas,
        "packed": config.compression,
        "bytes at the most": "unlimited" if config.max_bytes < 0 else size(config.max_bytes),
        "bytes of a value": "unlimited" if config.max_value_size < 0 else size(config.max_value_size),
        "values": told.values,
        "size": size(told.bytes),
        "last revision": told.last_revision,
    }
    session.out.record("", {name: value for name, value in fields.items() if value != ""}, told)


def _lasting(ttl: float) -> str:
    return span(ttl) if ttl else "for ever"
