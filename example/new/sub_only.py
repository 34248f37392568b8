#!/usr/bin/env python3
"""Print each message on the subject "happy": a coroutine. Ends at Ctrl-C, or after --count messages."""

import argparse

from twisted.internet.task import react

import txnats

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--url", default="nats://127.0.0.1:4222")
parser.add_argument("--count", type=int, help="end after so many messages")
options = parser.parse_args()


async def main(reactor):
    client = await txnats.connect(reactor, options.url)
    # Ctrl-C: what has come is still printed, then the loop ends.
    reactor.addSystemEventTrigger("before", "shutdown", client.drain)
    async with client, client.subscribe("happy", max_messages=options.count) as subscription:
        await subscription.ready()
        print("listening on", subscription.subject, flush=True)
        async for message in subscription:
            print("got message", message.subject, message.payload.decode(), flush=True)


react(main)
