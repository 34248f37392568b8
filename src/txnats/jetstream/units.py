"""Seconds and times, as the wire has them: whole nanoseconds, and RFC 3339 text with up to nine digits of a second."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Self, SupportsIndex, overload

from ..errors import InvalidArgument

_SECOND = 1_000_000_000
_MOST = 2**63 - 1  # the server counts in signed 64 bits
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))", re.ASCII
)


def to_ns(seconds: float) -> int:
    """Seconds as whole nanoseconds, rounded to the nearest.

    Raises:
        InvalidArgument: It is no finite number, or more than the 292 years that a server can count.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds != seconds:  # noqa: PLR0124  # nan
        raise InvalidArgument(f"seconds are a number, not {shown(seconds)}")
    if abs(seconds) > _MOST / _SECOND:
        raise InvalidArgument(f"{shown(seconds)} seconds are too many", why="a server counts up to 292 years")
    return seconds * _SECOND if isinstance(seconds, int) else round(seconds * _SECOND)


def from_ns(nanoseconds: int) -> float:
    """Whole nanoseconds as seconds."""
    return nanoseconds / _SECOND


def shown(value: object) -> str:
    """A wrong value for a text; a number of thousands of digits cannot be printed."""
    try:
        return repr(value)[:80]
    except ValueError:
        return "a huge number"


class Timestamp(datetime):
    """A moment in UTC, to the nanosecond: a ``datetime``, which counts microseconds, and what these leave.

    What is computed from one is a ``datetime`` to the microsecond.

    Attributes:
        nanosecond: 0 to 999, on top of ``microsecond``.
    """

    __slots__ = ("nanosecond",)
    nanosecond: int

    def __new__(  # noqa: PLR0917  # as datetime has it
        cls,
        year: SupportsIndex,
        month: SupportsIndex,
        day: SupportsIndex,
        hour: SupportsIndex = 0,
        minute: SupportsIndex = 0,
        second: SupportsIndex = 0,
        microsecond: SupportsIndex = 0,
        tzinfo: tzinfo | None = None,
        *,
        fold: int = 0,
        nanosecond: int = 0,
    ) -> Self:
        made = super().__new__(cls, year, month, day, hour, minute, second, microsecond, tzinfo, fold=fold)
        made.nanosecond = nanosecond
        return made

    @classmethod
    def from_ns(cls, nanoseconds: int) -> Self:
        """The moment so many nanoseconds after the start of 1970."""
        return cls._with(_EPOCH + timedelta(microseconds=nanoseconds // 1000), nanoseconds % 1000)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The moment that RFC 3339 text tells; None for Go's zero time, the start of the year 1.

        Raises:
            ValueError: It is no such text, or a time that no ``datetime`` can tell.
        """
        match = _RFC3339.fullmatch(text)
        if match is None:
            raise ValueError(f"{text[:64]!r} is no RFC 3339 time")
        *fields, fraction, _, sign, hours, minutes = match.groups()
        year, month, day, hour, minute, second = (int(field) for field in fields)
        digits = ((fraction or "") + "000000000")[:9]
        zone = UTC
        if sign:
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            zone = timezone(-offset if sign == "-" else offset)
        moment = datetime(year, month, day, hour, minute, second, int(digits[:6]), tzinfo=zone)
        if moment == _ZERO and digits == "000000000":
            return None
        return cls._with(moment.astimezone(UTC), int(digits[6:]))

    @classmethod
    def of(cls, moment: datetime) -> Self:
        """A ``datetime`` with a time zone as a Timestamp; a Timestamp keeps its nanoseconds.

        Raises:
            InvalidArgument: It has no time zone, so that it is no one moment.
        """
        if not isinstance(moment, datetime):
            raise InvalidArgument(f"a time is a datetime, not {type(moment).__name__}")
        if moment.utcoffset() is None:
            raise InvalidArgument("a time needs a time zone", hint="datetime.now(UTC), or .astimezone()")
        return cls._with(moment.astimezone(UTC), moment.nanosecond if isinstance(moment, Timestamp) else 0)

    @classmethod
    def _with(cls, moment: datetime, nanosecond: int) -> Self:
        return cls(
            moment.year,
            moment.month,
            moment.day,
            moment.hour,
            moment.minute,
            moment.second,
            moment.microsecond,
            moment.tzinfo,
            nanosecond=nanosecond,
        )

    def to_ns(self) -> int:
        """Nanoseconds since the start of 1970."""
        since = self - _EPOCH
        return (since // _MICROSECOND) * 1000 + self.nanosecond

    def to_text(self) -> str:
        """RFC 3339 in UTC, with no more digits than it needs."""
        text = f"{self:%Y-%m-%dT%H:%M:%S}".rjust(19, "0")
        fraction = f"{self.microsecond:06}{self.nanosecond:03}".rstrip("0")
        return f"{text}.{fraction}Z" if fraction else f"{text}Z"

    if TYPE_CHECKING:  # as of a plain datetime, which is declared for its own class alone

        @overload  # type: ignore[override]
        def __sub__(self, value: datetime, /) -> timedelta: ...
        @overload
        def __sub__(self, value: timedelta, /) -> datetime: ...
        def __sub__(self, value: datetime | timedelta, /) -> datetime | timedelta: ...
        def __add__(self, value: timedelta, /) -> datetime: ...  # type: ignore[override]

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[object, ...]:
        # A function: importing twisted.persisted changes how methods are pickled, and breaks class methods.
        return _moment, (self.to_ns(),)


def _moment(nanoseconds: int) -> Timestamp:
    return Timestamp.from_ns(nanoseconds)


_ZERO = datetime(1, 1, 1, tzinfo=UTC)


def parse_time(text: str) -> Timestamp | None:
    """As ``Timestamp.parse``."""
    return Timestamp.parse(text)


def format_time(moment: datetime) -> str:
    """A moment as RFC 3339 text in UTC; a Timestamp keeps its nanoseconds.

    Raises:
        InvalidArgument: It has no time zone.
    """
    return Timestamp.of(moment).to_text()
