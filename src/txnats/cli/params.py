"""What options are given as: times, sizes, moments."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from ..secret import Secret


class Seconds(click.ParamType[float]):
    """A time: ``500ms``, ``2s``, ``1.5m``, ``3h``, ``7d``, or a number of seconds."""

    name = "time"
    _UNITS = (("ms", 0.001), ("us", 1e-6), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, (int, float)):
            return float(value)
        number, factor = value, 1.0
        for unit, seconds in self._UNITS:
            if value.endswith(unit):
                number, factor = value[: -len(unit)], seconds
                break
        found = _number(number)
        if found is None:
            self.fail(f"{value!r} is no time: say 500ms, 2s, 1.5m, 3h or 7d", param, ctx)
        return found * factor


class Size(click.ParamType[int]):
    """A number of bytes: ``512``, ``64KB``, ``1MiB``, ``2G``; each unit is 1,024 of the one before."""

    name = "size"
    _UNITS = (("", 1), ("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30), ("t", 1 << 40))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        text = value.lower().removesuffix("ib").removesuffix("b")
        unit = text[-1:] if text[-1:] in "kmgt" else ""
        found = _number(text.removesuffix(unit))
        if found is None:
            self.fail(f"{value!r} is no size: say 512, 64KB or 1MB", param, ctx)
        return int(found * dict(self._UNITS)[unit])


class Moment(click.ParamType[datetime]):
    """A moment: ``2030-01-01T00:00:00Z``, or a time from now, as ``10m``."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            return found if found.tzinfo is not None else found.astimezone()
        try:
            return datetime.now(UTC) + timedelta(seconds=Seconds().convert(value, param, ctx))
        except (click.BadParameter, OverflowError):
            self.fail(f"{value!r} is no moment: say 2030-01-01T00:00:00Z, or 10m from now", param, ctx)


def _number(text: str) -> float | None:
    """A number that can be counted with, and not below 0."""
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None


class Hidden(click.ParamType[Secret]):
    """A text that may hold a secret. On the command line itself everybody on the machine can read it."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Secret:
        return value if isinstance(value, Secret) else Secret(value or "")
