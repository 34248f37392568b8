"""P6: a request has exactly one outcome."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

import txnats
from tests.promises.promise import Promise, reactor, sized, turns, until
from txnats import Message

IN_FLIGHT = 500


@pytest.mark.usefixtures("make_server")
class Requests(Promise):
    @sized
    async def test_p6_one_outcome(self, requests: int, reconnects: int) -> None:
        """Two responders answer each after a random time, one in a hundred is cancelled, one has no responder."""
        server = self.make_server()
        chance = random.Random(6)
        requester = await self.client(server.url, request_timeout=1.0)
        responder = await self.client(server.url)

        def answer(message: Message) -> None:
            reactor.callLater(chance.random() * 0.02, message.respond, message.payload)

        for _ in range(2):
            responder.subscribe("ask", answer)
        await responder.flush()
        outcomes: list[list[str]] = []
        open_ones = 0
        cuts = {requests * (cut + 1) // (reconnects + 1) for cut in range(reconnects)}

        def outcome(result: Message | Failure, number: int, into: list[str]) -> None:
            nonlocal open_ones
            open_ones -= 1
            if isinstance(result, Message):
                into.append("reply" if result.payload == b"%d" % number else "wrong reply")
            elif isinstance(result.value, txnats.RequestTimeout):
                into.append("timeout after a loss" if result.value.link_lost else "timeout")
            else:
                into.append("cancelled" if result.check(CancelledError) else type(result.value).__name__)

        for number in range(requests):
            kind = number % 100
            request: Deferred[Message] = requester.request("nobody" if kind == 1 else "ask", b"%d" % number)
            into: list[str] = []
            outcomes.append(into)
            open_ones += 1
            request.addBoth(outcome, number, into)
            if kind == 2:
                reactor.callLater(chance.random() * 0.01, request.cancel)
            if number in cuts:
                requester.reconnect()
            if open_ones >= IN_FLIGHT:
                await until(lambda: open_ones < IN_FLIGHT)  # noqa: B023
            elif number % 20 == 0:
                await turns()
        await until(lambda: open_ones == 0)
        await until(lambda: not responder._session.outbox.size)
        await turns(0.03)  # second replies that are still on their way
        await requester.flush()
        counts = Counter(each for into in outcomes for each in into)
        self.tell(
            requests=requests,
            reconnects=requester.statistics.reconnects,
            outcomes=dict(counts),
            twice=sum(len(into) > 1 for into in outcomes),
            never=sum(not into for into in outcomes),
            table=requester.statistics.requests,
        )
        assert [len(into) for into in outcomes] == [1] * requests
        assert set(counts) <= {"reply", "cancelled", "NoResponders", "timeout after a loss"}
        assert counts["NoResponders"] > requests // 200
        assert counts["cancelled"] > 0
        assert requester.statistics.requests == 0
