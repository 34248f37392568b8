"""Does a consumer still exist? Asked when the server is silent or says that nobody is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from ...errors import NatsError
from ..base import JetStreamBase
from ..errors import ConsumerNotFound, StreamNotFound

ASK_TIMEOUT = 2.0


class Existence:
    """Asks for a consumer, once at a time.

    Args:
        js: Where it is.
        name: ``<stream>.<consumer>``.
        gone: Called with the error when it, or its stream, does not exist.
        unknown: Called when nobody could tell.
    """

    def __init__(
        self, js: JetStreamBase, name: str, gone: Callable[[NatsError], None], unknown: Callable[[], None] | None = None
    ) -> None:
        self._js = js
        self._name = name
        self._gone = gone
        self._unknown = unknown
        self._asking: Deferred[Any] | None = None
        self._over = False

    def ask(self) -> None:
        """Ask, if no answer is awaited."""
        if self._asking is None and not self._over:
            self._asking = asking = self._js.api.call("CONSUMER.INFO." + self._name, timeout=ASK_TIMEOUT)
            asking.addCallbacks(self._exists, self._failed)

    def stop(self) -> None:
        """The answer matters no more."""
        self._over = True
        if self._asking is not None:
            self._asking.cancel()

    def _exists(self, _: object) -> None:
        self._asking = None

    def _failed(self, failure: Failure) -> None:
        self._asking = None
        failure.trap(NatsError, CancelledError)
        if self._over:
            return
        if isinstance(failure.value, (ConsumerNotFound, StreamNotFound)):
            self._gone(failure.value)
        elif self._unknown is not None:
            self._unknown()
