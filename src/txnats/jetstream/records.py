"""Requests and answers of JetStream, between the wire's JSON and typed values.

A Record has the wire's field names. Marked fields change on the way: seconds are nanoseconds there, a time is text,
bytes are base64. What an answer says beyond the fields that are known is kept in ``extra`` and is never sent: a server
refuses a request with a field that it does not know.
Source: ADR-1 and the server's JSON.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import datetime
from functools import cache
from types import UnionType
from typing import Annotated, Any, ClassVar, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from ..errors import InvalidArgument, RemoteProtocolError
from .units import Timestamp, format_time, from_ns, to_ns

Seconds = Annotated[float, msgspec.Meta(extra={"wire": "ns"})]
"""Seconds here, whole nanoseconds on the wire."""
Time = datetime
"""A moment; those that come from the wire are ``Timestamp``, to the nanosecond."""


class Record(msgspec.Struct, kw_only=True, frozen=True):
    """A value with the fields of a JSON object on the wire.

    Attributes:
        extra: What the server says in fields that are not known here.
    """

    left_out_when: ClassVar[dict[str, Any]] = {}
    """Fields that are not sent when they have this value: older servers do not know the field."""

    extra: dict[str, Any] = {}


R = TypeVar("R", bound=Record)


class _Field(NamedTuple):
    """How one field travels: its name on the wire, what it becomes there and here."""

    wire: str
    outward: Callable[[Any], Any] | None
    inward: Callable[[Any], Any]


def to_wire(record: Record) -> dict[str, Any]:
    """A record as JSON values. What the server takes for the same as absent (0, false, empty) is left out.

    Raises:
        InvalidArgument: A field cannot be told: seconds that are no number, a time without a zone.
    """
    told = {}
    for name, field in _fields(type(record)).items():
        value = getattr(record, name)
        if value is None or (not value and not isinstance(value, Record)) or value == record.left_out_when.get(name):
            continue
        try:
            told[field.wire] = value if field.outward is None else field.outward(value)
        except (InvalidArgument, TypeError, AttributeError) as error:
            raise InvalidArgument(f"{type(record).__name__}.{name} cannot be sent", why=str(error)) from None
    return told


def encode(record: Record) -> bytes:
    """A record as JSON text.

    Raises:
        InvalidArgument: As ``to_wire``; or text in it cannot be encoded.
    """
    try:
        return msgspec.json.encode(to_wire(record))
    except (UnicodeEncodeError, TypeError) as error:
        raise InvalidArgument(f"{type(record).__name__} cannot be sent", why=str(error)) from None


def from_wire(kind: type[R], told: dict[str, Any]) -> R:
    """A record from JSON values.

    Raises:
        RemoteProtocolError: A field has another type than is known.
    """
    by_name = _by_wire_name(kind)
    known: dict[str, Any] = {}
    extra = {}
    for name, value in told.items():
        entry = by_name.get(name)
        if entry is None:
            extra[name] = value
        elif value is not None:
            try:
                known[entry[0]] = entry[1](value)
            except (msgspec.ValidationError, ValueError, TypeError, AttributeError) as error:
                raise RemoteProtocolError(f"{name!r} in JetStream's {kind.__name__} cannot be read: {error}") from None
    try:
        return kind(**known, extra=extra)
    except TypeError as error:
        raise RemoteProtocolError(f"JetStream's {kind.__name__} is not complete: {error}") from None


def decode(kind: type[R], text: bytes) -> R:
    """A record from JSON text.

    Raises:
        RemoteProtocolError: It is no JSON object, or a field has another type than is known.
    """
    return from_wire(kind, decode_object(text))


def decode_object(text: bytes) -> dict[str, Any]:
    """A JSON object as it is.

    Raises:
        RemoteProtocolError: It is none.
    """
    try:
        return _objects.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RemoteProtocolError(f"JetStream's answer cannot be read: {error}", snippet=text) from None


_objects = msgspec.json.Decoder(dict[str, Any])


@cache
def _by_wire_name(kind: type[Record]) -> dict[str, tuple[str, Callable[[Any], Any]]]:
    return {field.wire: (name, field.inward) for name, field in _fields(kind).items()}


@cache
def _fields(kind: type[Record]) -> dict[str, _Field]:
    hints = get_type_hints(kind, include_extras=True)
    return {
        each.name: _Field(each.encode_name, *_way_of(hints[each.name]))
        for each in msgspec.structs.fields(kind)
        if each.name != "extra"
    }


def _way_of(hint: Any) -> tuple[Callable[[Any], Any] | None, Callable[[Any], Any]]:
    """How values of a type go out and come in."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _way_of(next(each for each in get_args(hint) if each is not type(None)))
    if origin is Annotated:
        return to_ns, lambda value: from_ns(msgspec.convert(value, int))
    if hint is datetime:
        return format_time, Timestamp.parse
    if hint is bytes:
        return lambda data: b64encode(data).decode(), b64decode
    if isinstance(hint, type) and issubclass(hint, Record):
        return to_wire, lambda value: from_wire(hint, msgspec.convert(value, dict[str, Any]))
    if origin is list:
        outward, inward = _way_of(get_args(hint)[0])
        if outward is not None:
            return lambda values: [outward(each) for each in values], lambda values: [inward(each) for each in values]
    if origin is dict:
        outward, inward = _way_of(get_args(hint)[1])
        if outward is not None:
            return _each_value(outward), _each_value(inward)
    return None, lambda value: msgspec.convert(value, hint)


def _each_value(way: Callable[[Any], Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda values: {key: way(value) for key, value in values.items()}
