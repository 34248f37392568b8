"""What verbs print, for people and as JSON."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime
from typing import Any

import pytest

from txnats.cli.output import Output, as_json, body, headers_json, shown, size, span
from txnats.headers import Headers
from txnats.jetstream.units import Timestamp


def written(act: Any, *, as_json: bool = False) -> str:
    stream = io.StringIO()
    act(Output(as_json=as_json, stream=stream))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (5 << 20, "5.0 MiB"),
        (3 << 30, "3.0 GiB"),
        (2 << 40, "2.0 TiB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.00 us"),
        (1.234e-6, "1.23 us"),
        (123e-6, "123 us"),
        (0.01234, "12.34 ms"),
        (1.5, "1.50 s"),
        (150, "2m 30s"),
        (3725, "1h 2m 5s"),
        (90061, "1d 1h 1m"),
    ],
)
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (12345, "12,345"),
        (1.5, "1.5"),
        (2.0, "2"),
        (["a", 1], "a, 1"),
        ({"a": 1}, "a=1"),
        ("a\x1b[31mb\n", "a\\x1b[31mb\\x0a"),
    ],
)
def test_what_people_read(value: object, text: str) -> None:
    assert shown(value) == text


def test_json_of_all_that_is_shown() -> None:
    headers = Headers([("A", "1"), ("A", "2"), ("b", "3")])
    assert headers_json(headers) == {"A": ["1", "2"], "b": ["3"]}
    when = Timestamp.of(datetime(2030, 1, 1, tzinfo=UTC))
    told = json.loads(as_json({"headers": headers, "when": when, "other": ValueError("x")}))
    assert told == {"headers": {"A": ["1", "2"], "b": ["3"]}, "when": "2030-01-01T00:00:00+00:00", "other": "x"}


def test_bodies_in_json() -> None:
    assert body("é".encode()) == {"data": "é"}
    assert body(b"\xff\x00") == {"data_base64": "/wA="}


def test_a_record() -> None:
    assert written(lambda out: out.record("", {"a": 1, "long": "x"})) == "     a: 1\n  long: x\n"
    assert written(lambda out: out.record("T", {"a": 1}, [2]), as_json=True) == "[2]\n"


def test_names() -> None:
    assert written(lambda out: out.names(["a", "b"])) == "a\nb\n"
    assert written(lambda out: out.names(["a", "b"]), as_json=True) == '["a","b"]\n'


def test_a_table() -> None:
    rows = [("[red]x[/red] :smile:", 1234)]
    text = written(lambda out: out.table(["name", "count#"], rows))
    assert "[red]x[/red] :smile:" in text
    assert "│ 1,234 │" in text.replace("  ", " ")
    assert written(lambda out: out.table(["name", "count#"], rows), as_json=True) == (
        '[{"name":"[red]x[/red] :smile:","count":1234}]\n'
    )
    assert written(lambda out: out.table(["name"], [])) == "None found.\n"
    assert written(lambda out: out.table(["name"], []), as_json=True) == "[]\n"


def test_bytes_as_they_are() -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, write_through=True)
    out = Output(as_json=False, stream=stream)
    out.line("first")
    out.raw(b"\xff\x00", end=b"")
    assert buffer.getvalue() == b"first\n\xff\x00"


def test_nobody_reads_any_more() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    told: list[str] = []
    with os.fdopen(writing, "w") as stream:
        out = Output(as_json=False, stream=stream, on_gone=lambda: told.append("gone"))
        out.line("a")
        out.line("b")
        out.raw(b"c")
    assert told == ["gone"]


def test_nobody_reads_and_nobody_is_told() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream, pytest.raises(BrokenPipeError):
        Output(as_json=False, stream=stream).line("a")
