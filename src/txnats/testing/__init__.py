"""What tests of programs that use NATS need: a server in memory, and a proxy that makes trouble.

No socket, no waiting, the same each time::

    world = World()
    world.server.answer("greet", b"hello")
    client = world.run(world.connect())
    assert world.run(client.request("greet")).payload == b"hello"
    world.advance(60.0)
    world.close()

``World.jetstream`` is a JetStream to it: see ``txnats.testing.jetstream``.
``txnats.testing.fixtures`` gives that to pytest, ``txnats.testing.trial`` to trial.
``txnats.testing.samples`` holds strategies for hypothesis, and is imported by itself, since it needs that package.
"""

from .answers import Reply
from .fake_connection import FakeConnection
from .fake_server import FakeServer
from .faults import TROUBLES, Faults
from .memory import MemoryEndpoint, MemoryNetwork, Stalled
from .pipe import Direction
from .proxy import ChaosProxy
from .subscribers import at_random, in_turn
from .world import Published, World

__all__ = [
    "TROUBLES",
    "ChaosProxy",
    "Direction",
    "FakeConnection",
    "FakeServer",
    "Faults",
    "MemoryEndpoint",
    "MemoryNetwork",
    "Published",
    "Reply",
    "Stalled",
    "World",
    "at_random",
    "in_turn",
]
