"""What a measurement has found: its words, its spread, and how it compares."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..errors import InvalidArgument
from .output import size, span

_SHARES = ((50.0, "p50"), (90.0, "p90"), (99.0, "p99"), (99.9, "p99.9"), (100.0, "most"))


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured.

    Attributes:
        what: The measurement, with its sizes: only equal ones can be compared.
        rate: Messages a second.
        bytes_rate: Bytes of bodies a second.
        cpu_us: Microseconds of this process's CPU a message.
        times: Seconds of each request; empty where none was asked.
    """

    what: str
    rate: float
    bytes_rate: float
    cpu_us: float
    times: list[float] = msgspec.field(default_factory=list)

    def percentiles(self) -> dict[str, float]:
        """Seconds by share of the requests."""
        ordered = sorted(self.times)
        last = len(ordered) - 1
        return {name: ordered[min(last, round(share / 100 * last))] for share, name in _SHARES} if ordered else {}

    def words(self, earlier: Figures | None) -> dict[str, str | int]:
        """As people read them, beside an earlier run if there is one."""
        told: dict[str, str | int] = {
            "measured": self.what,
            "messages/s": round(self.rate),
            "data/s": size(self.bytes_rate),
            "CPU a message": span(self.cpu_us / 1e6),
            **{name: span(seconds) for name, seconds in self.percentiles().items()},
        }
        if earlier is not None:
            rate, cpu = _change(self.rate, earlier.rate), _change(self.cpu_us, earlier.cpu_us)
            told["against the saved run"] = f"rate {rate}, CPU {cpu}"
        return told

    def fields(self, earlier: Figures | None) -> dict[str, Any]:
        """As JSON has them; ``compared`` are ratios to an earlier run."""
        names = ("what", "rate", "bytes_rate", "cpu_us")
        told: dict[str, Any] = {name: getattr(self, name) for name in names}
        told["percentiles"] = self.percentiles()
        if earlier is not None:
            told["compared"] = {
                "rate": self.rate / max(earlier.rate, 1e-9),
                "cpu_us": self.cpu_us / max(earlier.cpu_us, 1e-9),
            }
        return told


def read(path: Path, what: str) -> Figures:
    """The figures of an earlier run of the same measurement.

    Raises:
        InvalidArgument: They are no such figures.
    """
    try:
        earlier = msgspec.json.decode(path.read_bytes(), type=Figures)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidArgument("the saved figures cannot be read", where=str(path), why=str(error)) from None
    if earlier.what != what:
        raise InvalidArgument(f"this measured {what}", where=str(path), why=f"the saved run measured {earlier.what}")
    return earlier


def histogram(times: Sequence[float], bars: int = 10, width: int = 40) -> list[str]:
    """The spread of the times, as lines of blocks; times grow by equal factors."""
    if len(times) < 2:
        return []
    least, most = max(min(times), 1e-9), max(times)
    factor = (most / least) ** (1 / bars) if most > least else 1.0
    counts = [0] * bars
    edge = [least * factor ** (index + 1) for index in range(bars)]
    for each in times:
        counts[next((index for index in range(bars) if each <= edge[index]), bars - 1)] += 1
    top = max(counts)
    return [
        f"  {span(edge[index]):>9} {('█' * round(count / top * width)).ljust(1)} {count:,}"
        for index, count in enumerate(counts)
    ]


def _change(now: float, before: float) -> str:
    return f"{(now / before - 1) * 100:+.1f} %" if before else "new"
