"""What a configuration may say, checked before it is sent: names, words, amounts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

from ...errors import InvalidArgument, InvalidOption
from ...options import check_seconds
from ...subjects import check_publish, check_subscribe
from ..units import shown

_LONGEST_NAME = 255
_MOST = 2**63 - 1
_UNFIT = re.compile(r"[\s.*>/\\\x00-\x1f\x7f]")
_LONGEST_DESCRIPTION = 4 * 1024
_LARGEST_METADATA = 128 * 1024
SERVERS_OWN = "_nats."
"""Metadata keys that begin so are the server's."""


def check_name(kind: str, name: str) -> str:
    """A name of a stream or consumer.

    Args:
        kind: ``stream`` or ``consumer``, for the error.
        name: At most 255 bytes without blanks, dots, wildcards and slashes of either kind.

    Raises:
        InvalidArgument: It breaks that rule.
    """
    if not isinstance(name, str):
        raise InvalidArgument(f"the name of a {kind} is a str, not {type(name).__name__}")
    unfit = _UNFIT.search(name)
    if not name or unfit is not None:
        why = "it is empty" if not name else f"it holds {unfit.group()!r}" if unfit else ""
        raise InvalidArgument(f"{name[:80]!r} cannot name a {kind}", why=why)
    if len(name.encode("utf-8", "surrogateescape")) > _LONGEST_NAME:
        raise InvalidArgument(f"the name of a {kind} is too long", why=f"it may have {_LONGEST_NAME} bytes")
    return name


def check_word(what: str, word: str, words: type[StrEnum]) -> None:
    """A word of a known few.

    Raises:
        InvalidOption: It is none of these.
    """
    try:
        words(word)
    except ValueError:
        raise InvalidOption(f"{what} is {word!r}", hint="it is one of " + ", ".join(words)) from None


def check_texts(what: str, description: str, metadata: Mapping[str, str]) -> None:
    """Description and metadata, in the sizes that a server takes.

    Raises:
        InvalidOption: They are larger.
    """
    if len(description.encode("utf-8", "surrogateescape")) > _LONGEST_DESCRIPTION:
        raise InvalidOption(f"{what}.description is too long", why=f"it may have {_LONGEST_DESCRIPTION:,} bytes")
    if (
        sum(len(each.encode("utf-8", "surrogateescape")) for pair in metadata.items() for each in pair)
        > _LARGEST_METADATA
    ):
        raise InvalidOption(f"{what}.metadata is too large", why=f"it may have {_LARGEST_METADATA:,} bytes")


def check_seconds_at_least(what: str, seconds: float | None, least: float) -> None:
    """Seconds that are 0, for none, or not too few.

    Raises:
        InvalidOption: They are neither.
    """
    if seconds is not None and 0 < check_seconds(what, seconds) < least:
        raise InvalidOption(f"{what} is {seconds!r} s", hint=f"0 for none, or at least {least:g}")


def check_counts(what: str, amounts: Mapping[str, int], least: int) -> None:
    """Whole numbers that a server can count.

    Raises:
        InvalidOption: One is none, or too small.
    """
    for name, amount in amounts.items():
        if isinstance(amount, bool) or not isinstance(amount, int) or not least <= amount <= _MOST:
            raise InvalidOption(f"{what}.{name} cannot be {shown(amount)}", hint=f"a whole number of at least {least}")


def check_subjects(what: str, subjects: Iterable[str]) -> None:
    """Patterns that can be subscribed to, each once.

    Raises:
        InvalidArgument: One is none, or stands twice.
    """
    if isinstance(subjects, (str, bytes)):
        raise InvalidArgument(f"{what} is a list of subjects, not one")
    seen = set()
    for subject in subjects:
        check_subscribe(subject)
        if subject in seen:
            raise InvalidArgument(f"{subject!r} stands twice in {what}")
        seen.add(subject)


def check_literal(what: str, subject: str) -> None:
    """A subject without wildcards.

    Raises:
        InvalidSubject: It has some, or is none.
    """
    check_publish(subject, f"use as {what}")


def users_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata without what a server adds to it."""
    return {key: value for key, value in metadata.items() if not key.startswith(SERVERS_OWN)}
