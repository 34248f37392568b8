"""Messages as they are typed and as they are shown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from ..headers import Headers
from ..message import Message
from ..nuid import next_nuid
from .output import Output, body, headers_json
from .running import Session

HEADER = click.option("-H", "--header", "header", multiple=True, help="A header, as Name:Value. May be repeated.")
RAW = click.option("-r", "--raw", is_flag=True, help="Print bodies only.")


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


async def read_body(session: Session, given: str | None) -> bytes:
    """The body as it is typed, or what comes by standard input; nothing when that is a terminal."""
    if given is not None:
        return typed(given)
    return b"" if sys.stdin is None or sys.stdin.isatty() else await session.input.whole()


def typed(given: str) -> bytes:
    """An argument's bytes, whatever they are."""
    return given.encode(errors="surrogateescape")


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
    show_body(out, message.headers, b"" if headers_only else message.payload)


def show_body(out: Output, headers: Headers, payload: bytes) -> None:
    """Print headers and body, and a line between messages."""
    for name, value in headers.items():
        out.line(f"{name}: {value}")
    if payload:
        if headers.items():
            out.line()
        out.raw(payload)
    out.line()
