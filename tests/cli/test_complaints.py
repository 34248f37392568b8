"""Each end of the command as a line and a status."""

from __future__ import annotations

import click
import pytest
from twisted.internet.defer import CancelledError

from txnats.cli.complaints import Declined, complain, line_of
from txnats.errors import NatsError, NoResponders
from txnats.kv import BucketNotFound


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (NatsError("it broke", where="here", why="so", hint="try that"), "it broke [here]: so (try that)"),
        (NatsError("over\n  two lines"), "over two lines"),
        (Declined("nothing was done"), "nothing was done"),
        (FileNotFoundError(2, "No such file or directory", "a.txt"), "a.txt: no such file or directory"),
        (OSError(28, "No space left on device"), "no space left on device"),
        (click.UsageError("Missing argument 'KEY'."), "missing argument 'KEY' (txnats --help)"),
        (click.ClickException("So it is."), "So it is."),
        (ValueError("odd"), "ValueError: odd (this was not foreseen: TXNATS_DEBUG=1 shows where it happened)"),
        (ZeroDivisionError(), "ZeroDivisionError (this was not foreseen: TXNATS_DEBUG=1 shows where it happened)"),
        (
            BucketNotFound("b"),
            "there is no such bucket [b] (`txnats kv add` makes one, `txnats kv ls` lists them)",
        ),
    ],
)
def test_a_line(error: Exception, line: str) -> None:
    assert line_of(error) == line


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NoResponders("a"), 1),
        (ValueError("odd"), 1),
        (Declined("no"), 1),
        (click.UsageError("how?"), 2),
        (click.ClickException("no"), 1),
    ],
)
def test_what_is_told(error: Exception, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert complain(error) == status
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors == f"txnats: {line_of(error)}\n"


@pytest.mark.parametrize(
    ("error", "status"),
    [(CancelledError(), 130), (KeyboardInterrupt(), 130), (click.Abort(), 130), (BrokenPipeError(), 0)],
)
def test_what_needs_no_words(error: BaseException, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert complain(error) == status
    assert capsys.readouterr() == ("", "")


def test_a_traceback_for_whoever_wants_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TXNATS_DEBUG", "1")
    assert complain(ValueError("odd")) == 1
    assert "ValueError: odd" in capsys.readouterr().err.splitlines()[-1]
