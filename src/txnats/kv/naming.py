"""Names of buckets, keys and filters, and where they stand in NATS.

Source: ADR-8.
"""

from __future__ import annotations

import re

from .errors import InvalidBucket, InvalidKey

STREAM_PREFIX = "KV_"
LONGEST_KEY = 1024
"""Bytes; a server takes control lines of 4,096, and the key is not alone on its line."""

_BUCKET = re.compile(r"[A-Za-z0-9_-]{1,240}", re.ASCII)
_KEY = re.compile(r"[-/_=a-zA-Z0-9]+(?:\.[-/_=a-zA-Z0-9]+)*", re.ASCII)
_FILTER = re.compile(r"(?:(?:\*|[-/_=a-zA-Z0-9]+)\.)*(?:\*|>|[-/_=a-zA-Z0-9]+)", re.ASCII)


def check_bucket(name: str) -> str:
    """A bucket's name.

    Raises:
        InvalidBucket: It is none.
    """
    if not isinstance(name, str) or _BUCKET.fullmatch(name) is None:
        raise InvalidBucket(name)
    return name


def check_key(key: str) -> str:
    """A key: tokens of ``a-z A-Z 0-9 - / _ =`` with single dots between them.

    Raises:
        InvalidKey: It is none.
    """
    try:
        if _KEY.fullmatch(key) is not None and len(key) <= LONGEST_KEY:
            return key
    except TypeError:
        raise InvalidKey(key, f"a key is a str, not {type(key).__name__}") from None
    raise InvalidKey(key) if len(key) <= LONGEST_KEY else InvalidKey(key, f"it is longer than {LONGEST_KEY:,} bytes")


def check_filter(pattern: str) -> str:
    """A key, or a pattern for keys: ``*`` for any one token, ``>`` at the end for all that follows.

    Raises:
        InvalidKey: It is none.
    """
    try:
        if _FILTER.fullmatch(pattern) is not None and len(pattern) <= LONGEST_KEY:
            return pattern
    except TypeError:
        raise InvalidKey(pattern, f"a filter is a str, not {type(pattern).__name__}") from None
    raise InvalidKey(pattern, "it is no filter: * is a whole token, > the last one")


def check_filters(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Filters that a server takes together: each once, and none that another one covers.

    Raises:
        InvalidKey: One is none.
    """
    if not patterns:
        return (">",)
    checked = dict.fromkeys(map(check_filter, patterns))
    return tuple(each for each in checked if not any(each != other and covers(other, each) for other in checked))


def covers(pattern: str, other: str) -> bool:
    """Whether all that ``other`` matches is matched by ``pattern``."""
    ours, theirs = pattern.split("."), other.split(".")
    for index, token in enumerate(ours):
        if token == ">":
            return len(theirs) > index
        if index >= len(theirs) or theirs[index] == ">" or token not in ("*", theirs[index]):
            return False
    return len(ours) == len(theirs)


def stream_of(bucket: str) -> str:
    """The stream that holds a bucket."""
    return STREAM_PREFIX + bucket


def bucket_of(stream: str) -> str:
    """The bucket that a stream holds."""
    return stream.removeprefix(STREAM_PREFIX)


def subjects_of(bucket: str) -> str:
    """What all subjects of a bucket's keys begin with."""
    return f"$KV.{bucket}."
