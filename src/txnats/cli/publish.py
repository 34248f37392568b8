"""``pub``: one message, many, or a line at a time."""

from __future__ import annotations

from collections.abc import Sequence

import click
from twisted.internet.task import deferLater

from ..client import Client
from ..headers import Headers
from ..jetstream import JetStream
from .app import verb
from .bodies import HEADER, filled, read_body, read_headers
from .jetstream import context
from .params import Seconds
from .running import Session


@verb()
@click.argument("subject")
@click.argument("payload", required=False, metavar="[BODY]")
@HEADER
@click.option("--reply", help="Where an answer is awaited.")
@click.option("-J", "--jetstream", is_flag=True, help="Wait until a stream has stored it.")
@click.option("--count", type=click.IntRange(1), default=1, show_default=True, help="Publish so often.")
@click.option("--sleep", type=Seconds(), default=0.0, help="Pause between two.")
@click.option(
    "--send-on",
    type=click.Choice(["eof", "newline"]),
    default="eof",
    show_default=True,
    help="All of standard input is a message, or each of its lines, as it comes.",
)
async def pub(
    session: Session,
    *,
    subject: str,
    payload: str | None,
    header: Sequence[str],
    reply: str | None,
    jetstream: bool,
    count: int,
    sleep: float,
    send_on: str,
) -> None:
    """Publish BODY, or what comes by standard input, to SUBJECT.

    {{Count}}, {{TimeStamp}} and {{ID}} in the body change from message to message.
    """
    by_line = send_on == "newline"
    if by_line and (payload is not None or count > 1):
        raise click.UsageError("--send-on newline takes lines from standard input: no BODY, no --count")
    if jetstream and reply is not None:
        raise click.UsageError("--jetstream and --reply exclude each other: a stream answers there")
    headers = read_headers(header)
    template = b"" if by_line else await read_body(session, payload)
    sender: _Core | _Stored
    if jetstream:
        sender = _Stored(session, await context(session), subject, headers)
    else:
        sender = _Core(session, await session.connect(), subject, reply, headers)
    if by_line:
        async for line in session.input.lines():
            await sender.send(line)
    else:
        for number in range(1, count + 1):
            await sender.send(filled(template, number))
            if sleep and number < count:
                await deferLater(session.reactor, sleep)
    await sender.end()


class _Core:
    """Publishes plainly, and waits at the end until the server has read it all."""

    def __init__(
        self, session: Session, client: Client, subject: str, reply: str | None, headers: Headers | None
    ) -> None:
        self._session, self._client = session, client
        self._subject, self._reply, self._headers = subject, reply, headers
        self._count = self._size = 0

    async def send(self, data: bytes) -> None:
        """Publish one."""
        await self._client.ready_to_write()
        self._client.publish(self._subject, data, reply=self._reply, headers=self._headers)
        self._count += 1
        self._size += len(data)

    async def end(self) -> None:
        """Wait for the server, and say what was published."""
        await self._client.flush(self._session.settings.seconds)
        if self._session.status:
            return  # it was refused, and that is told
        many = f" in {self._count:,} messages" if self._count != 1 else ""
        self._session.out.line(f'Published {self._size:,} bytes to "{self._subject}"{many}')
        self._session.out.value({"subject": self._subject, "published": self._count, "bytes": self._size})


class _Stored:
    """Publishes into a stream, and waits for each answer."""

    def __init__(self, session: Session, js: JetStream, subject: str, headers: Headers | None) -> None:
        self._out, self._js, self._subject, self._headers = session.out, js, subject, headers

    async def send(self, data: bytes) -> None:
        """Publish one, and say where it is."""
        ack = await self._js.publish(self._subject, data, headers=self._headers)
        again = ", which has it already" if ack.duplicate else ""
        self._out.line(f"Stored in stream {ack.stream} as {ack.sequence:,}{again}")
        self._out.value({"stream": ack.stream, "sequence": ack.sequence, "duplicate": ack.duplicate})

    async def end(self) -> None:
        """Each was waited for."""
