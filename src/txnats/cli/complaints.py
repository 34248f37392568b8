"""What went wrong, as one line on standard error and an exit status."""

from __future__ import annotations

import os
import sys
import traceback

import click
from twisted.internet.defer import CancelledError

from ..errors import NatsError

FAILED, USAGE, INTERRUPTED = 1, 2, 130
DEBUG = "TXNATS_DEBUG"
_HINTS = {
    "BucketNotFound": "`txnats kv add` makes one, `txnats kv ls` lists them",
    "StoreNotFound": "`txnats object add` makes one, `txnats object ls` lists them",
    "StreamNotFound": "`txnats stream add` makes one, `txnats stream ls` lists them",
    "ConsumerNotFound": "`txnats consumer add` makes one, `txnats consumer ls` lists them",
    "NoStreamForSubject": "`txnats stream add` makes one that does",
}
"""What to do, in the words of this command, by the name of the error: its module need not be loaded."""


class Declined(Exception):
    """Somebody was asked, and said no."""


def tell(text: str) -> None:
    """One line on standard error; nothing when nobody reads there."""
    try:
        sys.stderr.write(f"txnats: {text}\n")
        sys.stderr.flush()
    except OSError:
        pass


def complain(error: BaseException) -> int:
    """Say what went wrong, if there is anything to say, and give the exit status."""
    if isinstance(error, BrokenPipeError):
        return 0  # whoever read has had enough
    if isinstance(error, (CancelledError, KeyboardInterrupt, click.Abort)):
        return INTERRUPTED
    tell(line_of(error))
    if debugging() and not isinstance(error, click.ClickException):
        traceback.print_exception(error)
    return error.exit_code if isinstance(error, click.ClickException) else FAILED


def line_of(error: BaseException) -> str:
    """An error as one line: what, where, why, and what to do."""
    match error:
        case click.UsageError():
            text = error.format_message().removesuffix(".")
            context = error.ctx or click.get_current_context(silent=True)
            command = context.command_path if context is not None else "txnats"
            text = f"{text[:1].lower()}{text[1:]} ({command} --help)".replace(". (Did", " (Did")
        case click.ClickException():
            text = error.format_message()
        case NatsError():
            error.hint = _HINTS.get(type(error).__name__, error.hint)
            text = str(error)
        case Declined():
            text = str(error)
        case OSError() if error.strerror:
            reason = error.strerror[:1].lower() + error.strerror[1:]
            text = f"{error.filename}: {reason}" if error.filename else reason
        case _:
            text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            text += f" (this was not foreseen: {DEBUG}=1 shows where it happened)"
    return " ".join(text.split())


def debugging() -> bool:
    """Whether tracebacks and logs are wanted."""
    return bool(os.environ.get(DEBUG))
