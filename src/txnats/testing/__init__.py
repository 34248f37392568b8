"""What tests of programs that use NATS need: a server in memory, and a proxy that makes trouble.

No socket, no waiting, the same each time::

    network = MemoryNetwork()
    server = FakeServer(network.clock)
    server.answer("greet", b"hello")
    client = network.run(txnats.connect(network.clock, network.endpoint(server)))
    assert network.run(client.request("greet")).payload == b"hello"
    network.advance(60.0)

``txnats.testing.samples`` holds strategies for hypothesis, and is imported by itself, since it needs that package.
"""

from .answers import Reply
from .fake_connection import FakeConnection
from .fake_server import FakeServer
from .faults import Faults
from .memory import MemoryEndpoint, MemoryNetwork, Stalled
from .pipe import Direction
from .proxy import ChaosProxy
from .subscribers import at_random, in_turn

__all__ = [
    "ChaosProxy",
    "Direction",
    "FakeConnection",
    "FakeServer",
    "Faults",
    "MemoryEndpoint",
    "MemoryNetwork",
    "Reply",
    "Stalled",
    "at_random",
    "in_turn",
]
