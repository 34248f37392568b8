"""Schedules: messages that a stream holds and publishes later, once or again and again.

Source: ADR-51.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TypeAlias

from ...errors import InvalidArgument
from ...subjects import as_text, check_publish
from ..errors import NoStreamForSubject
from ..records import Record
from ..units import format_time
from .headers import Ttl, ttl_text
from .outgoing import NamesRequest, Outgoing

SCHEDULE = "Nats-Schedule"
TARGET = "Nats-Schedule-Target"
PRODUCED_TTL = "Nats-Schedule-TTL"
SOURCE = "Nats-Schedule-Source"
TIME_ZONE = "Nats-Schedule-Time-Zone"
ROLLUP = "Nats-Schedule-Rollup"
SCHEDULER = "Nats-Scheduler"
NEXT = "Nats-Schedule-Next"

ONCE_LEVEL, OFTEN_LEVEL = 2, 4

When: TypeAlias = datetime | timedelta | str
"""Once at a moment, again and again after a span of time, or by a cron pattern."""

_NAMED = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_CRON_FIELDS = 6
_CRON_FIELD = re.compile(r"[0-9A-Za-z*?/,-]+")


def when_text(when: When) -> str:
    """A time or pattern as a server reads it.

    Raises:
        InvalidArgument: A moment without a time zone, a span below a second, or no pattern.
    """
    match when:
        case datetime():
            return f"@at {format_time(when)}"
        case timedelta():
            if when < timedelta(seconds=1):
                raise InvalidArgument("a schedule repeats after a second at the least")
            return f"@every {when // timedelta(microseconds=1)}us"
        case str():
            fields = when.split()
            if when in _NAMED or (len(fields) == _CRON_FIELDS and all(map(_CRON_FIELD.fullmatch, fields))):
                return " ".join(fields)
            raise InvalidArgument(
                f"{when!r:.80} is no cron pattern",
                why="it has six fields: second, minute, hour, day, month, day of the week",
                hint="or one of " + ", ".join(sorted(_NAMED)),
            )
    raise InvalidArgument(
        f"a schedule is a datetime, a timedelta or a cron pattern, not {type(when).__name__}",
        hint="timedelta(seconds=...) repeats; datetime.now(UTC) + timedelta(...) happens once",
    )


def needed_level(when: When, *, source: str | None, time_zone: str | None, rollup: bool) -> int:
    """The API level that a schedule needs: the first servers knew single messages only."""
    plain = source is None and time_zone is None and not rollup
    return ONCE_LEVEL if isinstance(when, datetime) and plain else OFTEN_LEVEL


def schedule_headers(
    target: str, when: When, *, ttl: Ttl | None, source: str | None, time_zone: str | None, rollup: bool
) -> list[tuple[str, str]]:
    """The headers that make a message a schedule.

    Raises:
        InvalidArgument: One of them makes no sense.
    """
    check_publish(target, "schedule messages for")
    if time_zone is not None and not isinstance(when, str):
        raise InvalidArgument("a time zone is for cron patterns only", hint="a datetime has one of its own")
    wanted = (
        (SCHEDULE, when_text(when)),
        (TARGET, target),
        (PRODUCED_TTL, None if ttl is None else ttl_text(ttl)),
        (SOURCE, None if source is None else as_text(check_publish(source, "take messages from"))),
        (TIME_ZONE, time_zone),
        (ROLLUP, "sub" if rollup else None),
    )
    return [(name, value) for name, value in wanted if value is not None]


class _Purge(Record, frozen=True, kw_only=True):
    """What to remove."""

    filter: str


async def cancel_schedule(outgoing: Outgoing, subject: str, *, timeout: float | None) -> bool:
    """As ``JetStream.cancel_schedule``."""
    check_publish(subject, "cancel the schedule at")
    told = await outgoing.api.call("STREAM.NAMES", NamesRequest(subject=subject), timeout=timeout)
    names = told.get("streams") or []
    if not names:
        raise NoStreamForSubject(subject)
    purged = await outgoing.api.call(f"STREAM.PURGE.{names[0]}", _Purge(filter=subject), timeout=timeout)
    return bool(purged.get("purged"))
