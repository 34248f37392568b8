"""Keys and values on their way through a codec, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from . import naming
from .codecs import PLAIN, Codec
from .entry import Entry
from .errors import CodecFailed, InvalidKey


class Coding:
    """What a bucket's codec does, and the checks that no key gets around.

    Args:
        bucket: The bucket's name, for errors.
        codec: What turns keys and values.
    """

    __slots__ = ("_bucket", "_codec", "_is_plain")

    def __init__(self, bucket: str, codec: Codec = PLAIN) -> None:
        self._bucket = bucket
        self._codec = codec
        self._is_plain = codec is PLAIN

    def key(self, key: str) -> str:
        """A key as the bucket holds it.

        Raises:
            InvalidKey: It is none.
        """
        return naming.check_key(key if self._is_plain else _text(self._codec.encode_key, key))

    def filters(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Filters as the bucket has them; all keys for none.

        Raises:
            InvalidKey: One is none.
        """
        return naming.check_filters(tuple(_text(self._codec.filter, each) for each in keys))

    def value(self, value: bytes | str) -> bytes | str:
        """A value as the bucket holds it."""
        if self._is_plain:
            return value
        return self._codec.encode_value(value.encode() if isinstance(value, str) else value)

    def decoded(self, entry: Entry) -> Entry:
        """An entry that was asked for by its key, which it has already.

        Raises:
            CodecFailed: The codec cannot have written it.
        """
        return entry if self._is_plain else self._decoded(entry, entry.key)

    def decoded_with_key(self, entry: Entry) -> Entry:
        """An entry as it came. As ``decoded``."""
        return entry if self._is_plain else self._decoded(entry, self.decoded_key(entry))

    def decoded_key(self, entry: Entry) -> str:
        """The key of an entry as it came.

        Raises:
            CodecFailed: The codec cannot have written it.
        """
        try:
            return entry.key if self._is_plain else self._codec.decode_key(entry.key)
        except Exception as error:  # the caller's own function
            raise CodecFailed(self._bucket, entry.key, "key", error) from error

    def _decoded(self, entry: Entry, key: str) -> Entry:
        if not entry.value:
            return msgspec.structs.replace(entry, key=key)
        try:
            value = self._codec.decode_value(entry.value)
        except Exception as error:  # the caller's own function
            raise CodecFailed(self._bucket, entry.key, "value", error) from error
        return msgspec.structs.replace(entry, key=key, value=value, size=len(value))


def _text(turn: Callable[[str], str], text: str) -> str:
    if not isinstance(text, str):
        raise InvalidKey(text, f"a key is a str, not {type(text).__name__}")
    return turn(text)
