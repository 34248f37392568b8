"""One wrapper for every secret, so that none shows in a repr, a log or a traceback by accident."""

from __future__ import annotations

from typing import NoReturn

from ..errors import InvalidOption


class Secret:
    """A text that shows as ``***`` wherever it is printed, and that cannot be pickled.

    Args:
        value: The text itself, or another Secret.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str | Secret) -> None:
        text = value.reveal() if isinstance(value, Secret) else value
        if not isinstance(text, str):
            raise InvalidOption(f"a secret is a str, not {type(value).__name__}")
        self._value: str = text

    def reveal(self) -> str:
        """The text; do not keep it."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise InvalidOption("a secret cannot be pickled", hint="read it anew where it is needed")
