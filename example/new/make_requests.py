#!/usr/bin/env python3
"""Send --count requests to "get-response", all at once, and tell who answered how many: a coroutine."""

import argparse
from collections import Counter

from twisted.internet.defer import FirstError, gatherResults
from twisted.internet.task import react

import txnats

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--url", default="nats://127.0.0.1:4222")
parser.add_argument("--count", type=int, default=100, help="how many requests")
options = parser.parse_args()


async def main(reactor):
    async with await txnats.connect(reactor, options.url) as client:
        requests = [client.request("get-response", f"request {number}") for number in range(options.count)]
        try:
            answers = await gatherResults(requests, consumeErrors=True)
        except FirstError as first:
            raise SystemExit(str(first.subFailure.value)) from None
    shares = Counter(answer.payload.decode() for answer in answers)
    for answer, share in sorted(shares.items()):
        print(f"{share:5} times {answer}")
    print(f"{len(answers)} of {options.count} requests were answered")


react(main)
