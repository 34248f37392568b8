"""P19 and P20: nothing leaves that the caller did not mean, and to see to it costs next to nothing."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import txnats
from tests.client.harness import Net
from tests.promises.promise import Promise, apart, sized
from tests.promises.wire import Command, commands

BAD = [
    "\r\n",
    "\r",
    "\n",
    "\0",
    " ",
    "\t",
    "*",
    ">",
    "",
    ".",
    "..",
    "\r\nPUB evil 0\r\n\r\n",
    "\r\nPING\r\n",
    "\x7f",
    "\x85",
]
BAD += ["\u2028", "é", "a", "b.c", "\x0b", "\x0c", "\x1f", " 5\r\nhello\r\nSUB > 1\r\n", "$SYS", "\udcff"]
EVIL = b"evil"

COST = """
import json, timeit
from txnats.wire import encode
from txnats.subjects import check_publish
heads = encode.PublishHeads(4096)
heads.head("orders.created.eu")
known = heads.plain.get
def best(statement, **names):
    timer = timeit.Timer(statement, globals=names)
    return min(timer.repeat(20, 20_000)) / 20_000 * 1e9
print(json.dumps({
    "known": best("known(subject)", known=known, subject="orders.created.eu"),
    "first": best("check(subject)", check=check_publish, subject="orders.created.eu"),
}))
"""


class Caller(Promise):
    @sized
    async def test_p19_one_command(self, tries: int) -> None:
        """Whatever is given as subject, reply, queue, header or login: one command leaves, or none and an error."""
        chance = random.Random(19)
        net, client = self.connected()
        refused = sent = injected = 0

        def text() -> str:
            return "".join(chance.choice(BAD) for _ in range(chance.randrange(1, 4)))

        def data() -> Any:
            found = text()
            return found if chance.random() < 0.5 else found.encode("utf-8", "surrogateescape")

        calls: list[Callable[[], Any]] = [
            lambda: client.publish(data(), b"x"),
            lambda: client.publish("a", text().encode("utf-8", "surrogateescape"), reply=data()),
            lambda: client.publish("a", b"\r\nPUB evil 0\r\n\r\n"),
            lambda: client.publish("a", b"x", headers={text(): "value"}),
            lambda: client.publish("a", b"x", headers={"Name": text()}),
            lambda: client.publish("a", b"x", headers=[("Name", text()), (text(), text())]),
            lambda: client.subscribe(data()),
            lambda: client.subscribe("a", queue=data()),
            lambda: client.request(data(), b"x", timeout=0.0).addErrback(self.note),
        ]
        for number in range(tries):
            pipe = net.pipe
            before = len(pipe.log)
            self.errors = 0
            try:
                chance.choice(calls)()
            except txnats.InvalidArgument:
                self.errors += 1
            net.settle()
            left = [each for each in commands(bytes(pipe.log[before:])) if not self.is_inbox(each)]
            refused += self.errors > 0
            sent += len(left)
            if len(left) != (self.errors == 0) or any(self.is_evil(each) for each in left):
                injected += 1
                self.tell(example=repr(pipe.log[before:]))
            if number % 500 == 499:
                self.end(net, client)
                net, client = self.connected()
        logins = self.logins(chance, tries // 100)
        self.tell(tries=tries, refused=refused, sent=sent, injected=injected, logins=logins)
        assert injected == 0
        assert sent > tries // 20
        assert refused > tries // 20
        self.end(net, client)

    def connected(self) -> tuple[Net, txnats.Client]:
        """With a server that from now on reads nothing: what was written is what counts."""
        net = Net()
        client = net.client()
        net.server.reads = False
        return net, client

    def end(self, net: Net, client: txnats.Client) -> None:
        net.pipe.unread.clear()
        net.server.reads = True
        net.end(client)

    def note(self, failure: Any) -> None:
        """A request fails by its Deferred: what was wrong with it is an error, that its time is over is none."""
        if failure.check(txnats.InvalidArgument):
            self.errors += 1
        else:
            failure.trap(txnats.RequestTimeout, txnats.NoResponders)

    def is_inbox(self, command: Command) -> bool:
        """The subscription for replies, which the first request makes; and PING."""
        return command.verb == b"PING" or (command.verb == b"SUB" and command.words[0].startswith(b"_INBOX."))

    def is_evil(self, command: Command) -> bool:
        return command.verb not in (b"PUB", b"HPUB", b"SUB") or command.words[0] == EVIL

    def logins(self, chance: random.Random, tries: int) -> int:
        """What is said of oneself goes into one CONNECT."""
        for _ in range(tries):
            texts = ["".join(chance.choice(BAD[:-1]) for _ in range(3)) for _ in range(3)]
            net = Net()
            client = net.client(name=texts[0], auth=txnats.UserPassword(texts[1], texts[2]))
            connect, ping = commands(bytes(net.pipe.log))
            assert (connect.verb, ping.verb) == (b"CONNECT", b"PING")
            fields = json.loads(bytes(net.pipe.log).removeprefix(b"CONNECT ").split(b"\r\n")[0])
            assert [fields["name"], fields["user"], fields["pass"]] == texts
            net.end(client)
        return tries

    @sized
    async def test_p20_cost(self, most_ns: int) -> None:
        """The check of a subject that is in use costs less than this; there is no way to leave it out."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        command = [sys.executable, "-c", COST]
        found = json.loads(await apart(partial(subprocess.check_output, command, env=environment)))
        self.tell(ns_known_subject=round(found["known"], 1), ns_first_use=round(found["first"], 1))
        assert found["known"] < most_ns
