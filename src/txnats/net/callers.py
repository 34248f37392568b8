"""Code of the caller's, such as makes a TLS context: what it raises may tell what it was made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..errors import NatsError

Value = TypeVar("Value")


def of_the_caller(call: Callable[[], Value], error: Callable[[str], NatsError]) -> Value:
    """What it gives. What it raises is shown by its kind alone, and stands in no chain of errors.

    Args:
        call: The caller's.
        error: Makes ours, from the words for what happened.
    """
    try:
        return call()
    except NatsError:
        raise
    except BaseException as raised:  # noqa: BLE001  # whatever it is
        failure = error(f"raised {type(raised).__name__}")
    raise failure
