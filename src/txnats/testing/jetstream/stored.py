"""What a stream in memory holds."""

from __future__ import annotations

import msgspec

from ...headers import Headers
from ...jetstream.units import Timestamp


class Stored(msgspec.Struct, frozen=True):
    """A message in a stream."""

    sequence: int
    subject: str
    payload: bytes
    headers: Headers
    time_ns: int

    @property
    def time(self) -> str:
        """When it was stored, as the wire has it."""
        return Timestamp.from_ns(self.time_ns).to_text()
