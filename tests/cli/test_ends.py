"""How verbs end: by Ctrl-C, by a reader that has had enough, by a server that goes, by a word of no."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest

from tests.cli.command import PATIENCE, Command
from txnats.server import NatsServer, ServerUser, SubjectRules


def test_interrupted_in_the_midst(txnats: Command) -> None:
    with txnats.running("sub", "slow") as sub:
        sub.shows("Subscribed")
        with txnats.running("pub", "slow", "x", "--count", "1000", "--sleep", "1h") as pub:
            sub.shows("Received")
            ended = pub.interrupt()
    assert (ended.status, ended.text, ended.errors) == (130, "", "")


def test_interrupted_while_standard_input_is_silent(txnats: Command) -> None:
    with txnats.running("sub", "quiet") as sub:
        sub.shows("Subscribed")
        with txnats.running("pub", "quiet", "--send-on", "newline") as pub:
            assert pub.process.stdin is not None
            pub.process.stdin.write(b"one\n")
            pub.process.stdin.flush()
            sub.shows("Received")
            pub.process.send_signal(signal.SIGINT)
            assert pub.process.wait(PATIENCE) == 130


def test_an_interrupted_put_leaves_nothing(txnats: Command) -> None:
    txnats.well("object", "add", "half")
    with (
        txnats.running("sub", "$O.half.C.>", "--headers-only") as sub,
        txnats.running("object", "put", "half", "-", "--name", "whole") as put,
    ):
        sub.shows("Subscribed")
        assert put.process.stdin is not None
        put.process.stdin.write(os.urandom(1_000_000))
        put.process.stdin.flush()
        sub.shows("Received")
        put.process.send_signal(signal.SIGINT)
        assert put.process.wait(PATIENCE) == 130
    assert txnats.well("object", "ls", "half", "--json").value == []
    assert txnats.well("stream", "info", "OBJ_half", "--json").value["state"]["messages"] == 0


def test_a_reader_that_has_had_enough(txnats: Command) -> None:
    with txnats.running("sub", "much") as sub:
        sub.shows("Subscribed")
        assert sub.process.stdout is not None
        sub.process.stdout.close()
        txnats.well("pub", "much", "more", "--count", "2")
        assert sub.process.wait(PATIENCE) == 0
        assert sub.process.stderr is not None
        assert sub.process.stderr.read() == b""


def test_a_server_that_goes_and_comes_is_told(make_server: Callable[..., NatsServer], txnats: Command) -> None:
    server = make_server()
    with txnats.running("sub", "x", "-s", server.url) as sub:
        sub.shows("Subscribed")
        server.kill()
        assert "connecting anew" in sub.complains("disconnected")
        server.start()
        assert server.url in sub.complains("connected again")
        txnats.well("pub", "x", "hello", "-s", server.url)
        sub.shows("hello")
        assert sub.interrupt().status == 0


def test_what_may_not_be_published_is_a_failure(make_server: Callable[..., NatsServer], txnats: Command) -> None:
    rules = ServerUser(name="joe", password="s3cret", publish=SubjectRules(allow=["mine"]))
    url = make_server(users=[rules]).url.replace("//", "//joe:s3cret@")
    line = txnats.badly("pub", "theirs", "x", "-s", url)
    assert line == "txnats: no permission to publish on 'theirs' (ask for this subject in the account's permissions)"
    assert txnats.well("pub", "mine", "x", "-s", url).status == 0


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("reply x", "give one of BODY, --echo and --command (txnats reply --help)"),
        ("kv rm b", "nobody can be asked whether this is meant: say --force (txnats kv rm --help)"),
    ],
)
def test_what_only_the_verb_knows_to_be_wrong(words: str, line: str, lonely: Command) -> None:
    assert lonely.badly(*words.split(), status=2) == f"txnats: {line}"


def test_somebody_is_asked(txnats: Command) -> None:
    txnats.well("kv", "add", "asked")
    status, shown = txnats.terminal("kv", "rm", "asked", typed=b"n\r", until=b"[y/N]")
    assert (status, shown.splitlines()[-1]) == (1, "txnats: nothing was done")
    status, _ = txnats.terminal("kv", "rm", "asked", typed=b"\x03", until=b"[y/N]")
    assert status == 130
    status, shown = txnats.terminal("kv", "rm", "asked", typed=b"y\r", until=b"[y/N]")
    assert (status, "deleted: asked" in shown) == (0, True)
