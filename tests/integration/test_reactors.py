"""Other reactors, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from txnats.server import NatsServer

PROGRAM = """
import sys
from twisted.internet import {module}
{module}.install()
from twisted.internet import reactor, task
import txnats

async def main(reactor):
    async with await txnats.connect(reactor, sys.argv[1]) as client:
        client.subscribe("svc.{module}", lambda message: message.respond(message.payload[::-1]))
        reply = await client.request("svc.{module}", b"abc")
        await client.rtt()
        many = await client.request_many("svc.{module}", b"x", max_messages=1).collect()
    assert reply.payload == b"cba", reply
    assert len(many) == 1
    assert type(reactor).__module__.endswith("{module}"), reactor
    left = reactor.getDelayedCalls()
    assert not left, left
    print("good")

task.react(main)
"""

ASYNCIO = """
import asyncio, sys
from twisted.internet import asyncioreactor
loop = asyncio.new_event_loop()
asyncioreactor.install(loop)
from twisted.internet import reactor
from twisted.internet.defer import Deferred
import txnats

async def work(number):
    await asyncio.sleep(0)
    return number

async def main():
    client = await txnats.connect(reactor, sys.argv[1]).asFuture(loop)

    async def handler(message):
        result = await Deferred.fromFuture(asyncio.ensure_future(work(int(message.payload))))
        message.respond(str(result * 2))

    client.subscribe("double", handler, concurrency=10)
    replies = await asyncio.gather(*[client.request("double", str(n)).asFuture(loop) for n in range(20)])
    assert [int(reply.payload) for reply in replies] == [n * 2 for n in range(20)]

    stuck = []
    async def cancelled(message):
        stuck.append(message)
        if len(stuck) == 1:
            task = asyncio.ensure_future(asyncio.sleep(100))
            loop.call_soon(task.cancel)
            await Deferred.fromFuture(task)
        message.respond("alive")

    client.subscribe("cancelled", cancelled)
    first = client.request("cancelled", timeout=0.5)
    first.addErrback(lambda failure: None)
    second = await client.request("cancelled", timeout=2).asFuture(loop)
    assert second.payload == b"alive"
    await client.drain(timeout=2).asFuture(loop)
    print("good")
    reactor.stop()

async def guarded():
    try:
        await main()
    except BaseException:
        import traceback
        traceback.print_exc()
        reactor.stop()

reactor.callWhenRunning(lambda: loop.create_task(guarded()))
reactor.run()
"""


def run(program: str, *arguments: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:txnats", "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Unhandled" not in ran.stderr, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("module", ["epollreactor", "selectreactor", "pollreactor", "asyncioreactor"])
def test_connect_works_on_every_reactor(module: str, nats_server: NatsServer) -> None:
    assert run(PROGRAM.format(module=module), nats_server.url) == "good\n"


def test_an_asyncio_program(nats_server: NatsServer) -> None:
    out = run(ASYNCIO, nats_server.url)
    assert "good" in out


def test_importing_installs_no_reactor() -> None:
    out = run("import sys, txnats; print('twisted.internet.reactor' in sys.modules)")
    assert out == "False\n"


def test_an_infinite_timeout_does_not_stall_the_reactor(nats_server: NatsServer) -> None:
    program = """
import sys
from twisted.internet import reactor, task
import txnats

async def main(reactor):
    client = await txnats.connect(reactor, sys.argv[1])
    client.subscribe("never", lambda message: None)
    try:
        waiting = client.request("never", timeout=float("inf"))
        waiting.addErrback(lambda failure: failure.trap(txnats.NatsError) and None)
    except txnats.InvalidArgument:
        pass
    await client.rtt(timeout=2)
    await client.rtt(timeout=2)
    await client.close()
    print("good")

task.react(main)
"""
    assert run(program, nats_server.url) == "good\n"
