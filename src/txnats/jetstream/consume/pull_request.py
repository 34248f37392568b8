"""One pull as the server reads it."""

from __future__ import annotations

import re

import msgspec

from ...errors import InvalidOption
from ...options import check_count
from ..units import to_ns

_GROUP = re.compile(r"[a-zA-Z0-9/_=-]{1,16}\Z")
_encode = msgspec.json.Encoder().encode


class Priority(msgspec.Struct, frozen=True, kw_only=True):
    """How this client pulls from a consumer with priority groups.

    Args:
        group: The group, one of the consumer's ``priority_groups``.
        min_pending: Policy overflow: deliver only while at least so many messages are pending.
        min_ack_pending: Policy overflow: deliver only while at least so many are not acknowledged.
        priority: Policy prioritized: 0 to 9, and the lowest number is served first; 0 is not the same as None.

    Source: ADR-42.
    """

    group: str
    min_pending: int | None = None
    min_ack_pending: int | None = None
    priority: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.group, str) or not _GROUP.match(self.group):
            raise InvalidOption(f"group is {self.group!r:.80}", why="it is 1 to 16 of a-z A-Z 0-9 / _ = -")
        for name in ("min_pending", "min_ack_pending"):
            if getattr(self, name) is not None:
                check_count(name, getattr(self, name))
        priority = self.priority
        if priority is not None and (type(priority) is not int or not 0 <= priority <= 9):
            raise InvalidOption(f"priority is {priority!r:.80}", why="it is 0 to 9")


class _Wire(msgspec.Struct, omit_defaults=True):
    batch: int = 0
    expires: int = 0
    max_bytes: int | None = None
    no_wait: bool = False
    idle_heartbeat: int = 0
    group: str | None = None
    min_pending: int | None = None
    min_ack_pending: int | None = None
    id: str | None = None
    priority: int | None = None


class PullRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What one pull asks for.

    Attributes:
        token: The last token of its reply subject: the statuses of this pull come there.
        batch: Messages.
        expires: Seconds that it may wait at the server; 0 for no limit of its own.
        max_bytes: Bytes, or None.
        heartbeat: Seconds, or 0 for none.
        no_wait: Answer with what is there.
        priority: The group and its rules.
        pin: The id of the pinned client, when it is this one.
    """

    token: int
    batch: int
    expires: float
    max_bytes: int | None = None
    heartbeat: float = 0.0
    no_wait: bool = False
    priority: Priority | None = None
    pin: str | None = None

    def encode(self) -> bytes:
        """The body of the request."""
        expires, heartbeat = to_ns(self.expires), to_ns(self.heartbeat)
        if expires:
            heartbeat = min(heartbeat, expires // 2)  # more is refused, be it by rounding
        wire = _Wire(
            batch=self.batch,
            expires=expires,
            max_bytes=self.max_bytes,
            no_wait=self.no_wait,
            idle_heartbeat=heartbeat,
        )
        if self.priority is not None:
            wire.group = self.priority.group
            wire.min_pending = self.priority.min_pending
            wire.min_ack_pending = self.priority.min_ack_pending
            wire.priority = self.priority.priority
            wire.id = self.pin
        return _encode(wire)
