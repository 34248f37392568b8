"""What the verbs over JetStream have in common."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..jetstream import JetStream
from .complaints import Declined
from .params import Seconds, Size
from .running import Session

_Command = TypeVar("_Command", bound=Callable[..., Any])

FORCE = click.option("-f", "--force", is_flag=True, help="Do not ask.")
STORAGE = (
    click.option("--storage", type=click.Choice(["file", "memory"]), help="Where it is kept.  [file]"),
    click.option("--replicas", type=click.IntRange(1, 5), help="Copies on other servers.  [1]"),
    click.option("--ttl", type=Seconds(), help="How long each is kept.  [for ever]"),
    click.option("--max-bytes", type=Size(), help="Bytes at the most."),
    click.option("--compress/--no-compress", "compression", default=None, help="Packed on disk."),
    click.option("--description", help="For whoever looks."),
)
"""How a bucket or a store is set up."""


async def context(session: Session) -> JetStream:
    """JetStream, by what the command was told."""
    options: dict[str, Any] = dict(session.settings.jetstream_options())
    return JetStream(await session.connect(), timeout=max(session.settings.seconds, 1.0), **options)


def options(*each: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    """Several options as one decorator, in the order of the help."""

    def decorate(command: _Command) -> _Command:
        for option in reversed(each):
            command = option(command)
        return command

    return decorate


def configured(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a configuration that were given."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if value not in (None, ())
    }


def sure(question: str, *, force: bool) -> None:
    """Ask, unless that was said to be needless. To be called before there is a connection, which cannot live meanwhile.

    Raises:
        Declined: No.
        click.UsageError: There is nobody to ask.
    """
    if force:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked whether this is meant: say --force")
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if not click.confirm(question, err=True):
            raise Declined("nothing was done")
    finally:
        signal.signal(signal.SIGINT, ours)
