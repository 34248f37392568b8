"""What can go wrong when servers are asked about themselves."""

from __future__ import annotations

from ..errors import NatsError


class MonitoringError(NatsError):
    """A server does not tell what it was asked.

    Attributes:
        code: A number as HTTP has it; 0 when no server has answered.
    """

    def __init__(self, what: str, *, code: int = 0, where: str = "", why: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, why=why, hint=hint)
        self.code = code
