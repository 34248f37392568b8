"""The command and its verbs. A verb's module is loaded when it is used."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any

import click
import msgspec

from ..version import __version__
from .running import Session, run
from .settings import Settings, shared

VERBS = {
    "pub": "messages",
    "sub": "messages",
    "request": "messages",
    "reply": "messages",
    "rtt": "messages",
    "bench": "bench",
    "server": "server",
    "context": "context",
    "service": "service",
    "top": "top",
    "stream": "stream",
    "consumer": "consumer",
    "kv": "kv",
    "object": "object",
}
"""Each verb, and the file it lives in, in the order of the help."""

_SHARED = tuple(Settings.__struct_fields__)


class App(click.Group):
    """``txnats``: options that all verbs share, then the verb."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = import_module(f".{VERBS[cmd_name]}", __package__)
        command: click.Command = getattr(module, "object_" if cmd_name == "object" else cmd_name)
        return command


@click.command(cls=App, params=shared(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="txnats %(version)s")
@click.pass_context
def app(ctx: click.Context, /, **given: Any) -> None:
    """See what is said, say something, and look after streams, buckets and services."""
    ctx.obj = Settings().merged(given)


class Verb(click.Command):
    """A command that takes the shared options too, so that these may stand before or behind it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        own = {param.name for param in self.params}
        taken = {flag for param in self.params for flag in param.opts}
        for option in shared():
            if option.name not in own:
                option.opts = [flag for flag in option.opts if flag not in taken]
                # Those before the verb have looked at the environment already.
                option.envvar = None
                option.hidden = True
                self.params.append(option)


Main = Callable[..., Coroutine[Any, Any, object]]


def verb(group: click.Group | None = None, name: str | None = None, **settings: Any) -> Callable[[Main], click.Command]:
    """Make a coroutine function a verb: it gets the session, and its own options by name.

    Args:
        group: The verb that it belongs to; None for one of its own.
        name: As it is typed; the function's name when not given.
    """

    def make(main: Main) -> click.Command:
        def call(**given: Any) -> None:
            context = click.get_current_context()
            own = {param.name for param in context.command.params if not param_is_shared(param)}
            chosen = context.obj.merged({key: value for key, value in given.items() if key not in own})
            msgspec.structs.force_setattr(chosen, "json", bool(chosen.json))

            async def whole(session: Session) -> object:
                return await main(session, **{key: value for key, value in given.items() if key in own})

            run(chosen, whole)

        call.__doc__ = main.__doc__
        call.__click_params__ = getattr(main, "__click_params__", [])  # type: ignore[attr-defined]
        decorate = click.command if group is None else group.command
        return decorate(name or main.__name__.rstrip("_"), cls=Verb, **settings)(call)

    return make


def param_is_shared(param: click.Parameter) -> bool:
    """Whether an option behind a verb is one of those that all verbs take."""
    return param.name in _SHARED and bool(getattr(param, "hidden", False))
