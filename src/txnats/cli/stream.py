"""``stream``: what is stored."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click

from ..errors import InvalidArgument
from ..jetstream import JsMessage, Manifest, MessageNotFound, StoredMessage, StreamConfig, StreamInfo
from .app import Family, verb
from .bodies import RAW, show_body
from .jetstream import FORCE, configured, context, options, sure
from .output import body, headers_json, moment, size, span
from .params import Seconds, Size
from .pipes import CHUNK
from .progress import Bar
from .running import Session

_STREAM = click.argument("stream")
_MANIFEST, _DATA = "backup.json", "stream.tar.s2"
"""The files of a backup, as the nats command line names them."""
_CONFIG = options(
    click.option("--subjects", multiple=True, help="What it takes in. May be repeated."),
    click.option("--storage", type=click.Choice(["file", "memory"]), help="Where it is kept.  [file]"),
    click.option("--retention", type=click.Choice(["limits", "interest", "workqueue"]), help="[limits]"),
    click.option("--discard", type=click.Choice(["old", "new"]), help="What goes when it is full.  [old]"),
    click.option("--max-msgs", type=int, help="Messages at the most."),
    click.option("--max-msgs-per-subject", type=int, help="Messages of each subject at the most."),
    click.option("--max-bytes", type=Size(), help="Bytes at the most."),
    click.option("--max-msg-size", type=Size(), help="Bytes of one message at the most."),
    click.option("--max-age", type=Seconds(), help="How old a message becomes."),
    click.option("--dupe-window", "duplicate_window", type=Seconds(), help="How long ids are remembered.  [2m]"),
    click.option("--replicas", "num_replicas", type=int, help="Copies.  [1]"),
    click.option("--compression", type=click.Choice(["none", "s2"]), help="[none]"),
    click.option("--allow-direct/--no-allow-direct", default=None, help="Any copy may be read."),
    click.option("--allow-msg-ttl/--no-allow-msg-ttl", default=None, help="Messages may have an age of their own."),
    click.option("--description", help="For whoever looks."),
)
"""How it is set up: what add and edit take."""


@click.group(cls=Family)
def stream() -> None:
    """Make, show and empty streams, and read what they hold."""


@verb(stream)
@click.argument("name")
@_CONFIG
async def add(session: Session, *, name: str, **given: Any) -> None:
    """Make a stream. Without --subjects it takes in the subject of its name."""
    js = await context(session)
    fields = configured(given)
    made = await js.create_stream(StreamConfig(name=name, **{"subjects": [name], **fields}))
    show(session, made.cached)


@verb(stream)
@_STREAM
@_CONFIG
async def edit(session: Session, *, stream: str, **given: Any) -> None:
    """Change a stream's configuration."""
    js = await context(session)
    found = await js.stream(stream)
    show(session, await found.update(found.config.replace(**configured(given))))


@verb(stream)
@click.option("--subject", default="", help="Only those that take in this subject.")
@click.option("-n", "--names", is_flag=True, help="Names only.")
async def ls(session: Session, *, subject: str, names: bool) -> None:
    """List the streams."""
    js = await context(session)
    if names:
        found = await js.stream_names(subject).collect()
        session.out.names(found)
        return
    infos = await js.streams(subject).collect()
    rows = [
        (each.config.name, each.config.subjects, each.state.messages, size(each.state.bytes), each.state.consumer_count)
        for each in infos
    ]
    session.out.table(["name", "subjects", "messages#", "size#", "consumers#"], rows, infos)


@verb(stream)
@_STREAM
async def info(session: Session, *, stream: str) -> None:
    """Show a stream."""
    show(session, (await (await context(session)).stream(stream)).cached)


@verb(stream)
@_STREAM
async def subjects(session: Session, *, stream: str) -> None:
    """Count a stream's messages by subject."""
    js = await context(session)
    told = await (await js.stream(stream)).info(subjects=">")
    session.out.table(["subject", "messages#"], sorted((told.state.subjects or {}).items()))


@verb(stream)
@_STREAM
@FORCE
async def rm(session: Session, *, stream: str, force: bool) -> None:
    """Delete a stream and all that it holds."""
    sure(f"Delete the stream {stream} and all that it holds?", force=force)
    await (await context(session)).delete_stream(stream)
    session.out.record("", {"deleted": stream})


@verb(stream)
@_STREAM
@FORCE
@click.option("--subject", default="", help="Only messages of this subject or pattern.")
@click.option("--seq", type=int, default=0, help="Only those before this sequence.")
@click.option("--keep", type=int, default=0, help="All but so many.")
async def purge(session: Session, *, stream: str, force: bool, subject: str, seq: int, keep: int) -> None:
    """Delete messages of a stream."""
    sure(f"Delete messages of the stream {stream}?", force=force)
    found = await (await context(session)).stream(stream)
    purged = await found.purge(subject=subject, sequence=seq, keep=keep)
    session.out.record("", {"stream": stream, "purged": purged})


@verb(stream)
@_STREAM
@click.argument("sequence", type=int)
@FORCE
async def rmm(session: Session, *, stream: str, sequence: int, force: bool) -> None:
    """Delete one message of a stream."""
    sure(f"Delete message {sequence} of the stream {stream}?", force=force)
    found = await (await context(session)).stream(stream)
    await found.delete_message(sequence)
    session.out.record("", {"stream": stream, "deleted": sequence})


