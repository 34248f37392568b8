"""What a test can make go wrong at the in-memory server."""

from __future__ import annotations

import msgspec


class Faults(msgspec.Struct, kw_only=True):
    """Set its fields at any time; each holds for what happens from then on.

    Attributes:
        no_info: Say nothing to a new connection.
        refuse_login: Answer every CONNECT with this ``-ERR`` text and close; ``"Authorization Violation"`` for one.
        withhold_pongs: Answer no PING; what was withheld never comes.
        pong_delay: Seconds that each PONG takes.
    """

    no_info: bool = False
    refuse_login: str | None = None
    withhold_pongs: bool = False
    pong_delay: float = 0.0
