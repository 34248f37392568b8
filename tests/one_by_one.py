"""A taker of runs for tests that care about messages only."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from txnats.message import Message
from txnats.wire.ops import Op


def one_by_one(deliver: Callable[[Message], object]) -> Callable[[list[Op], int], int]:
    """What a Connection delivers by, taking just the message that it is shown."""

    def take(ops: list[Op], at: int) -> int:
        deliver(cast(Message, ops[at]))
        return at + 1

    return take
