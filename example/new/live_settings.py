#!/usr/bin/env python3
"""Print the settings in a bucket, and each change as it comes. Ends at Ctrl-C, or after --count changes."""

import argparse

from twisted.internet.defer import Deferred
from twisted.internet.task import react

import txnats
from txnats import kv
from txnats.jetstream import JetStream

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--url", default="nats://127.0.0.1:4222")
parser.add_argument("--bucket", default="settings", help="it is made if it is not there")
parser.add_argument("--count", type=int, help="end after so many changes")
options = parser.parse_args()


async def main(reactor):
    client = await txnats.connect(reactor, options.url)
    reactor.addSystemEventTrigger("before", "shutdown", client.drain)
    bucket = await kv.create_or_update(JetStream(client), kv.BucketConfig(options.bucket))
    settings = {}
    enough = Deferred()
    changes = None  # not counted before all is there

    def changed(item):
        nonlocal changes
        if item is kv.END_OF_INITIAL:
            changes = 0
            print("settings:", settings, flush=True)
            return
        if item.is_deleted:
            settings.pop(item.key, None)
        else:
            settings[item.key] = item.value.decode()
        if changes is not None:
            changes += 1
            print("now:", settings, flush=True)
            if changes == options.count:
                enough.callback(None)

    bucket.watch(handler=changed, marker=True)
    await enough
    await client.drain()


react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
