"""``sub``, ``request``, ``reply`` and ``rtt``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime

import click
from twisted.internet.utils import getProcessOutputAndValue

from ..errors import InvalidArgument
from ..message import Message
from .app import verb
from .bodies import HEADER, RAW, filled, read_body, read_headers, show, typed
from .output import span
from .running import Session, server_of


@verb()
@click.argument("subjects", nargs=-1, required=True, metavar="SUBJECT...")
@click.option("--queue", help="Share the messages with all of this queue group.")
@RAW
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
    done = session.interrupted()
    seen = 0

    def arrived(message: Message) -> None:
        nonlocal seen
        if count is not None and seen >= count:
            return
        seen += 1
        if timestamp and not raw:
            session.out.line(datetime.now(UTC).isoformat(timespec="milliseconds"))
        show(session.out, message, seen, raw=raw, headers_only=headers_only)
        if seen == count:
            session.stop()

    subscriptions = [client.subscribe(subject, arrived, queue=queue) for subject in subjects]
    for subscription in subscriptions:
        await subscription.ready()
    if not raw:
        session.out.line(f"Subscribed to {', '.join(subjects)}")
    await done


@verb()
@click.argument("subject")
@click.argument("payload", required=False, metavar="[BODY]")
@HEADER
@RAW
@click.option("--replies", type=click.IntRange(0), default=1, show_default=True, help="How many; 0 for all that come.")
@click.option("--count", type=click.IntRange(1), default=1, show_default=True, help="Ask so often.")
async def request(
    session: Session, *, subject: str, payload: str | None, header: Sequence[str], raw: bool, replies: int, count: int
) -> None:
    """Ask at SUBJECT and print the reply."""
    headers, template = read_headers(header), await read_body(session, payload)
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
            replied = "1 reply" if len(answers) == 1 else f"{len(answers):,} replies"
            session.out.line(f"{replied} in {span(session.reactor.seconds() - start)}")


@verb()
@click.argument("subject")
@click.argument("payload", required=False, metavar="[BODY]")
@HEADER
@click.option("--queue", default="NATS-RPLY-22", show_default=True, help="Share the requests with all of this group.")
@click.option("--echo", is_flag=True, help="Answer with the request.")
@click.option(
    "--command",
    help="Answer with what this command of the shell prints. It reads the request, or takes $NATS_REQUEST_BODY.",
)
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
    done = session.interrupted()
    answered = 0

    async def answer(message: Message) -> None:
        nonlocal answered
        if message.reply is None:
            return
        data = message.payload if echo else typed(payload or "")
        if command is not None:
            data = await _output_of(command, message)
        answered += 1
        message.respond(data if echo else filled(data, answered), headers)
        session.out.line(f'[#{answered}] Answered "{message.subject}"')
        session.out.value({"subject": message.subject, "answered": answered})
        if answered == count:
            session.stop()

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
    server = server_of(client)
    fields = {"server": server, "average": span(average), "least": span(min(times)), "most": span(max(times))}
    session.out.record("", fields, {"server": server, "seconds": times, "average": average})


async def _output_of(command: str, message: Message) -> bytes:
    # A shell's words, as the user typed them; the request is no part of them. No variable can hold NUL.
    text = message.payload.decode(errors="surrogateescape").replace("\0", "")
    told = {**os.environ, "NATS_REQUEST_SUBJECT": message.subject, "NATS_REQUEST_BODY": text}
    shell = ["-c", command]
    output, errors, status = await getProcessOutputAndValue("/bin/sh", shell, env=told, stdinBytes=message.payload)
    if status:
        raise InvalidArgument(f"the command ended with status {status}", why=errors.decode(errors="replace").strip())
    return bytes(output)
