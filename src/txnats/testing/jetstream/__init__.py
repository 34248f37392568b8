"""JetStream in the memory of a test: streams, pull consumers, key-value buckets; and whatever a test wants refused.

::

    world = World()
    orders = world.jetstream.add_stream("ORDERS", ["orders.>"])
    worker = orders.add_consumer("worker")
    orders.add("orders.1", b"tea")
    ...  # the program under test fetches and acknowledges
    assert worker.acked == [1]

It follows nats-server 2.15 in what it knows, and refuses the rest by name; the same stories hold both to it.
"""

from .consumer import FakeConsumer, Settlement
from .refusals import refusal
from .server import FakeJetStream
from .stored import Stored
from .stream import FakeStream

__all__ = ["FakeConsumer", "FakeJetStream", "FakeStream", "Settlement", "Stored", "refusal"]
