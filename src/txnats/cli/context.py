"""``context``: those that the ``nats`` command line keeps."""

from __future__ import annotations

import click

from .. import contexts
from .app import Family, local, typed_settings
from .jetstream import FORCE, sure
from .output import Output

_NAME = click.argument("name")


@click.group(cls=Family)
def context() -> None:
    """Where to connect and who we are, kept under a name, and shared with the nats command line."""


@local(context)
@_NAME
@click.option("--description", help="For whoever looks.")
@click.option("--select", "chosen", is_flag=True, help="Select it, too.")
@click.option("-f", "--force", is_flag=True, help="Replace the one of this name.")
def add(out: Output, *, name: str, description: str | None, chosen: bool, force: bool) -> None:
    """Keep the options that all verbs share: `context add prod -s tls://demo.example --creds me.creds`."""
    fields = typed_settings().context_fields()
    if description is not None:
        fields["description"] = description
    path = contexts.save(name, fields, replace=force)
    if chosen:
        contexts.select(name)
    out.record("", {"name": name, "file": str(path), "selected": chosen})


@local(context)
def ls(out: Output) -> None:
    """List the contexts."""
    selected, names = contexts.available()
    out.table(["name", "selected"], [(name, name == selected) for name in names])


@local(context)
@click.argument("name", default="")
def info(out: Output, *, name: str) -> None:
    """Show a context, or the selected one; secrets stay out."""
    found = contexts.load(name or typed_settings().context or "")
    in_url = found.auth is None and "@" in str(found.servers_for(None))
    fields = {
        "name": found.name,
        "servers": found.servers,
        "login": type(found.auth).__name__ if found.auth is not None else "in the URL" if in_url else "",
        "tls": found.tls is not None,
        "inbox_prefix": found.inbox_prefix or "",
        "js_domain": found.jetstream_domain,
        "js_api_prefix": found.jetstream_api_prefix,
    }
    out.record("", {name.replace("_", " "): value for name, value in fields.items() if value != ""}, fields)


@local(context)
@_NAME
def select(out: Output, *, name: str) -> None:
    """Use a context from now on, here and in the nats command line, where nothing else is said."""
    contexts.select(name)
    out.record("", {"selected": name})


@local(context)
@_NAME
@FORCE
def rm(out: Output, *, name: str, force: bool) -> None:
    """Delete a context."""
    sure(f"Delete the context {name}?", force=force)
    contexts.remove(name)
    out.record("", {"deleted": name})
