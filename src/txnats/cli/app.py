"""The command and its verbs. A verb's module is loaded when it is used."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from importlib import import_module
from typing import Any

import click
from click.core import ParameterSource

from ..version import __version__
from .complaints import complain
from .output import Output
from .running import run
from .settings import Settings, shared

VERBS = {
    "pub": ("publish", "Publish messages."),
    "sub": ("messages", "Print what is published."),
    "request": ("messages", "Ask, and print the reply."),
    "reply": ("messages", "Answer requests."),
    "rtt": ("messages", "Measure the way to the server and back."),
    "bench": ("bench", "Measure publishing, subscribing and requests."),
    "top": ("top", "Watch services at work."),
    "service": ("service", "Find services, and see what they do."),
    "stream": ("stream", "Make, show and empty streams, and read what they hold."),
    "consumer": ("consumer", "Make, show and use the consumers of a stream."),
    "kv": ("kv", "Buckets of keys and values."),
    "object": ("object", "Stores of files of any size."),
    "context": ("context", "Where to connect and who we are, kept under a name."),
    "server": ("server", "Run servers, or ask the one in use about itself."),
}
"""Each verb with the file it lives in and what it does, in the order of the help."""

_SHARED = frozenset(Settings.__struct_fields__)
_GIVEN = "txnats.given"
_EPILOG = "txnats --help lists the options that all verbs share."


class Family(click.Group):
    """A verb of verbs. Alone it shows its help."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)


class App(Family):
    """``txnats``: options that all verbs share, then the verb."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = import_module(f".{VERBS[cmd_name][0]}", __package__)
        command: click.Command = getattr(module, "object_" if cmd_name == "object" else cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """What the table says: no verb is loaded for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in VERBS.items()])


@click.command(cls=App, params=shared(), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="txnats %(version)s")
@click.pass_context
def app(ctx: click.Context, /, **given: Any) -> None:
    """See what is said, say something, and look after streams, buckets and services.

    Options may stand before the verb or behind it, and replace what the environment says. TXNATS_DEBUG=1 shows logs and
    tracebacks.
    """
    of_environment = {
        name: value for name, value in given.items() if ctx.get_parameter_source(name) is ParameterSource.ENVIRONMENT
    }
    typed = {name: value for name, value in given.items() if name not in of_environment}
    ctx.meta[_GIVEN] = Settings().merged(typed)
    ctx.obj = Settings().merged(of_environment).merged(typed)


class Verb(click.Command):
    """A command that takes the shared options too, so that these may stand before or behind it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.epilog = _EPILOG
        own = {param.name for param in self.params}
        taken = {flag for param in self.params for flag in param.opts}
        for option in shared():
            option.opts = [flag for flag in option.opts if flag not in taken]
            if option.name not in own and option.opts:
                # Those before the verb have looked at the environment already.
                option.envvar = None
                option.hidden = True
                self.params.append(option)

    def invoke(self, ctx: click.Context) -> Any:
        """Call it with its own options; the shared ones are in the settings."""
        mine = {param.name for param in self.params if not _is_shared(param)}
        behind = {name: value for name, value in ctx.params.items() if name not in mine}
        ctx.params = {name: value for name, value in ctx.params.items() if name in mine}
        try:
            ctx.obj = ctx.obj.merged(behind)
        except click.UsageError as error:
            raise click.UsageError(error.message, ctx) from None
        ctx.meta[_GIVEN] = ctx.meta[_GIVEN].merged(behind)
        return super().invoke(ctx)


Main = Callable[..., Coroutine[Any, Any, object]]
Plain = Callable[..., object]


def verb(group: click.Group | None = None, name: str | None = None) -> Callable[[Main], click.Command]:
    """Make a coroutine function a verb: it gets the session, and its own options by name.

    Args:
        group: The verb that it belongs to; None for one of its own.
        name: As it is typed; the function's name when not given.
    """

    def make(main: Main) -> click.Command:
        def call(**given: Any) -> None:
            context = click.get_current_context()
            context.exit(run(context.obj, lambda session: main(session, **given)))

        return _command(call, main, group, name)

    return make


def local(group: click.Group, name: str | None = None) -> Callable[[Plain], click.Command]:
    """Make a function a verb that needs no server: it gets an ``Output``, and its own options by name."""

    def make(main: Plain) -> click.Command:
        def call(**given: Any) -> None:
            context = click.get_current_context()
            main(Output(as_json=bool(context.obj.json)), **given)

        return _command(call, main, group, name)

    return make


def typed_settings() -> Settings:
    """The shared options as they were typed, without what the environment says."""
    found: Settings = click.get_current_context().meta[_GIVEN]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """The whole command; returns its exit status."""
    try:
        for stream in (sys.stdout, sys.stderr):
            # A terminal that cannot show a sign gets its number, and not an error.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        status = app.main(arguments, prog_name="txnats", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:
        if isinstance(error, SystemExit):
            return 0  # how click leaves when nobody reads any more
        status = complain(error)
        _forget_output(error)
    return status if isinstance(status, int) else 0


def _forget_output(error: BaseException) -> None:
    """Python would complain at its own exit of what nobody reads any more."""
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command(call: Plain, main: Plain, group: click.Group | None, name: str | None) -> click.Command:
    call.__doc__ = main.__doc__
    call.__click_params__ = getattr(main, "__click_params__", [])  # type: ignore[attr-defined]
    decorate = click.command if group is None else group.command
    return decorate(name or main.__name__.rstrip("_"), cls=Verb)(call)


def _is_shared(param: click.Parameter) -> bool:
    """Whether an option behind a verb is one of those that all verbs take."""
    return param.name in _SHARED and bool(getattr(param, "hidden", False))
