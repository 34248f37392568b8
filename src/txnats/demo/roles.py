"""What each process of the demo does once it is connected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import ceil
from time import perf_counter
from typing import Protocol

from twisted.internet.defer import Deferred, FirstError, gatherResults

from txnats import Client, Message
from txnats.demo.notes import Asked, Handled, Note, Progress, Ready

QUEUE = "responders"
IN_FLIGHT = 16
_PROGRESS_NOTES = 50


class Boss(Protocol):
    """Whoever started this process."""

    @property
    def told_to_end(self) -> Deferred[None]: ...
    def say(self, note: Note) -> None: ...


async def respond(client: Client, subject: str, name: str, boss: Boss) -> None:
    """Answer, with our name, the requests that the queue group leaves to us."""
    await _listen(client, subject, QUEUE, lambda message: message.respond(name), boss)


async def watch(client: Client, subject: str, boss: Boss) -> None:
    """Count every request: whoever is in no group gets a copy of each."""
    await _listen(client, subject, None, lambda _: None, boss)


async def _listen(
    client: Client, subject: str, queue: str | None, handler: Callable[[Message], None], boss: Boss
) -> None:
    subscription = client.subscribe(subject, handler, queue=queue)
    await subscription.ready()
    boss.say(Ready())
    await boss.told_to_end
    drained = await subscription.drain()
    boss.say(Handled(drained.handled))


async def request(client: Client, subject: str, count: int, boss: Boss) -> None:
    """Ask so many times, a few at a time, and measure.

    Raises:
        NatsError: A request was not answered; no further one was sent.
    """
    by: Counter[str] = Counter()
    took: list[float] = []
    numbers = iter(range(count))

    async def ask_on() -> None:
        for number in numbers:
            asked = perf_counter()
            reply = await client.request(subject, str(number))
            took.append(perf_counter() - asked)
            by[reply.payload.decode()] += 1
            if len(took) % max(1, count // _PROGRESS_NOTES) == 0:
                boss.say(Progress(dict(by)))

    began = perf_counter()
    asking = gatherResults([Deferred.fromCoroutine(ask_on()) for _ in range(IN_FLIGHT)], consumeErrors=True)
    boss.told_to_end.addCallback(lambda _: asking.cancel())
    try:
        await asking
    except FirstError as first:
        first.subFailure.raiseException()
    seconds = perf_counter() - began
    took.sort()
    boss.say(Asked(dict(by), seconds, took[ceil(count * 0.5) - 1], took[ceil(count * 0.99) - 1]))
