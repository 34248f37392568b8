"""``consumer``: who takes what of a stream."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from ..jetstream import ConsumerConfig, ConsumerInfo, JsMessage
from .app import Family, verb
from .bodies import RAW
from .complaints import FAILED
from .jetstream import FORCE, configured, context, options, sure
from .output import span
from .params import Moment, Seconds
from .running import Session
from .stream import show_message

_STREAM = click.argument("stream")
_CONSUMER = click.argument("consumer")
_BATCH, _WAIT = 100, 30.0
"""Messages that are asked for at a time, and seconds until that is asked again."""
_CONFIG = options(
    click.option("--filter", "filter_subjects", multiple=True, help="Only messages of this pattern. May be repeated."),
    click.option("--ack", "ack_policy", type=click.Choice(["explicit", "all", "none"]), help="[explicit]"),
    click.option(
        "--deliver",
        "deliver_policy",
        type=click.Choice(["all", "last", "new", "last_per_subject"]),
        help="Where it begins.  [all]",
    ),
    click.option("--wait", "ack_wait", type=Seconds(), help="How long an ack may take.  [30s]"),
    click.option("--max-deliver", type=int, help="Tries of each message."),
    click.option("--max-pending", "max_ack_pending", type=int, help="Messages without an ack at the most."),
    click.option("--inactive-threshold", type=Seconds(), help="It goes when unused for so long."),
    click.option("--description", help="For whoever looks."),
)
"""How it is set up: what add and edit take."""


@click.group(cls=Family)
def consumer() -> None:
    """Make, show and use the consumers of a stream."""


@verb(consumer)
@_STREAM
@click.argument("name")
@_CONFIG
@click.option("--ephemeral", is_flag=True, help="It need not outlive those who use it.")
async def add(session: Session, *, stream: str, name: str, ephemeral: bool, **given: Any) -> None:
    """Make a pull consumer."""
    found = await (await context(session)).stream(stream)
    names: dict[str, Any] = {"name": name} if ephemeral else {"durable_name": name}
    made = await found.create_consumer(ConsumerConfig(**names, **configured(given)))
    show(session, made.cached)


@verb(consumer)
@_STREAM
@_CONSUMER
@_CONFIG
async def edit(session: Session, *, stream: str, consumer: str, **given: Any) -> None:
    """Change a consumer's configuration; servers refuse to change where it begins and how it acks."""
    found = await (await (await context(session)).stream(stream)).consumer(consumer)
    fields = configured(given)
    if "filter_subjects" in fields:
        fields["filter_subject"] = ""
    show(session, await found.update(found.config.replace(**fields)))


@verb(consumer)
@_STREAM
@click.option("-n", "--names", is_flag=True, help="Names only.")
async def ls(session: Session, *, stream: str, names: bool) -> None:
    """List a stream's consumers."""
    found = await (await context(session)).stream(stream)
    infos = await found.consumers().collect()
    if names:
        session.out.names([each.name for each in infos])
        return
    rows = [
        (each.name, each.num_pending, each.num_ack_pending, each.num_redelivered, each.num_waiting) for each in infos
    ]
    session.out.table(["name", "to come#", "without ack#", "again#", "waiting pulls#"], rows, infos)


@verb(consumer)
@_STREAM
@_CONSUMER
async def info(session: Session, *, stream: str, consumer: str) -> None:
    """Show a consumer."""
    found = await (await context(session)).stream(stream)
    show(session, (await found.consumer(consumer)).cached)


@verb(consumer)
@_STREAM
@_CONSUMER
@FORCE
async def rm(session: Session, *, stream: str, consumer: str, force: bool) -> None:
    """Delete a consumer."""
    sure(f"Delete the consumer {consumer} of {stream}?", force=force)
    found = await (await context(session)).stream(stream)
    await found.delete_consumer(consumer)
    session.out.record("", {"deleted": f"{stream} > {consumer}"})


@verb(consumer)
@_STREAM
@_CONSUMER
@click.option("--count", type=click.IntRange(1), default=1, show_default=True, help="How many.")
@click.option("--ack/--no-ack", default=True, show_default=True, help="Acknowledge what is printed.")
@RAW
async def next_(session: Session, *, stream: str, consumer: str, count: int, ack: bool, raw: bool) -> None:
    """Take the next messages; waits for them no longer than --timeout."""
    found = await (await context(session)).stream(stream)
    messages = await (await found.consumer(consumer)).fetch(count, max_wait=max(session.settings.seconds, 1.0))
    for message in messages:
        await _print(session, message, ack=ack, raw=raw)
    if not messages:
        session.out.line("No message came.")
        session.status = FAILED


@verb(consumer)
@_STREAM
@_CONSUMER
@click.option("--ack/--no-ack", default=True, show_default=True, help="Acknowledge what is printed.")
@click.option("--count", type=click.IntRange(1), help="End after so many.")
@RAW
async def sub(session: Session, *, stream: str, consumer: str, ack: bool, count: int | None, raw: bool) -> None:
    """Take messages as they come, until Ctrl-C."""
    session.endless = True
    found = await (await (await context(session)).stream(stream)).consumer(consumer)
    if count is None:
        async for message in found.messages(max_messages=_BATCH):
            await _print(session, message, ack=ack, raw=raw)
        return
    while count > 0:
        # No more than are wanted: others may wait for the rest.
        for message in await found.fetch(min(count, _BATCH), max_wait=_WAIT):
            await _print(session, message, ack=ack, raw=raw)
            count -= 1


@verb(consumer)
@_STREAM
@_CONSUMER
@click.argument("until", type=Moment())
async def pause(session: Session, *, stream: str, consumer: str, until: datetime) -> None:
    """Let a consumer rest until a moment, 2030-01-01T00:00:00Z, or for a time, 10m."""
    found = await (await context(session)).stream(stream)
    told = await (await found.consumer(consumer)).pause(until)
    session.out.record("", {"paused": told.paused, "until": told.pause_until})


@verb(consumer)
@_STREAM
@_CONSUMER
async def resume(session: Session, *, stream: str, consumer: str) -> None:
    """Let a consumer go on."""
    found = await (await context(session)).stream(stream)
    told = await (await found.consumer(consumer)).resume()
    session.out.record("", {"paused": told.paused})


@verb(consumer)
@_STREAM
@_CONSUMER
@click.argument("sequence", type=click.IntRange(0), default=0)
@FORCE
async def reset(session: Session, *, stream: str, consumer: str, sequence: int, force: bool) -> None:
    """Deliver again from SEQUENCE on, or what has no ack yet."""
    sure(f"Let the consumer {consumer} of {stream} go back?", force=force)
    found = await (await context(session)).stream(stream)
    show(session, await (await found.consumer(consumer)).reset(sequence))


async def _print(session: Session, message: JsMessage, *, ack: bool, raw: bool) -> None:
    show_message(session, message, raw=raw)
    if ack:
        await message.ack_sync(session.settings.seconds)


def show(session: Session, told: ConsumerInfo) -> None:
    """A consumer, as people read it or as JSON."""
    config = told.config
    fields = {
        "name": told.name,
        "stream": told.stream_name,
        "description": config.description,
        "filters": config.filters,
        "begins with": config.deliver_policy,
        "acks": config.ack_policy,
        "an ack may take": span(config.ack_wait or 0.0),
        "tries": config.max_deliver,
        "to come": told.num_pending,
        "without ack": told.num_ack_pending,
        "delivered again": told.num_redelivered,
        "waiting pulls": told.num_waiting,
    }
    session.out.record("", {name: value for name, value in fields.items() if value not in ("", [])}, told)
