#!/usr/bin/env python3
"""Share the requests on "get-response" with all who run this program: with inlineCallbacks.

Ends at Ctrl-C, or after --count answers.
"""

import argparse
import os

from twisted.internet.defer import inlineCallbacks
from twisted.internet.task import react

import txnats

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--url", default="nats://127.0.0.1:4222")
parser.add_argument("--id", default=os.getpid(), help="who answers; by default the number of this process")
parser.add_argument("--count", type=int, help="end after so many answers")
options = parser.parse_args()


def respond(message):
    if message.reply:
        message.respond(f"Roger, from {options.id}!")
        print("answered", message.payload.decode(), flush=True)


@inlineCallbacks
def main(reactor):
    client = yield txnats.connect(reactor, options.url)
    reactor.addSystemEventTrigger("before", "shutdown", client.drain)
    subscription = client.subscribe("get-response", respond, queue="excelsior", max_messages=options.count)
    yield subscription.ready()
    print(f"{options.id} answers on get-response for excelsior", flush=True)
    yield subscription.when_done()
    yield client.drain()


react(main)
