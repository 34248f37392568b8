"""What one measured program has to do, told as ``name=value`` words that every language can read."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

BYTES_BETWEEN_CHECKS = 256 * 1024
MESSAGES_BETWEEN_CHECKS = 256
HEADERS = {"Trace-Id": "4bf92f3577b34da6", "Kind": "sample"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One program's orders.

    Attributes:
        url: The server's; with ``tls://`` the connection is upgraded after INFO.
        ca: The file with the certificate to trust there.
        warm: Messages before the measured ones.
        count: Messages that are measured.
        size: Payload bytes of a message.
        headers: 1 when each message carries ``HEADERS``.
        handler: "plain" or "async", for a client that knows both.
        in_flight: Requests that are unanswered at a time.
    """

    url: str = ""
    ca: str = ""
    subject: str = "bench.subject"
    size: int = 16
    warm: int = 0
    count: int = 1
    headers: int = 0
    handler: str = "plain"
    in_flight: int = 1

    @property
    def payload(self) -> bytes:
        """A payload of the wanted size; it holds no line end."""
        return b"x" * self.size

    @property
    def messages_between_checks(self) -> int:
        """How many messages a publisher sends before it asks for room again."""
        return max(1, min(MESSAGES_BETWEEN_CHECKS, BYTES_BETWEEN_CHECKS // max(1, self.size)))

    def words(self) -> list[str]:
        """The job as command-line words."""
        return [f"{field.name}={getattr(self, field.name)}" for field in fields(self)]

    @classmethod
    def read(cls, words: list[str]) -> Job:
        """The job that ``words`` told of.

        Raises:
            ValueError: A word is no ``name=value``, or its name is unknown.
        """
        usual = cls()
        told: dict[str, Any] = {}
        for word in words:
            name, equals, value = word.partition("=")
            if not equals or name not in cls.__slots__:
                raise ValueError(f"not a word of a job: {word!r}")
            told[name] = type(getattr(usual, name))(value)
        return cls(**told)
