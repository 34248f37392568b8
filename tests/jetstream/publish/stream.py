"""A stream in memory, which answers publishes as a test says, on a Clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.client.harness import Net, Outcome
from txnats.jetstream.context import JetStream

Answering = Callable[[int], str | bytes | None]
OK = "ok"
NOBODY = "503"


def error(code: int, err_code: int, description: str = "") -> bytes:
    told = {"error": {"code": code, "err_code": err_code, "description": description}, "stream": "S", "seq": 0}
    return json.dumps(told).encode()


class Stream:
    """What stands behind the subjects ``s.>``.

    Attributes:
        answer: Given the number of a publish, from 1, what it is answered: OK, NOBODY, a payload, or None for silence.
        names: What STREAM.NAMES tells; None for silence, NOBODY for a server without JetStream.
        seen: Payloads of all copies that came with a reply subject.
        replies: Those subjects.
        asked: Questions for the names of streams.
    """

    def __init__(self, timeout: float = 15.0, api_level: int = 5, **options: Any) -> None:
        self.net = Net()
        self.net.server.info["api_lvl"] = api_level
        self.net.server.no_responders = False
        self.net.server.info["jetstream"] = True
        self.answer: Answering = lambda _: OK
        self.names: list[str] | str | None = ["S"]
        self.seen: list[bytes] = []
        self.replies: list[str] = []
        self.asked = 0
        self.client = self.net.client(**options)
        self.js = JetStream(self.client, timeout=timeout)

    def publish(self, subject: str = "s.a", payload: bytes = b"x", **options: Any) -> Outcome:
        outcome = Outcome(self.js.publish(subject, payload, **options))
        self.settle()
        return outcome

    def settle(self) -> None:
        """Until nobody has anything to do at this moment, the stream included."""
        self.net.settle()
        while self._serve():
            self.net.settle()

    def wait(self, seconds: float, step: float = 0.01) -> None:
        end = self.net.clock.seconds() + seconds
        while self.net.clock.seconds() < end - 1e-9:
            self.net.clock.advance(min(step, end - self.net.clock.seconds()))
            self.settle()

    def end(self) -> None:
        self.net.end(self.client)

    def _serve(self) -> bool:
        pipe = self.net.pipe
        published, pipe.published = pipe.published, []
        for subject, reply, payload in published:
            if subject.startswith(b"$JS.API.STREAM.NAMES"):
                self.asked += 1
                self._tell(reply, self.names if self.names in (None, NOBODY) else self._names())
            elif subject == b"$JS.API.INFO":
                self._tell(reply, b'{"api":{"level":0}}')
            elif reply is not None:
                self.replies.append(reply.decode())
                self.seen.append(payload)
                said = self.answer(len(self.seen))
                self._tell(reply, b'{"stream":"S","seq":%d}' % len(self.seen) if said == OK else said)
        return bool(published)

    def _names(self) -> bytes:
        return json.dumps({"streams": self.names, "total": 1, "offset": 0, "limit": 1024}).encode()

    def _tell(self, reply: bytes | None, said: Any) -> None:
        assert reply is not None
        if said == NOBODY:
            self.net.pipe.status(reply.decode(), b"503")
        elif said is not None:
            self.net.pipe.msg(reply.decode(), said)
