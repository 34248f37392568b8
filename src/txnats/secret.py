"""Wrappers for every secret, so that none shows in a repr, a log or a traceback by accident."""

from __future__ import annotations

from hmac import compare_digest
from typing import NoReturn, Self, SupportsIndex

from .errors import InvalidOption


class Kept:
    """A base for what holds a secret: a copy of it is itself, and it cannot be pickled."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise _not_pickled()


class Secret(Kept):
    """A text that shows as ``***`` wherever it is printed, and that cannot be pickled.

    Args:
        value: The text itself, or another Secret.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str | Secret) -> None:
        text: object = value.reveal() if isinstance(value, Secret) else value
        if not isinstance(text, str):
            kind = type(value).__name__
            # A traceback may tell the variables of this frame.
            del value, text
            raise InvalidOption(f"a secret is a str, not {kind}")
        self._value = text

    def reveal(self) -> str:
        """The text; do not keep it."""
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # In a time that does not tell where they differ.
        ours, theirs = (each._value.encode("utf-8", "surrogatepass") for each in (self, other))
        return compare_digest(ours, theirs)

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__


class SecretBytes(bytes):
    """Bytes on their way out that hold a secret: what prints them, a traceback for one, shows their number only."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise _not_pickled()


def wipe(buffer: bytearray) -> None:
    """Overwrite a buffer with zeros. Python and the libraries below may still hold copies of what was in it."""
    buffer[:] = bytes(len(buffer))


def _not_pickled() -> InvalidOption:
    return InvalidOption("a secret cannot be pickled", hint="read it anew where it is needed")
