"""Unique ids: 22 characters, a random prefix of 12 and a counter of 10 that moves in random steps.

Source: ADR-36 and the public NUID algorithm; the prefix is drawn from the operating system's random source.
"""

from __future__ import annotations

import os
import secrets

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE = len(_DIGITS)
_PREFIX_LENGTH = 12
_COUNTER_LENGTH = 10
_COUNTER_END = _BASE**_COUNTER_LENGTH
_STEP_MIN, _STEP_MAX = 33, 333


class Nuid:
    """A source of ids. Two sources never share a prefix in practice (62**12); after a fork one needs ``reseed``."""

    __slots__ = ("_counter", "_prefix", "_step")

    def __init__(self) -> None:
        self.reseed()

    def reseed(self) -> None:
        """Draw a new prefix, counter and step."""
        self._prefix = "".join(secrets.choice(_DIGITS) for _ in range(_PREFIX_LENGTH))
        self._counter = secrets.randbelow(_COUNTER_END)
        self._step = _STEP_MIN + secrets.randbelow(_STEP_MAX - _STEP_MIN)

    def next(self) -> str:
        """The next id: 22 characters of ``0-9A-Za-z``."""
        self._counter += self._step
        if self._counter >= _COUNTER_END:
            self.reseed()
        return self._prefix + _base62(self._counter)


def _base62(number: int) -> str:
    digits = []
    for _ in range(_COUNTER_LENGTH):
        number, digit = divmod(number, _BASE)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


_source = Nuid()
os.register_at_fork(after_in_child=_source.reseed)


def next_nuid() -> str:
    """An id from the process's own source, which is seeded anew after a fork."""
    return _source.next()
