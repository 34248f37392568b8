"""What verbs print: for people, or as JSON."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from ..headers import Headers

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_WIDE = 200
"""Columns where there is no terminal to fit into."""
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
"""What a terminal would obey, as what it can show."""


class Output:
    """Where a verb's words go. When nobody reads them any more, that is told once, and the rest is dropped.

    Args:
        as_json: Print JSON, one value a line.
        stream: Standard output unless a test says otherwise.
        on_gone: Called when nobody reads any more; without it that is raised.
    """

    def __init__(
        self, *, as_json: bool, stream: TextIO | None = None, on_gone: Callable[[], object] | None = None
    ) -> None:
        self.as_json = as_json
        self._stream = stream or sys.stdout
        self._on_gone = on_gone
        self._is_gone = False

    @cached_property
    def console(self) -> Console:
        """The same for pictures of rich's, which is loaded when the first is drawn."""
        from rich.console import Console  # noqa: PLC0415

        # What others have said is no markup of ours.
        console = Console(file=self._stream, highlight=False, markup=False, emoji=False)
        if not console.is_terminal:
            console.width = _WIDE
        return console

    def line(self, text: str = "") -> None:
        """A line for people; nothing where JSON is wanted."""
        if not self.as_json:
            self._write(text + "\n")

    def raw(self, data: bytes, end: bytes = b"\n") -> None:
        """Bytes as they are."""
        self._write(data + end)

    def value(self, value: Any) -> None:
        """One value as a line of JSON; nothing for people."""
        if self.as_json:
            self._write(as_json(value) + "\n")

    def record(self, title: str, fields: Mapping[str, Any], value: Any = None) -> None:
        """One thing: its fields for people, the value, or the fields, as JSON."""
        if self.as_json:
            self.value(fields if value is None else value)
            return
        if title:
            self.line(title)
        width = max((len(name) for name in fields), default=0)
        for name, field in fields.items():
            self.line(f"  {name:>{width}}: {shown(field)}")

    def names(self, names: Sequence[str]) -> None:
        """Names, a line each, or a list as JSON."""
        self.value(names)
        for name in names:
            self.line(name)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Any]], values: Any = None) -> None:
        """Several things: a table for people, a list as JSON. A column whose name ends in ``#`` holds numbers."""
        rows = list(rows)
        names = [column.removesuffix("#") for column in columns]
        if self.as_json:
            self.value([dict(zip(names, row, strict=True)) for row in rows] if values is None else values)
            return
        if not rows:
            self.line("None found.")
            return
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(header_style="")
        for column, name in zip(columns, names, strict=True):
            table.add_column(name, justify="right" if column.endswith("#") else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(shown(cell)) for cell in row))
        self.show(table)

    def show(self, picture: RenderableType) -> None:
        """Something of rich's."""
        with self.console.capture() as captured:
            self.console.print(picture)
        self._write(captured.get())

    def _write(self, data: str | bytes) -> None:
        if self._is_gone:
            return
        try:
            if isinstance(data, str):
                self._stream.write(data)
            elif (buffer := getattr(self._stream, "buffer", None)) is None:
                self._stream.write(data.decode(errors="replace"))
            else:
                buffer.write(data)
            self._stream.flush()
        except BrokenPipeError:
            self._is_gone = True
            _discard(self._stream)
            if self._on_gone is None:
                raise
            self._on_gone()


def as_json(value: Any) -> str:
    """JSON of anything that a verb shows; bytes are text where they can be."""
    return msgspec.json.encode(value, enc_hook=_plain).decode()


def body(data: bytes) -> dict[str, str]:
    """A message's body as fields of JSON: ``data``, or ``data_base64`` where it is no text."""
    try:
        return {"data": data.decode()}
    except UnicodeDecodeError:
        return {"data_base64": base64.b64encode(data).decode()}


def headers_json(headers: Headers) -> dict[str, list[str]]:
    """Headers as a mapping to lists."""
    told: dict[str, list[str]] = {}
    for name, value in headers.items():
        told.setdefault(name, []).append(value)
    return told


def shown(value: Any) -> str:
    """A value as people read it."""
    match value:
        case None | "":
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:,.3f}".rstrip("0").rstrip(".")
        case int():
            return f"{value:,}"
        case list() | tuple() | set() | frozenset():
            return ", ".join(shown(each) for each in value)
        case dict():
            return ", ".join(f"{name}={shown(each)}" for name, each in value.items())
        case datetime():
            return moment(value)
        case _:
            return str(value).translate(_CONTROLS)


def moment(when: datetime) -> str:
    """A moment as people read it, in their time zone."""
    return f"{when.astimezone():%Y-%m-%d %H:%M:%S}.{when.microsecond // 1000:03}"


def size(count: float) -> str:
    """Bytes as people read them."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:,.0f} B" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} TiB"


def span(seconds: float) -> str:
    """A time as people read it."""
    if seconds < 1e-5:
        return f"{seconds * 1e6:.2f} us"
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} us"
    if seconds < 1:
        return f"{seconds * 1e3:.2f} ms"
    if seconds < 120:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return (
        f"{days}d {hours}h {minutes}m" if days else f"{hours}h {minutes}m {rest}s" if hours else f"{minutes}m {rest}s"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Headers):
        return headers_json(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)


def _discard(stream: TextIO) -> None:
    """Let what is left in its buffer go nowhere: Python would complain of it at its exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
