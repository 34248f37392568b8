"""Names of stores and objects, and their subjects.

Source: ADR-20.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode

from .errors import InvalidName, InvalidStore

STREAM_PREFIX = "OBJ_"
LONGEST_NAME = 2048
"""Bytes of an object's name: in base64 it is a part of a subject, and a server takes lines of 4,096."""
_STORE = re.compile(r"[A-Za-z0-9_-]{1,240}", re.ASCII)


def check_store(name: str) -> str:
    """A store's name.

    Raises:
        InvalidStore: It is none.
    """
    if not isinstance(name, str) or _STORE.fullmatch(name) is None:
        raise InvalidStore(name)
    return name


def check_name(name: str) -> str:
    """An object's name: any text.

    Raises:
        InvalidName: It is none, empty, or too long.
    """
    if not isinstance(name, str):
        raise InvalidName(name, f"a name is a str, not {type(name).__name__}")
    if not name:
        raise InvalidName(name, "it is empty")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise InvalidName(name, "it holds lone surrogates") from None
    if size > LONGEST_NAME:
        raise InvalidName(name, f"it is longer than {LONGEST_NAME:,} bytes")
    return name


def stream_of(store: str) -> str:
    """The stream that holds a store."""
    return STREAM_PREFIX + store


def store_of(stream: str) -> str:
    """The store that a stream holds."""
    return stream.removeprefix(STREAM_PREFIX)


def meta_subject(store: str, name: str) -> str:
    """Where what is told of an object stands."""
    return f"$O.{store}.M.{urlsafe_b64encode(name.encode()).decode()}"


def chunk_subject(store: str, nuid: str) -> str:
    """Where the bytes of an object stand."""
    return f"$O.{store}.C.{nuid}"


def all_meta(store: str) -> str:
    """Where all stands that is told of objects."""
    return f"$O.{store}.M.>"


def all_chunks(store: str) -> str:
    """Where all bytes stand."""
    return f"$O.{store}.C.>"
