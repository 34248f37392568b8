#!/usr/bin/env python3
"""Publish on "happy" for sub_only.py, and ask on "get-response", which respond.py answers: with inlineCallbacks."""

import argparse

from twisted.internet.defer import inlineCallbacks
from twisted.internet.task import react

import txnats

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--url", default="nats://127.0.0.1:4222")
options = parser.parse_args()


@inlineCallbacks
def main(reactor):
    client = yield txnats.connect(reactor, options.url)
    client.publish("happy", "Happy is who can share.")
    print("published on happy")
    try:
        answer = yield client.request("get-response", "Anybody there?")
        print("got answer", answer.payload.decode())
    except txnats.RequestFailed as error:
        raise SystemExit(str(error)) from None
    finally:
        yield client.drain()


react(main)
