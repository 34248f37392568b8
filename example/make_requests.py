#!/usr/bin/env python3
"""Send --count requests to "get-response" and tell who answered how many.

Exits with 1 if not every request was answered exactly once within --timeout seconds.
"""

import argparse
import sys
from collections import Counter
from urllib.parse import urlsplit
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol

import txnats

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument(
    "--url", type=lambda url: urlsplit(url if "//" in url else f"//{url}"), default="nats://127.0.0.1:4222"
)
parser.add_argument("--count", type=int, default=100, help="how many requests")
parser.add_argument("--timeout", type=float, default=5.0, help="seconds to wait for the answers")
options = parser.parse_args()
failures = []

inbox = f"_INBOX.{uuid4().hex}"
answers = Counter()  # by request: its number is the last token of its reply subject
shares = Counter()  # by what was answered


def on_answer(nats_protocol, sid, subject, reply_to, payload):
    answers[subject] += 1
    shares[payload.decode()] += 1
    if len(answers) == options.count:
        reactor.stop()


def ask(nats_protocol):
    nats_protocol.sub(f"{inbox}.*", "1", on_msg=on_answer)
    for number in range(options.count):
        nats_protocol.pub("get-response", f"request {number}", reply_to=f"{inbox}.{number}")
    reactor.callLater(options.timeout, reactor.stop)


def give_up(failure):
    failures.append(f"cannot connect: {failure.getErrorMessage()}")
    reactor.callWhenRunning(reactor.stop)  # it may fail before the reactor runs


point = TCP4ClientEndpoint(reactor, options.url.hostname, options.url.port or 4222)
nats_protocol = txnats.io.NatsProtocol(verbose=False, on_connect=ask, own_reactor=True)
connecting = connectProtocol(point, nats_protocol)
connecting.addErrback(give_up)
reactor.run()

for answer, share in sorted(shares.items()):
    print(f"{share:5} times {answer}")
print(f"{len(answers)} of {options.count} requests were answered")
if not failures and list(answers.values()) != [1] * options.count:
    failures.append("not each of them exactly once; does a queue_respond.py run?")
sys.exit(failures[0] if failures else 0)
