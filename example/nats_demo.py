#!/usr/bin/env python3
"""Publish on "happy", which sub_only.py prints, and ask on "get-response", which respond.py answers."""

import argparse
import sys
from urllib.parse import urlsplit
from uuid import uuid4

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol

import txnats

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument(
    "--url", type=lambda url: urlsplit(url if "//" in url else f"//{url}"), default="nats://127.0.0.1:4222"
)
parser.add_argument("--timeout", type=float, default=2.0, help="seconds to wait for the answer")
options = parser.parse_args()
failures = []
inbox = f"_INBOX.{uuid4().hex}"


def on_answer(nats_protocol, sid, subject, reply_to, payload):
    print("got answer", payload.decode())
    reactor.stop()


def demonstrate(nats_protocol):
    nats_protocol.pub("happy", "Happy is who can share.")
    print("published on happy")
    nats_protocol.sub(inbox, "1", on_msg=on_answer)
    nats_protocol.unsub("1", max_msgs=1)
    nats_protocol.pub("get-response", "Anybody there?", reply_to=inbox)
    print("asked on get-response")
    reactor.callLater(options.timeout, give_up, f"nobody answered within {options.timeout:g} s; does a respond.py run?")


def give_up(why):
    failures.append(why)
    reactor.callWhenRunning(reactor.stop)  # it may fail before the reactor runs


point = TCP4ClientEndpoint(reactor, options.url.hostname, options.url.port or 4222)
nats_protocol = txnats.io.NatsProtocol(verbose=False, on_connect=demonstrate, own_reactor=True)
connecting = connectProtocol(point, nats_protocol)
connecting.addErrback(lambda failure: give_up(f"cannot connect: {failure.getErrorMessage()}"))
reactor.run()
sys.exit(failures[0] if failures else 0)
