"""An answer that one thread waits for and the reactor's thread gives."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from ..errors import OperationTimeout


class Answer:
    """What comes of one call.

    Args:
        name: How errors call it.
        timeout: Seconds for it, besides what the call itself was given; None without an end.
    """

    __slots__ = ("_deferred", "_error", "_given", "_left", "_name", "_result", "_timeout")

    def __init__(self, name: str, timeout: float | None) -> None:
        self._name = name
        self._timeout = timeout
        self._given = Event()
        self._left = False
        self._deferred: Deferred[Any] | None = None
        self._result: Any = None
        self._error: BaseException | None = None

    # In the reactor's thread

    def begin(self, clock: IReactorTime, function: Callable[[], Any]) -> None:
        """Make the call."""
        if self._left:
            return
        try:
            result = function()
        except BaseException as error:  # whoever waits raises it
            self.fail(error)
            return
        if not isinstance(result, Deferred):
            self._give(result)
            return
        self._deferred = result
        if self._timeout is not None:
            result.addTimeout(self._timeout, clock, self._timed_out)
        result.addCallbacks(self._give, self._failed)

    def fail(self, error: BaseException) -> None:
        """It has no result; unless it has one."""
        if not self._given.is_set():
            self._error = error
            self._given.set()

    def leave(self) -> None:
        """Nobody waits any more."""
        self._left = True
        if self._deferred is not None:
            self._deferred.cancel()

    def _give(self, result: Any) -> None:
        self._result = result
        self._given.set()

    def _failed(self, failure: Failure) -> None:
        self.fail(failure.value or RuntimeError("a failure without an exception"))

    def _timed_out(self, _: object, seconds: float) -> Failure:
        return Failure(OperationTimeout(self._name, timeout=seconds))

    # In the thread that waits

    def wait(self) -> None:
        """Until it is there. A KeyboardInterrupt ends it."""
        self._given.wait()

    def result(self) -> Any:
        """The result, or the error raised."""
        if self._error is not None:
            raise self._error
        return self._result
