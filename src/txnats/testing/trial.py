"""For trial: a test case whose tests run in memory, in a time of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from .world import World


class NatsTestCase(SynchronousTestCase):
    """Gives each test a ``World`` as ``self.nats``; a test may be a coroutine function, and never waits.

    ::

        class Prices(NatsTestCase):
            async def test_a_price(self):
                client = await self.nats.connect()
                offer(client)
                self.assertEqual((await client.request("price")).payload, b"2.50")

    Attributes:
        server_options: What the server is told.
        nats: The world of this test.
    """

    server_options: ClassVar[dict[str, Any]] = {}

    def setUp(self) -> None:
        self.nats = World(**self.server_options)
        self.addCleanup(self.nats.close)
        test: Callable[[], Any] = getattr(self, self._testMethodName)
        setattr(self, self._testMethodName, lambda: self._in_memory(test))

    def _in_memory(self, test: Callable[[], Any]) -> None:
        result = test()
        if result is not None:
            self.nats.run(result)
