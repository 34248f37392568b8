"""``object``: stores of files of any size."""

from __future__ import annotations

import sys
from pathlib import Path, PurePosixPath
from typing import Any

import click
from twisted.internet.defer import CancelledError

from .. import objectstore
from ..errors import InvalidArgument
from ..objectstore import ObjectInfo, ObjectStore, StoreConfig, StoreStatus
from .app import Family, verb
from .bodies import HEADER, read_headers
from .jetstream import FORCE, STORAGE, configured, context, options, sure
from .output import headers_json, shown, size, span
from .params import Size
from .pipes import Sink
from .progress import Bar
from .running import Session

_STORE = click.argument("store")
_NAME = click.argument("name")
_CONFIG = options(*STORAGE)
_PROGRESS = click.option("--progress/--no-progress", default=True, help="A bar, on a terminal.")
_PIPE = "-"


@click.group("object", cls=Family)
def object_() -> None:
    """Stores of files of any size."""


async def opened(session: Session, name: str) -> ObjectStore:
    """A store that stands."""
    return await objectstore.open(await context(session), name)


@verb(object_)
@_STORE
@_CONFIG
async def add(session: Session, *, store: str, **given: Any) -> None:
    """Make a store."""
    made = await objectstore.create(await context(session), StoreConfig(store, **configured(given)))
    _show_store(session, await made.status())


