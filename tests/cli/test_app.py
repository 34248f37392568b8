"""Help and wrong usage: nothing is connected, and each ends with a line and a status."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from txnats.cli.app import VERBS, App, app, main
from txnats.cli.settings import Settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("NATS_URL", "NATS_CONTEXT", "NATS_CREDS", "NATS_USER", "TXNATS_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def commands() -> dict[str, click.Command]:
    """All verbs, and theirs."""
    context = click.Context(app, info_name="txnats")
    assert isinstance(app, App)
    found: dict[str, click.Command] = {}
    for name in VERBS:
        command = app.get_command(context, name)
        assert command is not None
        found[name] = command
        for each in command.list_commands(context) if isinstance(command, click.Group) else ():
            inner = command.get_command(context, each)  # type: ignore[attr-defined]
            assert inner is not None
            found[f"{name} {each}"] = inner
    return found


def test_without_a_verb_it_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    alone = capsys.readouterr()
    assert main(["--help"]) == 0
    assert alone == capsys.readouterr()
    for name in VERBS:
        assert f"\n  {name} " in alone.out
    for setting in Settings.__struct_fields__:
        assert f"--{setting.replace('_', '-')}" in alone.out


def test_a_verb_of_verbs_alone_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kv"]) == 0
    assert "\n  watch " in capsys.readouterr().out


@pytest.mark.parametrize("words", sorted(commands()))
def test_help_of_each(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words.split(), "--help"]) == 0
    text, errors = capsys.readouterr()
    assert errors == ""
    assert text.startswith(f"Usage: txnats {words} [OPTIONS]")
    command = commands()[words]
    assert command.help
    assert "NATS_URL" not in text
    shared = "txnats --help lists the options that all verbs share."
    assert text.rstrip().endswith(shared) is not isinstance(command, click.Group)
    for param in command.params:
        if isinstance(param, click.Option) and not param.hidden:
            assert param.help, f"{words} {param.name}"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("nope", "no such command 'nope' (txnats --help)"),
        ("stream nope", "no such command 'nope' (txnats stream --help)"),
        ("pub", "missing argument 'SUBJECT' (txnats pub --help)"),
        ("rtt --nonesuch", "no such option '--nonesuch' (txnats rtt --help)"),
        ("pub a b c", "got unexpected extra argument (c) (txnats pub --help)"),
        ("pub a b --count 0", "invalid value for '--count': 0 is not in the range x>=1 (txnats pub --help)"),
        (
            "bench pub x --size big",
            "invalid value for '--size': 'big' is no size: say 512, 64KB or 1MB (txnats bench pub --help)",
        ),
        ("-s a --context b rtt", "--server and --context exclude each other (txnats --help)"),
        ("rtt --user a --creds b", "--user and --creds exclude each other (txnats rtt --help)"),
        ("object put s none", "invalid value for 'FILE': File 'none' does not exist (txnats object put --help)"),
        ("kv put", "missing argument 'BUCKET' (txnats kv put --help)"),
        ("kv update b k v", "missing option '--revision' (txnats kv update --help)"),
    ],
)  # fmt: skip
def test_wrong_usage(words: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    assert capsys.readouterr() == ("", f"txnats: {line}\n")


def test_what_cannot_be_seen_is_shown_and_breaks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("txnats 1.")


def test_what_was_not_foreseen_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def odd(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("txnats.contexts.available", odd)
    assert main(["context", "ls"]) == 1
    line = "ZeroDivisionError: by zero (this was not foreseen: TXNATS_DEBUG=1 shows where it happened)"
    assert capsys.readouterr() == ("", f"txnats: {line}\n")


def test_contexts_from_making_to_deleting(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(words: str, status: int = 0) -> str:
        assert main(words.split()) == status
        output, errors = capsys.readouterr()
        assert "s3cret" not in output + errors
        return output if status == 0 else errors

    run("context add prod -s nats://joe:s3cret@demo.example --js-domain hub --select")
    file = home / "nats" / "context" / "prod.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "joe:s3cret" in file.read_text()
    assert "there is a context 'prod' already" in run("context add prod", 1)
    assert run("context ls --json") == '[{"name":"prod","selected":true}]\n'
    assert "servers: nats://demo.example:4222" in run("context info")
    assert '"js_domain":"hub"' in run("context info prod --json")
    assert '"login":"in the URL"' in run("--json context info prod")
    run("context add test --user joe --password s3cret")
    run("context select test")
    assert "UserPassword" in run("context info")
    assert "there is no context 'nope'" in run("context select nope", 1)
    assert "is no name of a context" in run("context add ../x", 1)
    run("context rm test --force")
    assert "no context is selected" in run("context info", 1)
    assert "there is no context 'test'" in run("context rm test --force", 1)


def test_the_environment_is_no_part_of_a_context_that_is_made(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_TOKEN", "s3cret")
    assert main(["context", "add", "one", "-s", "nats://a"]) == 0
    assert "s3cret" not in (home / "nats" / "context" / "one.json").read_text()


def test_the_page_names_each_verb() -> None:
    page = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()
    rows = [row for row in page.splitlines() if row.startswith("| `")]
    for words in commands():
        verb, _, inner = words.partition(" ")
        assert any(f"`{verb}`" in row.split("|")[1] and f"`{inner or verb}" in row for row in rows), words
