"""How long to wait after a whole pass over the servers has failed."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import InvalidOption
from ..options import ReconnectOptions


def check_wait(seconds: float) -> float:
    """Seconds that can be waited, from a rule of the caller's own.

    Raises:
        InvalidOption: They cannot.
    """
    if not 0 <= seconds < float("inf"):
        raise InvalidOption(f"a wait of {seconds!r} seconds", why="it is a number of at least 0")
    return float(seconds)


def wait_after(passes: int, options: ReconnectOptions, jitter: Callable[[], float]) -> float:
    """Seconds before the next pass.

    Args:
        passes: Whole passes that failed in a row; 0 means that a pass is still under way, so there is no wait.
        options: First wait, growth's end, jitter, or the caller's own rule.
        jitter: Gives a number from 0 to 1.
    """
    if passes <= 0:
        return 0.0
    if options.delay is not None:
        return check_wait(options.delay(passes))
    # 2.0**64 is beyond any wait: the exponent is capped so that it cannot overflow.
    wait = min(options.max_wait, options.first_wait * 2.0 ** min(passes - 1, 64))
    return wait * (1.0 + options.jitter * jitter())