@verb(object_)
@_STORE
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--name", help="Its name in the store.  [the file's own]")
@click.option("--description", default="", help="For whoever looks.")
@HEADER
@click.option("--chunk-size", type=Size(), help="Bytes of each message that it is stored in.  [128KB]")
@_PROGRESS
async def put(
    session: Session,
    *,
    store: str,
    file: str,
    name: str | None,
    description: str,
    header: tuple[str, ...],
    chunk_size: int | None,
    progress: bool,
) -> None:
    """Store FILE, or with - what comes by standard input. It is there as a whole, or not at all."""
    if file == _PIPE and name is None:
        raise click.UsageError("standard input has no name: give --name")
    name = name or Path(file).name
    headers = read_headers(header)
    wanted: dict[str, Any] = {"description": description, "headers": headers_json(headers) if headers else None}
    if chunk_size is not None:
        wanted["chunk_size"] = chunk_size
    found = await opened(session, store)
    with Bar(name, hidden=not progress or session.out.as_json) as bar:
        try:
            info = await found.put(name, session.input if file == _PIPE else Path(file), progress=bar, **wanted)
        except CancelledError:
            await found.when_clean()
            raise
    _show(session, info, bar)


@verb(object_)
@_STORE
@_NAME
@click.argument("file", required=False)
@click.option("-O", "--output", help="The same as FILE.")
@FORCE
@_PROGRESS
async def get(
    session: Session, *, store: str, name: str, file: str | None, output: str | None, force: bool, progress: bool
) -> None:
    """Write an object to FILE, or with - to standard output. Without FILE it gets the last part of its name.

    FILE is there when all of it came and is right, and not before.
    """
    if file is not None and output is not None:
        raise click.UsageError("FILE and --output are the same: give one")
    target = file or output or PurePosixPath(name).name
    if not target:
        raise click.UsageError("the object's name is no name of a file: give FILE")
    if target != _PIPE and Path(target).exists() and not force:
        raise InvalidArgument("there is such a file already", where=target, hint="-f replaces it")
    found = await opened(session, store)
    hidden = not progress or session.out.as_json or (target == _PIPE and sys.stdout.isatty())
    with Bar(name, hidden=hidden) as bar:
        if target == _PIPE:
            sink = Sink(session.reactor)
            async for chunk in await found.read(name, progress=bar):
                await sink.write(chunk)
            return
        info = await found.get(name, Path(target), progress=bar)
    _show(session, info, bar, file=target)


@verb(object_)
@_STORE
@click.argument("name", required=False)
async def info(session: Session, *, store: str, name: str | None) -> None:
    """Show an object, or a store."""
    found = await opened(session, store)
    if name is None:
        _show_store(session, await found.status())
    else:
        _show(session, await found.info(name))


@verb(object_)
@click.argument("store", required=False)
@click.option("-n", "--names", is_flag=True, help="Names only.")
async def ls(session: Session, *, store: str | None, names: bool) -> None:
    """List the stores, or the objects of one."""
    js = await context(session)
    if store is not None:
        infos = sorted(await (await objectstore.open(js, store)).list().collect(), key=lambda each: each.name)
        if names:
            session.out.names([each.name for each in infos])
            return
        rows = [(each.name, size(each.size), each.modified, _kind(each)) for each in infos]
        session.out.table(["name", "size#", "stored", "kind"], rows, infos)
    elif names:
        session.out.names(sorted(await objectstore.names(js).collect()))
    else:
        told = await objectstore.statuses(js).collect()
        table = [
            (each.store, size(each.size), each.config.storage, each.sealed, each.config.description) for each in told
        ]
        session.out.table(["store", "size#", "storage", "sealed", "description"], table, told)


@verb(object_, "del")
@_STORE
@_NAME
@FORCE
async def del_(session: Session, *, store: str, name: str, force: bool) -> None:
    """Delete an object. `rm` deletes a store."""
    sure(f"Delete the object {name} of the store {store}?", force=force)
    gone = await (await opened(session, store)).delete(name)
    session.out.record("", {"store": store, "deleted": gone.name})


@verb(object_)
@_STORE
@_NAME
@click.argument("new_name")
async def rename(session: Session, *, store: str, name: str, new_name: str) -> None:
    """Give an object another name."""
    _show(session, await (await opened(session, store)).rename(name, new_name))


@verb(object_)
@_STORE
@click.option("--updates-only", is_flag=True, help="Not what is there at the beginning.")
@click.option("--count", type=click.IntRange(1), help="End after so many.")
async def watch(session: Session, *, store: str, updates_only: bool, count: int | None) -> None:
    """Print what happens to objects, first those that are there, until Ctrl-C."""
    session.endless = True
    found = await opened(session, store)
    seen = 0
    async for each in found.watch(updates_only=updates_only):
        session.out.value(each)
        what = "DEL" if each.deleted else "PUT"
        words = "" if each.deleted else f": {size(each.size)} in {each.chunks:,} chunks"
        session.out.line(f"[{shown(each.modified)}] {what} {each.store} > {each.name}{words}")
        seen += 1
        if seen == count:
            break


@verb(object_)
@_STORE
@FORCE
async def seal(session: Session, *, store: str, force: bool) -> None:
    """Let nothing in or out of a store any more, for ever."""
    sure(f"Seal the store {store} for ever?", force=force)
    _show_store(session, await (await opened(session, store)).seal())


@verb(object_)
@_STORE
@FORCE
async def rm(session: Session, *, store: str, force: bool) -> None:
    """Delete a store with all that it holds."""
    sure(f"Delete the store {store} with all that it holds?", force=force)
    await objectstore.delete(await context(session), store)
    session.out.record("", {"deleted": store})


def _show(session: Session, info: ObjectInfo, bar: Bar | None = None, file: str = "") -> None:
    fields = {
        "store": info.store,
        "name": info.name,
        "file": file,
        "description": info.description,
        "size": f"{size(info.size)} in {info.chunks:,} chunks",
        "rate": "" if bar is None else f"{size(bar.rate)}/s",
        "digest": info.digest,
        "stored": info.modified,
        "link to": "" if info.link is None else f"{info.link.store} > {info.link.name}",
        "headers": ", ".join(f"{name}: {each}" for name, values in info.headers.items() for each in values),
        "metadata": dict(info.metadata),
    }
    session.out.record("", {name: value for name, value in fields.items() if value not in ("", {})}, info)


def _show_store(session: Session, told: StoreStatus) -> None:
    config = told.config
    fields = {
        "store": told.store,
        "description": config.description,
        "objects are kept": span(config.ttl) if config.ttl else "for ever",
        "storage": config.storage,
        "replicas": config.replicas,
        "packed": config.compression,
        "sealed": told.sealed,
        "bytes at the most": "unlimited" if config.max_bytes < 0 else size(config.max_bytes),
        "size": size(told.size),
    }
    session.out.record("", {name: value for name, value in fields.items() if value != ""}, told)


def _kind(info: ObjectInfo) -> str:
    return "object" if info.link is None else f"link to {info.link.store} > {info.link.name}"
