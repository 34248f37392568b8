"""A client and an in-memory server, for tests of the latter."""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import connectProtocol

import txnats
from tests.contract.raw import RawClient
from txnats import events
from txnats.testing import FakeServer, MemoryNetwork


class Stage:
    """A server, its network, and clients of it."""

    def __init__(self, **options: Any) -> None:
        self.network = MemoryNetwork()
        self.clock = self.network.clock
        self.server = FakeServer(self.clock, **options)
        self.happened: list[events.Event] = []
        self.run = self.network.run

    def connect(self, **options: Any) -> txnats.Client:
        endpoint = self.network.endpoint(self.server)
        return self.run(txnats.connect(self.clock, endpoint, on_event=self.happened.append, **options))

    def raw(self) -> RawClient:
        client = RawClient()
        connectProtocol(self.network.endpoint(self.server), client)
        self.network.pump()
        return client

    def has_happened(self, kind: type) -> bool:
        return any(isinstance(event, kind) for event in self.happened)
