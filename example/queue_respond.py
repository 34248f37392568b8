#!/usr/bin/env python3
"""Share the requests on "get-response" with all who run this program. Ends at Ctrl-C, or after --count answers."""

import argparse
import os
import sys
from urllib.parse import urlsplit

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol

import txnats

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument(
    "--url", type=lambda url: urlsplit(url if "//" in url else f"//{url}"), default="nats://127.0.0.1:4222"
)
parser.add_argument("--id", default=os.getpid(), help="who answers; by default the number of this process")
parser.add_argument("--count", type=int, default=-1, help="end after so many answers")
options = parser.parse_args()
failures = []


def respond_on_msg(nats_protocol, sid, subject, reply_to, payload):
    if reply_to:
        nats_protocol.pub(reply_to, f"Roger, from {options.id}!")
        print("answered", payload.decode(), flush=True)
        options.count -= 1
        if options.count == 0:
            reactor.stop()


def listen(nats_protocol):
    nats_protocol.sub("get-response", "6", queue_group="excelsior", on_msg=respond_on_msg)
    print(f"{options.id} answers on get-response for excelsior", flush=True)


def give_up(failure):
    failures.append(f"cannot connect: {failure.getErrorMessage()}")
    reactor.callWhenRunning(reactor.stop)  # it may fail before the reactor runs


point = TCP4ClientEndpoint(reactor, options.url.hostname, options.url.port or 4222)
nats_protocol = txnats.io.NatsProtocol(verbose=False, on_connect=listen, own_reactor=True)
connecting = connectProtocol(point, nats_protocol)
connecting.addErrback(give_up)
reactor.run()
sys.exit(failures[0] if failures else 0)
