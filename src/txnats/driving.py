"""Run a coroutine at once, up to its first real wait, in a context of its own.

``Deferred.fromCoroutine`` would build a Deferred and its bookkeeping for each message; a handler that does not wait, as
most do not, costs neither here.
"""

from __future__ import annotations

from collections.abc import Coroutine
from contextvars import Context
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


def drive(coroutine: Coroutine[Any, Any, object], context: Context) -> Deferred[object] | None:
    """Start a coroutine.

    Args:
        coroutine: It may await Deferreds and other coroutines.
        context: Every step runs in this one, so that context variables set in one step are there in the next.

    Returns:
        None when it has ended already, else a Deferred of its result. Cancelling that cancels what it waits for.

    Raises:
        Whatever it raised before its first wait.
    """
    # With ``next`` the end needs no exception: twice as fast as ``send``.
    awaited = context.run(next, coroutine.__await__(), _ENDED)
    return None if awaited is _ENDED else _Driven(coroutine, context, awaited).done


_ENDED = object()


class _Driven:
    """A coroutine that waits."""

    __slots__ = ("_awaited", "_context", "_coroutine", "done")

    def __init__(self, coroutine: Coroutine[Any, Any, object], context: Context, awaited: object) -> None:
        self._coroutine = coroutine
        self._context = context
        self.done: Deferred[object] = Deferred(self._cancel)
        self._wait_for(awaited)

    def _wait_for(self, awaited: object) -> None:
        if isinstance(awaited, Deferred):
            self._awaited: Deferred[Any] = awaited
            awaited.addBoth(self._step)
        else:
            self._step(Failure(TypeError(f"a coroutine here awaits Deferreds, not {type(awaited).__name__}")))

    def _step(self, result: object) -> None:
        try:
            if isinstance(result, Failure):
                awaited = self._context.run(result.throwExceptionIntoGenerator, self._coroutine)
            else:
                awaited = self._context.run(self._coroutine.send, result)
        except StopIteration as stop:
            if not self.done.called:
                self.done.callback(stop.value)
        except BaseException:  # as Twisted does: whoever waits must hear of it, whatever it is
            if not self.done.called:
                self.done.errback(Failure())
        else:
            self._wait_for(awaited)

    def _cancel(self, _: Deferred[object]) -> None:
        self._awaited.cancel()
