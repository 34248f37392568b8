"""``context``: those that the ``nats`` command line keeps."""

from __future__ import annotations

import click

from ..contexts import Context, available, load, select
from .app import Verb
from .output import Output
from .running import complain
from .settings import Settings


@click.group()
def context() -> None:
    """List, show and select contexts: where to connect, and who we are."""


@context.command("ls", cls=Verb)
@click.pass_context
def ls(ctx: click.Context, /, **given: object) -> None:
    """List the contexts."""
    out = _output(ctx, given)
    selected, names = available()
    out.table("", ["name", "selected"], [(name, name == selected) for name in names])


@context.command("info", cls=Verb)
@click.argument("name", default="")
@click.pass_context
def info(ctx: click.Context, /, name: str, **given: object) -> None:
    """Show a context, or the selected one; secrets stay out."""
    out = _output(ctx, given)
    found = _load(name)
    fields = {
        "name": found.name,
        "servers": found.servers,
        "login": type(found.auth).__name__ if found.auth is not None else None,
        "TLS": found.tls is not None,
        "inbox prefix": found.inbox_prefix,
        "JetStream domain": found.jetstream_domain,
    }
    out.record("", fields)


@context.command("select", cls=Verb)
@click.argument("name")
@click.pass_context
def select_(ctx: click.Context, /, name: str, **given: object) -> None:
    """Select a context: the nats command line uses it from now on."""
    out = _output(ctx, given)
    found = _load(name)
    select(name)
    out.record("", {"selected": found.name})


def _load(name: str) -> Context:
    try:
        return load(name)
    except ValueError as error:
        complain(error)
        raise SystemExit(1) from None


def _output(ctx: click.Context, given: dict[str, object]) -> Output:
    settings: Settings = ctx.obj.merged(given)
    return Output(as_json=bool(settings.json))
