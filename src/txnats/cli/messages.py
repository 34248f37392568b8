"""``pub``, ``sub``, ``request``, ``reply`` and ``rtt``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.utils import getProcessOutputAndValue

from ..errors import InvalidArgument
from ..headers import Headers
from ..message import Message
from ..nuid import next_nuid
from .app import verb
from .output import Output, body, headers_json, span
from .running import Session
from .settings import Seconds

_HEADER = click.option("-H", "--header", "header", multiple=True, help="A header, as Name:Value. May be repeated.")


def read_headers(given: Sequence[str]) -> Headers | None:
    """Headers as they are typed."""
    if not given:
        return None
    headers = Headers()
    for each in given:
        name, colon, value = each.partition(":")
        if not colon:
            raise click.UsageError(f"--header {each!r} is not of the form Name:Value")
        headers.add(name.strip(), value.strip())
    return headers


def read_body(given: str | None) -> bytes:
    """The body as it is typed, or what comes by standard input."""
    if given is not None:
        return given.encode(errors="surrogateescape")
    return b"" if sys.stdin.isatty() else sys.stdin.buffer.read()


def filled(template: bytes, number: int) -> bytes:
    """A body with what changes from message to message put in."""
    if b"{{" not in template:
        return template
    values = {
        b"Count": b"%d" % number,
        b"TimeStamp": datetime.now(UTC).isoformat().encode(),
        b"ID": next_nuid().encode(),
    }
    for name, value in values.items():
        for form in (b"{{%b}}" % name, b"{{.%b}}" % name):
            template = template.replace(form, value)
    return template


def show(out: Output, message: Message, number: int, *, raw: bool, headers_only: bool = False) -> None:
    """Print a message."""
    if out.as_json:
        told: dict[str, Any] = {"subject": message.subject}
        if message.reply is not None:
            told["reply"] = message.reply
        if message.headers.items():
            told["headers"] = headers_json(message.headers)
        out.value({**told, **({} if headers_only else body(message.payload))})
        return
    if raw:
        out.raw(message.payload)
        return
    reply = f' with reply "{message.reply}"' if message.reply is not None else ""
    out.line(f'[#{number}] Received on "{message.subject}"{reply}')
    for name, value in message.headers.items():
        out.line(f"{name}: {value}")
    if not headers_only:
        if message.headers.items():
            out.line()
        out.raw(message.payload)
        out.line()


@verb()
@click.argument("subject")
@click.argument("payload", required=False, metavar="[BODY]")
@_HEADER
@click.option("--reply", help="Where an answer is awaited.")
@click.option("--count", type=click.IntRange(1), default=1, show_default=True, help="Publish so often.")
@click.option("--sleep", type=Seconds(), default=0.0, help="Pause between two.")
async def pub(
    session: Session,
    *,
    subject: str,
    payload: str | None,
    header: Sequence[str],
    reply: str | None,
    count: int,
    sleep: float,
) -> None:
    """Publish BODY, or what comes by standard input, to SUBJECT.

    {{Count}}, {{TimeStamp}} and {{ID}} in the body change from message to message.
    """
    template, headers = read_body(payload), read_headers(header)
    client = await session.connect()
    sent = 0
    for number in range(1, count + 1):
        data = filled(template, number)
        await client.ready_to_write()
        client.publish(subject, data, reply=reply, headers=headers)
        sent += len(data)
        if sleep and number < count:
            await deferLater(session.reactor, sleep)
    await client.flush(session.settings.seconds)
    session.out.value({"subject": subject, "published": count, "bytes": sent})
    session.out.line(f'Published {sent:,} bytes to "{subject}"' + (f" in {count:,} messages" if count > 1 else ""))


@verb()
@click.argument("subjects", nargs=-1, required=True, metavar="SUBJECT...")
@click.option("--queue", help="Share the messages with all of this queue group.")
@click.option("-r", "--raw", is_flag=True, help="Print bodies only.")
@click.option("--count", type=click.IntRange(1), help="End after so many messages.")
@click.option("--headers-only", is_flag=True, help="Leave out bodies.")
@click.option("-t", "--timestamp", is_flag=True, help="Print the time of each message.")
async def sub(
    session: Session,
    *,
    subjects: Sequence[str],
    queue: str | None,
    raw: bool,
    count: int | None,
    headers_only: bool,
    timestamp: bool,
) -> None:
    """Print what is published to SUBJECTs, patterns included, until Ctrl-C."""
    client = await session.connect()
    done: Deferred[None] = session.interrupted()
    seen = 0

    def arrived(message: Message) -> None:
        nonlocal seen
        if count is not None and seen >= count:
            return
        seen += 1
        if timestamp and not raw:
            session.out.line(datetime.now(UTC).isoformat(timespec="milliseconds"))
        try:
            show(session.out, message, seen, raw=raw, headers_only=headers_only)
        except BrokenPipeError:
            session.interrupt()
        if seen == count:
            session.interrupt()

    subscriptions = [client.subscribe(subject, arrived, queue=queue) for subject in subjects]
    for subscription in subscriptions:
        await subscription.ready()
    if not raw:
        session.out.line(f"Subscribed to {', '.join(subjects)}")
    await done


@verb()
@click.argument("subject")
@click.argument("payload", required=False, metavar="[BODY]")
@_HEADER
@click.option("-r", "--raw", is_flag=True, help="Print bodies only.")
@click.option("--replies", type=click.IntRange(0), default=1, show_default=True, help="How many; 0 for all that come.")
@click.option("--count", type=click.IntRange(1), default=1, show_default=True, help="Ask so often.")
async def request(
    session: Session, *, subject: str, payload: str | None, header: Sequence[str], raw: bool, replies: int, count: int
) -> None:
    """Ask at SUBJECT and print the reply."""
    template, headers = read_body(payload), read_headers(header)
    client = await session.connect()
    seconds = session.settings.seconds
    shown = 0
    for number in range(1, count + 1):
        start = session.reactor.seconds()
        data = filled(template, number)
        if replies == 1:
            answers = [await client.request(subject, data, timeout=seconds, headers=headers)]
        else:
            asked = client.request_many(
                subject, data, timeout=seconds, max_messages=replies or None, stall=0.3, headers=headers
            )
            answers = await asked.collect()
        for answer in answers:
            shown += 1
            show(session.out, answer, shown, raw=raw)
        if not raw:
            session.out.line(f"{len(answers)} replies in {span(session.reactor.seconds() - start)}")


@verb()
@click.argument("subject")
@click.argument("payload", required=False, metavar="[BODY]")
@_HEADER
@click.option("--queue", default="NATS-RPLY-22", show_default=True, help="Share the requests with all of this group.")
@click.option("--echo", is_flag=True, help="Answer with the request.")
@click.option("--command", help="Answer with what this command of the shell prints; $NATS_REQUEST_BODY is the request.")
@click.option("--count", type=click.IntRange(1), help="End after so many.")
async def reply(
    session: Session,
    *,
    subject: str,
    payload: str | None,
    header: Sequence[str],
    queue: str,
    echo: bool,
    command: str | None,
    count: int | None,
) -> None:
    """Answer requests at SUBJECT with BODY until Ctrl-C."""
    if sum((payload is not None, echo, command is not None)) != 1:
        raise click.UsageError("give one of BODY, --echo and --command")
    headers = read_headers(header)
    client = await session.connect()
    done: Deferred[None] = session.interrupted()
    answered = 0

    async def answer(message: Message) -> None:
        nonlocal answered
        if message.reply is None:
            return
        data = message.payload if echo else (payload or "").encode(errors="surrogateescape")
        if command is not None:
            data = await _output_of(command, message)
        answered += 1
        message.respond(filled(data, answered), headers)
        session.out.line(f'[#{answered}] Answered "{message.subject}"')
        session.out.value({"subject": message.subject, "answered": answered})
        if answered == count:
            session.interrupt()

    await client.subscribe(subject, answer, queue=queue or None).ready()
    session.out.line(f'Answering at "{subject}"')
    await done


@verb()
@click.argument("iterations", type=click.IntRange(1), default=5)
async def rtt(session: Session, *, iterations: int) -> None:
    """Measure the way to the server and back, ITERATIONS times."""
    client = await session.connect()
    times = [await client.rtt(session.settings.seconds) for _ in range(iterations)]
    average = sum(times) / len(times)
    server = f"{client.server_info.server_name} {client.server_info.host}:{client.server_info.port}"
    fields = {"server": server, "average": span(average), "least": span(min(times)), "most": span(max(times))}
    session.out.record("", fields, {"server": server, "seconds": times, "average": average})


async def _output_of(command: str, message: Message) -> bytes:
    # A shell's words, as the user typed them; the request is no part of them.
    told = {"NATS_REQUEST_SUBJECT": message.subject, "NATS_REQUEST_BODY": message.payload.decode(errors="replace")}
    shell = ["-c", command]
    output, errors, status = await getProcessOutputAndValue("/bin/sh", shell, env={**os.environ, **told})
    if status:
        raise InvalidArgument(f"the command ended with status {status}", why=errors.decode(errors="replace").strip())
    return bytes(output)