@verb(stream)
@_STREAM
@click.argument("sequence", type=int, required=False)
@click.option("-S", "--last-for", help="The last of this subject.")
@click.option("-r", "--raw", is_flag=True, help="Print the body only.")
async def get(session: Session, *, stream: str, sequence: int | None, last_for: str | None, raw: bool) -> None:
    """Print a message of a stream, by its sequence or as the last of a subject."""
    if (sequence is None) == (last_for is None):
        raise click.UsageError("give a sequence or --last-for")
    found = await (await context(session)).stream(stream)
    message = await (found.get_last(last_for) if sequence is None else found.get_message(sequence))  # type: ignore[arg-type]
    show_message(session, message, raw=raw)


@verb(stream)
@_STREAM
@click.option("--seq", type=click.IntRange(1), default=1, help="From this sequence on.")
@click.option("--subject", default="", help="Only messages of this subject or pattern.")
@click.option("--count", type=click.IntRange(1), default=25, show_default=True, help="How many.")
@RAW
async def view(session: Session, *, stream: str, seq: int, subject: str, count: int, raw: bool) -> None:
    """Print messages of a stream in order, without taking them."""
    found = await (await context(session)).stream(stream)
    for _ in range(count):
        try:
            message = await found.get_next(subject or ">", seq)
        except MessageNotFound:
            break
        show_message(session, message, raw=raw)
        seq = message.sequence + 1


@verb(stream)
@_STREAM
@FORCE
async def seal(session: Session, *, stream: str, force: bool) -> None:
    """Let nothing in or out of a stream any more, for ever."""
    sure(f"Seal the stream {stream} for ever?", force=force)
    found = await (await context(session)).stream(stream)
    show(session, await found.update(found.config.replace(sealed=True)))


@verb(stream)
@_STREAM
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--consumers/--no-consumers", default=True, show_default=True, help="With its consumers.")
@click.option("--check", is_flag=True, help="Let the server look at each message before.")
async def backup(session: Session, *, stream: str, folder: Path, consumers: bool, check: bool) -> None:
    """Write a stream into FOLDER, as the nats command line does."""
    manifest, data = folder / _MANIFEST, folder / _DATA
    for each in (manifest, data):
        if each.exists():
            raise InvalidArgument("there is a backup already", where=str(each), hint="name another folder")
    found = await (await context(session)).stream(stream)
    folder.mkdir(parents=True, exist_ok=True)
    snapshot = found.snapshot(consumers=consumers, check=check)
    with data.open("xb") as file, Bar(stream, hidden=session.out.as_json) as bar:
        async for chunk in snapshot:
            file.write(chunk)
            bar(snapshot.size, None)
    # Last: what has no manifest is no whole backup.
    manifest.write_bytes((await snapshot.manifest()).to_json())
    session.out.record("", {"stream": stream, "folder": str(folder), "size": size(snapshot.size)})


@verb(stream)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--replicas", "num_replicas", type=int, help="Copies.  [as it had]")
async def restore(session: Session, *, folder: Path, num_replicas: int | None) -> None:
    """Make a stream again of what backup, here or in the nats command line, has written into FOLDER."""
    manifest = Manifest.from_json((folder / _MANIFEST).read_bytes())
    config = None if num_replicas is None else manifest.config.replace(num_replicas=num_replicas)
    js = await context(session)
    with (folder / _DATA).open("rb") as file, Bar(manifest.config.name, hidden=session.out.as_json) as bar:
        made = await js.restore_stream(manifest, _chunks(file, bar), config=config)
    show(session, made.cached)


def _chunks(file: BinaryIO, bar: Bar) -> Iterator[bytes]:
    total = os.fstat(file.fileno()).st_size
    while chunk := file.read(CHUNK):
        yield chunk
        bar(file.tell(), total)


def show(session: Session, told: StreamInfo) -> None:
    """A stream, as people read it or as JSON."""
    config, state = told.config, told.state
    fields = {
        "name": config.name,
        "description": config.description,
        "subjects": config.subjects,
        "storage": config.storage,
        "retention": config.retention,
        "discard": config.discard,
        "replicas": config.num_replicas,
        "largest age": span(config.max_age) if config.max_age else "unlimited",
        "messages at the most": "unlimited" if config.max_msgs < 0 else config.max_msgs,
        "bytes at the most": "unlimited" if config.max_bytes < 0 else size(config.max_bytes),
        "ids remembered": span(config.duplicate_window or 0.0),
        "messages": state.messages,
        "size": size(state.bytes),
        "first sequence": state.first_seq,
        "last sequence": state.last_seq,
        "consumers": state.consumer_count,
        "leader": told.cluster.leader if told.cluster is not None else "",
    }
    session.out.record("", {name: value for name, value in fields.items() if value not in ("", [])}, told)


def show_message(session: Session, message: StoredMessage | JsMessage, *, raw: bool) -> None:
    """A stored message, or one that a consumer gave."""
    if isinstance(message, StoredMessage):
        sequence, when = message.sequence, message.timestamp
    else:
        sequence, when = message.metadata.stream_sequence, message.metadata.timestamp
    if session.out.as_json:
        told = {"subject": message.subject, "sequence": sequence, "time": when}
        session.out.value({**told, "headers": headers_json(message.headers), **body(message.payload)})
    elif raw:
        session.out.raw(message.payload)
    else:
        session.out.line(f'[{sequence}] "{message.subject}" {moment(when)}')
        show_body(session.out, message.headers, message.payload)
