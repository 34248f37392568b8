"""The command line of the demo: a server, one run, what to say about it, the exit status."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.python.failure import Failure

from txnats.demo.outcome import Outcome
from txnats.demo.play import RESPONDERS, play
from txnats.demo.view import View, choose_view
from txnats.demo.worker import WorkerFailed
from txnats.errors import NatsError
from txnats.server import NatsServer, ServerNotFound

_INTERRUPTED = 130

_EPILOGUE = """\
What happened: six processes that know one subject and no address; each request went to one of a queue group.
Read next: README.md, then example/new/queue_respond.py and example/new/make_requests.py, this in two pages."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo. Gives the exit status: 0 only if every request was answered exactly once."""
    requests = _options(arguments)
    view = choose_view(RESPONDERS, requests)
    try:
        with _server(view) as url:
            outcome = _run(url, requests, view)
    except ServerNotFound as error:
        return _complain(f"{error}, or set NATS_URL to a server that runs")
    except (NatsError, WorkerFailed) as error:
        return _complain(str(error))
    except KeyboardInterrupt:
        outcome = None
    if outcome is None:
        print("Interrupted; nothing is left running.", file=sys.stderr)
        return _INTERRUPTED
    view.table(outcome)
    problems = outcome.problems()
    if problems:
        return _complain("; ".join(problems))
    print(f"Every one of {requests:,} requests was answered exactly once, and the subscriber saw it.\n{_EPILOGUE}")
    return 0


def _options(arguments: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m txnats.demo",
        description="Requests shared out among four responders, on a server of its own or the one in NATS_URL.",
    )
    parser.add_argument("--requests", type=int, default=100, metavar="N", help="how many requests to send (100)")
    requests: int = parser.parse_args(arguments).requests
    if requests < 1:
        parser.error("--requests is a whole number of at least 1")
    return requests


@contextlib.contextmanager
def _server(view: View) -> Iterator[str]:
    """The address of a server, secrets and all."""
    given = os.environ.get("NATS_URL")
    if given:
        yield given
    else:
        with NatsServer() as server:
            view.step(f"A nats-server runs at {server.url}.")
            yield server.url


def _run(url: str, requests: int, view: View) -> Outcome | None:
    """The outcome, or None when a signal ended the run.

    Raises:
        NatsError, WorkerFailed: As ``play``.
    """
    from twisted.internet import reactor as installed  # noqa: PLC0415 - what goes wrong before needs none

    reactor: Any = installed
    results: list[Outcome | Failure] = []

    def begin() -> None:
        playing = Deferred.fromCoroutine(play(reactor, url, requests, view)).addBoth(end)
        reactor.addSystemEventTrigger("before", "shutdown", interrupt, playing)

    def interrupt(playing: Deferred[None]) -> Deferred[None]:
        """The reactor stops when the play has cleaned up; one that has ended is not changed by this."""
        playing.cancel()
        return playing

    def end(result: Outcome | Failure) -> None:
        results.append(result)
        with contextlib.suppress(ReactorNotRunning):  # a signal has stopped it
            reactor.stop()

    reactor.callWhenRunning(begin)
    try:
        reactor.run()
    finally:
        view.close()
    result = results[0]
    if isinstance(result, Failure):
        if result.check(CancelledError):
            return None
        result.raiseException()
    return result


def _complain(text: str) -> int:
    print(f"txnats.demo: {text}", file=sys.stderr)
    return 1
