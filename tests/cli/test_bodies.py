"""Messages as they are typed and as they are shown."""

from __future__ import annotations

import io
import json
import re

import click
import pytest

from txnats import Message
from txnats.cli.bodies import filled, read_headers, show, typed
from txnats.cli.output import Output
from txnats.wire.header_block import header_block


def test_headers() -> None:
    headers = read_headers(["A: 1", "A:2", "b:x:y"])
    assert headers is not None
    assert list(headers.items()) == [("A", "1"), ("A", "2"), ("b", "x:y")]
    assert read_headers([]) is None
    with pytest.raises(click.UsageError, match="'nonsense' is not of the form"):
        read_headers(["nonsense"])


def test_what_changes_from_message_to_message() -> None:
    assert filled(b"{{Count}} {{.Count}} {{Other}} {", 7) == b"7 7 {{Other}} {"
    assert filled(b"plain", 7) == b"plain"
    assert re.fullmatch(rb"\d{4}-\d\d-\d\dT[\d:.]+\+00:00 \w{22}", filled(b"{{TimeStamp}} {{ID}}", 1))


def test_bytes_that_are_no_text() -> None:
    assert typed("é\udcff") == "é".encode() + b"\xff"


def shown(*, as_json: bool = False, raw: bool = False, headers_only: bool = False) -> str:
    message = Message(b"a.b", 1, b"r", b"body", header_block(b"NATS/1.0\r\nX: 1\r\n\r\n"))
    stream = io.StringIO()
    show(Output(as_json=as_json, stream=stream), message, 3, raw=raw, headers_only=headers_only)
    return stream.getvalue()


def test_a_message() -> None:
    assert shown() == '[#3] Received on "a.b" with reply "r"\nX: 1\n\nbody\n\n'
    assert shown(headers_only=True) == '[#3] Received on "a.b" with reply "r"\nX: 1\n\n'
    assert shown(raw=True) == "body\n"
    told = {"subject": "a.b", "reply": "r", "headers": {"X": ["1"]}}
    assert json.loads(shown(as_json=True)) == {**told, "data": "body"}
    assert json.loads(shown(as_json=True, headers_only=True)) == told
