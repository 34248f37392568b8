"""Feed a subscriber faster than it can read: ready-made blocks of PUB commands through a bare socket."""

from __future__ import annotations

import socket

from bench import raw
from bench.job import HEADERS, Job
from bench.peers import measure

BLOCK_SIZE = 256 * 1024


def feed(wire: socket.socket, job: Job) -> None:
    """Publish the warm-up and the measured messages, as fast as the server reads."""
    command = raw.publish_command(job.subject, job.payload, HEADERS if job.headers else None)
    per_block = max(1, BLOCK_SIZE // len(command))
    blocks, rest = divmod(job.warm + job.count, per_block)
    block = command * per_block
    for _ in range(blocks):
        wire.sendall(block)
    wire.sendall(command * rest)
    raw.settle(wire)


if __name__ == "__main__":
    orders = measure.job()
    with raw.dial(orders.url, orders.ca) as connection:
        feed(connection, orders)
