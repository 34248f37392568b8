#!/usr/bin/env python3
"""Answer each request on the subject "get-response": with callbacks. Ends at Ctrl-C, or after --count answers."""

import argparse
import os

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


def main(reactor):
    def connected(client):
        reactor.addSystemEventTrigger("before", "shutdown", client.drain)
        subscription = client.subscribe("get-response", respond, max_messages=options.count)
        ready = subscription.ready()
        ready.addCallback(lambda _: print(f"{options.id} answers on get-response", flush=True))
        ready.addCallback(lambda _: subscription.when_done())
        ready.addCallback(lambda _: client.drain())
        return ready

    return txnats.connect(reactor, options.url).addCallback(connected)


react(main)
