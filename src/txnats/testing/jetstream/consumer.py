"""A pull consumer in memory: who waits, what was delivered, what was said of it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec

from ...headers import Headers
from ...jetstream.units import Timestamp
from .stored import Stored

DEFAULTS: dict[str, Any] = {
    "deliver_policy": "all",
    "ack_policy": "none",
    "max_deliver": -1,
    "replay_policy": "instant",
    "max_waiting": 512,
    "num_replicas": 0,
}
ACK_WAIT = 30_000_000_000
MAX_ACK_PENDING = 1000


class Settlement(msgspec.Struct, frozen=True):
    """What was said of a message.

    Attributes:
        sequence: Its sequence in the stream.
        kind: ``ack``, ``nak``, ``term`` or ``in_progress``.
        delay: Seconds, of a ``nak`` that named some.
        reason: Of a ``term`` that gave one.
    """

    sequence: int
    kind: str
    delay: float = 0.0
    reason: str = ""


class Source(Protocol):
    """What a consumer needs of its stream."""

    @property
    def name(self) -> str: ...
    @property
    def last_sequence(self) -> int: ...
    def matching(self, start: int, filters: tuple[str, ...]) -> Iterator[Stored]: ...
    def settled(self, sequence: int) -> None:
        """A consumer is done with it."""


class Wire(Protocol):
    """What a consumer needs of its server."""

    def seconds(self) -> float: ...
    def later(self, seconds: float, call: Callable[..., object], *arguments: object) -> None:
        """Call it later, unless the server ends before."""

    def send(
        self, inbox: bytes, *, subject: str = "", payload: bytes = b"", reply: str = "", headers: Headers, status: str
    ) -> bool:
        """Hand something to an inbox; whether anybody was there."""

    def listens(self, inbox: bytes) -> bool:
        """Whether anybody is there."""


class _Pull(msgspec.Struct):
    """Somebody who waits for messages."""

    inbox: bytes
    left: int
    bytes_left: int | None
    heartbeat: float
    over: bool = False


class _InWork(msgspec.Struct):
    """A message that was delivered and not settled: when it comes again."""

    until: float
    deliveries: int


class FakeConsumer:
    """A pull consumer. Made by ``FakeStream.add_consumer``, or by the program under test.

    Attributes:
        name: Its name.
        config: As the server tells it.
        settled: What was said of its messages, in order.
    """

    def __init__(self, stream: Source, name: str, config: dict[str, Any], wire: Wire) -> None:
        self.name = name
        self.config = config
        self.settled: list[Settlement] = []
        self._stream = stream
        self._wire = wire
        self._waiting: deque[_Pull] = deque()
        self._in_work: dict[int, _InWork] = {}
        self._again: list[int] = []
        self._deliveries: dict[int, int] = {}
        self._delivered = (0, 0)
        self._done: set[int] = set()
        self._timer = 0
        one = config.get("filter_subject")
        self._filters: tuple[str, ...] = (one,) if one else tuple(config.get("filter_subjects") or ())
        self._picked, self._at = self._begin()
        self.created = round(wire.seconds() * 1e9)

    # For tests

    @property
    def acked(self) -> list[int]:
        """Stream sequences of the messages that were acknowledged, in that order."""
        return [each.sequence for each in self.settled if each.kind == "ack"]

    @property
    def in_work(self) -> list[int]:
        """Stream sequences of those that were delivered and are not settled."""
        return sorted(self._in_work)

    def say(self, status: str) -> None:
        """End all pulls that wait with a status, as the server would: ``"409 Consumer Deleted"``."""
        for pull in self._waiting:
            self._status(pull, status)
        self._waiting.clear()

    # What its server asks

    def pull(self, inbox: bytes, request: dict[str, Any]) -> None:
        """Somebody wants messages."""
        pull = _Pull(
            inbox, request.get("batch") or 1, request.get("max_bytes"), (request.get("idle_heartbeat") or 0) / 1e9
        )
        self._forget_absent()
        if len(self._waiting) >= self.config["max_waiting"]:
            self._status(pull, "409 Exceeded MaxWaiting", pending=False)
            return
        self._waiting.append(pull)
        self.pump()
        if pull.over:
            return
        if request.get("no_wait") and not request.get("expires"):
            self._waiting.remove(pull)
            self._status(pull, "404 No Messages", pending=False)
            return
        if expires := request.get("expires"):
            self._wire.later(expires / 1e9, self._expired, pull)
        if pull.heartbeat:
            self._wire.later(pull.heartbeat, self._beat, pull)

    def settle(self, sequence: int, body: bytes) -> bool:
        """Something is said of a message; whether that meant anything."""
        kind, _, rest = body.partition(b" ")
        word = _WORDS.get(kind)
        if word is None or self.config["ack_policy"] == "none":
            return False
        delay = re.search(rb'"delay":\s*(\d+)', rest) if word == "nak" else None
        seconds = int(delay[1]) / 1e9 if delay else 0.0
        self.settled.append(Settlement(sequence, word, seconds, rest.decode() if word == "term" else ""))
        work = self._in_work.get(sequence)
        if word == "in_progress":
            if work is not None:
                work.until = self._wire.seconds() + self._ack_wait()
        elif word == "nak":
            if work is not None:
                work.until = self._wire.seconds() + seconds
                self._look()
        else:
            together = self.config["ack_policy"] == "all" and word == "ack"
            for each in [one for one in self._in_work if one == sequence or (together and one < sequence)]:
                self._finish(each)
        self.pump()
        return True

    def is_done_with(self, sequence: int) -> bool:
        """Whether it needs this message no longer."""
        return sequence in self._done

    def pump(self) -> None:
        """Deliver what may be delivered."""
        self._forget_absent()
        while self._waiting:
            message = self._next()
            if message is None:
                break
            self._deliver(self._waiting[0], message)
        self._arm()

    def info(self) -> dict[str, Any]:
        """What ``CONSUMER.INFO`` tells."""
        sequence, stream_sequence = self._delivered
        settled = min(self._in_work, default=stream_sequence + 1) - 1
        counted = min(sequence, settled) if self._in_work else sequence
        return {
            "stream_name": self._stream.name,
            "name": self.name,
            "created": Timestamp.from_ns(self.created).to_text(),
            "config": self.config,
            "delivered": {"consumer_seq": sequence, "stream_seq": stream_sequence},
            "ack_floor": {
                "consumer_seq": counted,
                "stream_seq": settled,
            },
            "num_ack_pending": len(self._in_work),
            "num_redelivered": sum(work.deliveries > 1 for work in self._in_work.values()),
            "num_waiting": len(self._waiting),
            "num_pending": self._pending(),
            "ts": Timestamp.from_ns(round(self._wire.seconds() * 1e9)).to_text(),
        }

    # Where it begins

    def _begin(self) -> tuple[deque[int], int]:
        """Messages picked one by one, and the sequence from which on it has all."""
        stream, policy = self._stream, self.config["deliver_policy"]
        behind = stream.last_sequence + 1
        match policy:
            case "new":
                return deque(), behind
            case "last":
                found = list(stream.matching(0, self._filters))
                return deque(), found[-1].sequence if found else behind
            case "last_per_subject":
                last = {each.subject: each.sequence for each in stream.matching(0, self._filters)}
                return deque(sorted(last.values())), behind
            case "by_start_sequence":
                return deque(), self.config.get("opt_start_seq", 1)
            case "by_start_time":
                start = Timestamp.parse(self.config["opt_start_time"])
                since = start.to_ns() if start else 0
                times = (each.sequence for each in stream.matching(0, ()) if each.time_ns >= since)
                return deque(), next(iter(times), behind)
        return deque(), 1

    # What comes next

    def _next(self) -> Stored | None:
        while self._again:
            found = self._held(self._again[0])
            if found is not None and not self._is_given_up(found.sequence):
                return found
            self._finish(self._again.pop(0))
        if self.config["ack_policy"] != "none" and len(self._in_work) >= self._max_ack_pending():
            return None
        while self._picked:
            found = self._held(self._picked[0])
            if found is not None:
                return found
            self._picked.popleft()
        return next(iter(self._stream.matching(self._at, self._filters)), None)

    def _held(self, sequence: int) -> Stored | None:
        found = next(iter(self._stream.matching(sequence, ())), None)
        return found if found is not None and found.sequence == sequence else None

    def _is_given_up(self, sequence: int) -> bool:
        most: int = self.config["max_deliver"]
        return 0 < most <= self._deliveries.get(sequence, 0)

    def _deliver(self, pull: _Pull, message: Stored) -> None:
        headers, payload = message.headers, message.payload
        if self.config.get("headers_only"):
            headers, payload = Headers([*headers.items(), ("Nats-Msg-Size", str(len(payload)))]), b""
        size = len(payload) + len(message.subject)
        if pull.bytes_left is not None and size > pull.bytes_left:
            self._waiting.popleft()
            self._status(pull, "409 Message Size Exceeds MaxBytes")
            return
        self._took(message.sequence)
        deliveries = self._deliveries[message.sequence] = self._deliveries.get(message.sequence, 0) + 1
        self._delivered = self._delivered[0] + 1, max(self._delivered[1], message.sequence)
        if self.config["ack_policy"] == "none":
            self._finish(message.sequence)
        else:
            self._in_work[message.sequence] = _InWork(self._wire.seconds() + self._ack_wait(), deliveries)
        place = f"{deliveries}.{message.sequence}.{self._delivered[0]}.{message.time_ns}.{self._pending()}"
        reply = f"$JS.ACK.{self._stream.name}.{self.name}.{place}"
        pull.left -= 1
        if pull.bytes_left is not None:
            pull.bytes_left -= size
        if pull.left <= 0:
            self._waiting.popleft()
            pull.over = True
        else:
            self._waiting.rotate(-1)
        self._wire.send(pull.inbox, subject=message.subject, payload=payload, reply=reply, headers=headers, status="")

    def _took(self, sequence: int) -> None:
        if self._again and self._again[0] == sequence:
            self._again.pop(0)
        elif self._picked:
            self._picked.popleft()
        else:
            self._at = sequence + 1

    def _finish(self, sequence: int) -> None:
        self._in_work.pop(sequence, None)
        self._done.add(sequence)
        self._stream.settled(sequence)

    def _pending(self) -> int:
        ahead = sum(1 for _ in self._stream.matching(self._at, self._filters))
        return ahead + sum(self._held(each) is not None for each in self._picked)

    # Time

    def _ack_wait(self) -> float:
        nanoseconds: int = self.config.get("ack_wait") or ACK_WAIT
        return nanoseconds / 1e9

    def _max_ack_pending(self) -> int:
        most: int = self.config.get("max_ack_pending") or MAX_ACK_PENDING
        return most if most > 0 else 2**31

    def _arm(self) -> None:
        """Look again when the next message that is in work comes back."""
        if self._waiting and self._in_work:
            self._timer += 1
            soonest = min(work.until for work in self._in_work.values())
            self._wire.later(max(0.0, soonest - self._wire.seconds()), self._due, self._timer)

    def _due(self, timer: int) -> None:
        if timer == self._timer:
            self._look()
            self.pump()

    def _look(self) -> None:
        now = self._wire.seconds()
        for sequence in [each for each, work in self._in_work.items() if work.until <= now]:
            del self._in_work[sequence]
            self._again.append(sequence)
        self._again.sort()

    def _expired(self, pull: _Pull) -> None:
        if not pull.over:
            self._waiting.remove(pull)
            self._status(pull, "408 Request Timeout")

    def _beat(self, pull: _Pull) -> None:
        if not pull.over:
            last = Headers([("Nats-Last-Consumer", str(self._delivered[0])), ("Nats-Last-Stream", str(self._at - 1))])
            if self._wire.send(pull.inbox, headers=last, status="100 Idle Heartbeat"):
                self._wire.later(pull.heartbeat, self._beat, pull)
            else:
                self._forget_absent()

    # Who waits

    def _forget_absent(self) -> None:
        """A pull whose inbox has gone waits for nothing."""
        for pull in [each for each in self._waiting if not self._wire.listens(each.inbox)]:
            pull.over = True
            self._waiting.remove(pull)

    def _status(self, pull: _Pull, status: str, *, pending: bool = True) -> None:
        pull.over = True
        left = [("Nats-Pending-Messages", str(pull.left)), ("Nats-Pending-Bytes", str(pull.bytes_left or 0))]
        self._wire.send(pull.inbox, headers=Headers(left if pending else ()), status=status)

    def __repr__(self) -> str:
        return f"<FakeConsumer {self._stream.name!r} > {self.name!r}, {len(self._in_work)} in work>"


_WORDS = {b"": "ack", b"+ACK": "ack", b"-NAK": "nak", b"+TERM": "term", b"+WPI": "in_progress"}
