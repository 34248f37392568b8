"""The demo itself: who is started when."""

from __future__ import annotations

from typing import Any, TypeVar

import txnats
from txnats.demo.notes import Asked, Handled, Note, Ready
from txnats.demo.outcome import Outcome
from txnats.demo.view import View
from txnats.demo.worker import Crew, Worker
from txnats.nuid import next_nuid

RESPONDERS = ("Ada", "Bea", "Cleo", "Dora")

SomeNote = TypeVar("SomeNote", bound=Note)


async def play(reactor: Any, url: str, requests: int, view: View) -> Outcome:
    """Run the demo once. No process is left when this ends, in whatever way.

    Raises:
        NatsError: The server cannot be reached, or does not take us in.
        WorkerFailed: A process could not do its part.
    """
    # What is wrong with the server is told once, before five processes meet it.
    async with await txnats.connect(reactor, url, name="demo") as client:
        view.step(f"Connected to nats-server {client.server_info.version}.")
    # Of our own, so that demos that share a server do not meet.
    subject = f"demo.{next_nuid()}"
    crew = Crew(reactor, url, lambda progress: view.progress(progress.by))
    try:
        responders = {name: crew.start("responder", subject, name) for name in RESPONDERS}
        subscriber = crew.start("subscriber", subject)
        listeners = [*responders.values(), subscriber]
        for worker in listeners:
            await _next(worker, Ready)
        view.step(f"{len(responders)} responders share the subject {subject}, and a subscriber looks on.")
        asked = await _next(crew.start("requester", subject, str(requests)), Asked)
        view.progress(asked.by)
        for worker in listeners:
            worker.tell_to_end()
        handled = {name: (await _next(worker, Handled)).count for name, worker in responders.items()}
        seen = (await _next(subscriber, Handled)).count
        return Outcome(requests=requests, asked=asked, handled=handled, seen=seen)
    finally:
        await crew.end()


async def _next(worker: Worker, kind: type[SomeNote]) -> SomeNote:
    note = await worker.next()
    assert isinstance(note, kind), note
    return note
