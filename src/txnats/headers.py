"""Message headers: ordered, several values a name, case kept.

Source: ADR-4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from .errors import InvalidHeader

HeaderPairs: TypeAlias = Iterable[tuple[str, str]]

NAME_CHARACTERS = frozenset(chr(code) for code in range(33, 127)) - {":"}
GOOD_NAMES: dict[str, str] = {}
"""Names that were found good, the first so many of them, each with the line end and the start of its line.

A look here spares another check, and a piece of the text.
"""
_MOST_GOOD_NAMES = 1024
_UNFIT_VALUE = re.compile(r"[\r\n\0]|\A[ \t]|[ \t]\Z")


def check_name(name: str) -> str:
    """The name as a plain str, or InvalidHeader: one or more printable ASCII characters and no colon."""
    if not isinstance(name, str):
        raise InvalidHeader(f"a header name is a str, not {type(name).__name__}")
    if not name:
        raise InvalidHeader("a header name is empty")
    if not NAME_CHARACTERS.issuperset(name):
        raise InvalidHeader(
            f"header name {name[:64]!r} cannot be sent",
            why="only printable ASCII without spaces and colons is allowed",
        )
    if len(GOOD_NAMES) < _MOST_GOOD_NAMES and len(name) <= 64:
        plain = str.__str__(name)
        GOOD_NAMES[plain] = f"\r\n{plain}: "
    return str.__str__(name)


def check_value(name: str, value: str) -> str:
    """The value as a plain str, or InvalidHeader: it is never altered to make it fit."""
    if not isinstance(value, str):
        raise _no_text(name, value)
    if not value.isascii():
        try:
            value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise InvalidHeader(
                f"the value of header {name!r} cannot be encoded", why="it holds lone surrogates"
            ) from None
    unfit = _UNFIT_VALUE.search(value)
    if unfit is not None and unfit.group() in "\r\n\0":
        raise InvalidHeader(f"the value of header {name!r} cannot be sent", why="it holds CR, LF or NUL")
    if unfit is not None:
        raise InvalidHeader(
            f"the value of header {name!r} cannot be sent unchanged",
            why="receivers trim spaces and tabs around a value",
            hint="strip it before",
        )
    return str.__str__(value)


class Headers:
    """An ordered list of ``(name, value)`` pairs with look-up by name.

    Names are compared with their case, as the protocol does; ``find`` ignores it. Values may hold any text: bytes that
    are not UTF-8 arrive as surrogate escapes and leave as the same bytes.

    Args:
        source: Another Headers, a mapping (a value may be a list of values) or ``(name, value)`` pairs.

    Attributes:
        is_checked: False for headers that came off the wire, which may hold what must not be sent.

    Raises:
        InvalidHeader: A name or value that the wire cannot carry unchanged.
    """

    __slots__ = ("_pairs", "is_checked")

    def __init__(self, source: HeaderSource | None = None) -> None:
        self._pairs: list[tuple[str, str]] = []
        self.is_checked = True
        if source is None:
            return
        if isinstance(source, Headers):
            self._pairs += source._pairs
            self.is_checked = source.is_checked
            return
        add = self.add
        pairs = source.items() if source.__class__ is dict or isinstance(source, Mapping) else _pairs_of(source)
        for name, values in pairs:
            if isinstance(values, str):
                add(name, values)
            elif isinstance(values, (bytes, bytearray, memoryview)) or not isinstance(values, Iterable):
                raise _no_text(name, values)
            else:
                check_name(name)
                for value in values:
                    add(name, value)

    @classmethod
    def trusted(cls, pairs: list[tuple[str, str]]) -> Headers:
        """Headers around pairs that came off the wire: they are taken as they are, without a check or a copy."""
        headers = cls()
        headers._pairs = pairs
        headers.is_checked = False
        return headers

    def add(self, name: str, value: str) -> None:
        """Append a value; those already there stay."""
        if name.__class__ is not str or name not in GOOD_NAMES:
            name = check_name(name)
        # Plain words, the most of all values, need no closer look.
        if value.__class__ is not str or not value.isalnum():
            value = check_value(name, value)
        self._pairs.append((name, value))

    def set(self, name: str, value: str) -> None:
        """Put one value in place of all that the name has, where its first one stood, else at the end."""
        pair = (check_name(name), check_value(name, value))
        at = next((index for index, (each, _) in enumerate(self._pairs) if each == name), len(self._pairs))
        rest = [each for each in self._pairs[at:] if each[0] != name]
        self._pairs[at:] = [pair, *rest]

    def remove(self, name: str) -> None:
        """Drop every value of a name; a name that is not there is no error."""
        self._pairs = [each for each in self._pairs if each[0] != name]

    def get(self, name: str, default: str | None = None) -> str | None:
        """The first value of a name."""
        for each, value in self._pairs:
            if each == name:
                return value
        return default

    def get_all(self, name: str) -> list[str]:
        """Every value of a name in order; empty when there is none."""
        return [value for each, value in self._pairs if each == name]

    def find(self, name: str) -> list[str]:
        """Every value of a name in any case, in order."""
        folded = name.casefold()
        return [value for each, value in self._pairs if each.casefold() == folded]

    def items(self) -> tuple[tuple[str, str], ...]:
        """All pairs in order; a name with three values stands three times."""
        return tuple(self._pairs)

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: str) -> None:
        self.set(name, value)

    def __contains__(self, name: object) -> bool:
        return any(each == name for each, _ in self._pairs)

    def __iter__(self) -> Iterator[str]:
        """Each name once, in the order of its first value."""
        return iter(dict(self._pairs))

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self._pairs)

    def __eq__(self, other: object) -> bool:
        return self._pairs == other._pairs if isinstance(other, Headers) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # mutable, as list and dict are

    def __repr__(self) -> str:
        return f"Headers({self._pairs!r})"


def _pairs_of(source: object) -> Iterator[tuple[str, Any]]:
    """Pairs, of which each may turn out to be something else."""
    if isinstance(source, (str, bytes)) or not isinstance(source, Iterable):
        raise InvalidHeader("headers come as a mapping or as (name, value) pairs")
    for entry in source:
        try:
            name, value = entry
        except (TypeError, ValueError):
            name = value = None
        if name is None or isinstance(entry, str):
            raise InvalidHeader("headers come as a mapping or as (name, value) pairs")
        yield name, value


def _no_text(name: str, value: object) -> InvalidHeader:
    return InvalidHeader(f"the value of header {check_name(name)!r} is a str, not {type(value).__name__}")


HeaderSource: TypeAlias = Headers | Mapping[str, str | Iterable[str]] | HeaderPairs
