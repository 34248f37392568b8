"""Keys and values as an application has them, and as the bucket holds them.

::

    people = bucket.with_codec(chain(base64_keys(), values(zlib.compress, zlib.decompress)))

Source: ADR-54; ``base64_keys`` encodes each token alone, so that filters work, as other clients' codecs do.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .errors import InvalidKey

Same = TypeVar("Same")


def _same(value: Same) -> Same:
    return value


def _no_filters(pattern: str) -> str:
    raise InvalidKey(pattern, "this codec cannot turn filters into others")


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """Six functions; those that are not given change nothing.

    A codec of your own: ``Codec(encode_value=encrypt, decode_value=decrypt)``.

    Attributes:
        encode_key: An application's key to the bucket's.
        decode_key: And back.
        encode_filter: A filter for keys, with ``*`` and ``>``, to the bucket's; None when that is not possible.
        encode_value: An application's value to the bucket's.
        decode_value: And back. Of a delete or purge there is no value to decode.
    """

    encode_key: Callable[[str], str] = _same
    decode_key: Callable[[str], str] = _same
    encode_filter: Callable[[str], str] | None = None
    encode_value: Callable[[bytes], bytes] = _same
    decode_value: Callable[[bytes], bytes] = _same

    def filter(self, pattern: str) -> str:
        """A filter as the bucket has it.

        Raises:
            InvalidKey: It has wildcards, and this codec cannot turn them into others.
        """
        if self.encode_filter is not None:
            return self.encode_filter(pattern)
        if self.encode_key is _same or pattern == ">":
            return pattern
        return self.encode_key(pattern) if not _has_wildcards(pattern) else _no_filters(pattern)


PLAIN = Codec()
"""Keys and values as they are."""


def base64_keys() -> Codec:
    """Each token of a key in base64: then it may hold blanks, accents, anything but a dot."""
    return Codec(
        encode_key=lambda key: _each_token(_to_base64, key),
        decode_key=lambda key: _each_token(_from_base64, key),
        encode_filter=lambda pattern: _each_token(_to_base64, pattern, wildcards=True),
    )


def base64_values() -> Codec:
    """Values in base64."""
    return values(
        lambda value: urlsafe_b64encode(value).rstrip(b"="),
        lambda value: urlsafe_b64decode(value + b"=" * (-len(value) % 4)),
    )


def path_keys(separator: str = "/") -> Codec:
    """Keys that are written as paths: ``/etc/hosts`` stands as ``_root_.etc.hosts``.

    A separator at the end is dropped.
    """
    return Codec(
        encode_key=lambda key: _from_path(key, separator),
        decode_key=lambda key: _to_path(key, separator),
        encode_filter=lambda pattern: _from_path(pattern, separator),
    )


def values(encode: Callable[[bytes], bytes], decode: Callable[[bytes], bytes]) -> Codec:
    """A codec for values alone: compression, encryption, a format."""
    return Codec(encode_value=encode, decode_value=decode)


def chain(*codecs: Codec) -> Codec:
    """Several codecs: keys and values go through them in this order, and come back in the other."""

    def through(functions: list[Callable[[Same], Same]]) -> Callable[[Same], Same]:
        def call(value: Same) -> Same:
            for function in functions:
                value = function(value)
            return value

        return call

    return Codec(
        encode_key=through([each.encode_key for each in codecs]),
        decode_key=through([each.decode_key for each in reversed(codecs)]),
        encode_filter=through([each.filter for each in codecs]),
        encode_value=through([each.encode_value for each in codecs]),
        decode_value=through([each.decode_value for each in reversed(codecs)]),
    )


_ROOT = "_root_"


def _from_path(path: str, separator: str) -> str:
    if path == separator:
        return _ROOT
    key = path.removesuffix(separator)
    if key.startswith(separator):
        key = f"{_ROOT}{separator}{key.removeprefix(separator)}"
    return key.replace(separator, ".")


def _to_path(key: str, separator: str) -> str:
    if key == _ROOT:
        return separator
    is_rooted = key.startswith(f"{_ROOT}.")
    path = key.removeprefix(f"{_ROOT}.").replace(".", separator)
    return separator + path if is_rooted else path


def _each_token(turn: Callable[[str], str], key: str, *, wildcards: bool = False) -> str:
    return ".".join(token if wildcards and token in ("*", ">") else turn(token) for token in key.split("."))


def _to_base64(token: str) -> str:
    return urlsafe_b64encode(token.encode()).decode().rstrip("=")


def _from_base64(token: str) -> str:
    return urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()


def _has_wildcards(pattern: str) -> bool:
    return any(token in ("*", ">") for token in pattern.split("."))
