"""What nats-py does in the tests of interop: ``python peer.py VERB URL`` prints what it sees as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import nats
from nats.js.api import ConsumerConfig, StreamConfig


async def write(js: Any) -> object:
    """A stream, messages with headers, and a consumer that has had two of them."""
    await js.add_stream(StreamConfig(name="THEIRS", subjects=["theirs.>"], allow_direct=True, max_age=3600))
    for number in range(5):
        await js.publish(f"theirs.{number}", b"%d" % number, headers={"Number": str(number)})
    await js.add_consumer("THEIRS", ConsumerConfig(durable_name="theirs", ack_wait=20, filter_subject="theirs.>"))
    subscription = await js.pull_subscribe_bind("theirs", "THEIRS")
    for message in await subscription.fetch(2):
        await message.ack_sync()
    return "written"


async def read(js: Any) -> object:
    """What it sees of our stream and consumer, and of our messages."""
    config = (await js.stream_info("OURS")).config
    consumer = (await js.consumer_info("OURS", "ours")).config
    last = await js.get_msg("OURS", 3)
    subscription = await js.pull_subscribe_bind("ours", "OURS")
    messages = await subscription.fetch(3, timeout=5)
    for message in messages:
        await message.ack_sync()
    return {
        "subjects": config.subjects,
        "max_age": config.max_age,
        "discard": config.discard,
        "ack_wait": consumer.ack_wait,
        "backoff": consumer.backoff,
        "got": [last.subject, last.data.decode(), last.headers],
        "messages": [
            [each.subject, each.data.decode(), each.headers, each.metadata.sequence.stream] for each in messages
        ],
    }


async def main(verb: str, url: str) -> None:
    client = await nats.connect(url)
    try:
        print(json.dumps(await {"write": write, "read": read}[verb](client.jetstream())))
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
