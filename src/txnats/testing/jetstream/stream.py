"""A stream in memory: what it takes, keeps and drops. No time and no connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...headers import Headers, HeaderSource
from ...jetstream import error_codes as codes
from ...jetstream import errors
from ...subjects import matches
from .consumer import FakeConsumer
from .refusals import Refusal, Refused, refusal
from .stored import Stored

DEFAULTS: dict[str, Any] = {
    "retention": "limits",
    "max_consumers": -1,
    "max_msgs": -1,
    "max_bytes": -1,
    "max_age": 0,
    "max_msgs_per_subject": -1,
    "max_msg_size": -1,
    "discard": "old",
    "storage": "file",
    "num_replicas": 1,
    "duplicate_window": 120_000_000_000,
    "compression": "none",
    "allow_direct": False,
    "mirror_direct": False,
    "sealed": False,
    "deny_delete": False,
    "deny_purge": False,
    "allow_rollup_hdrs": False,
    "consumer_limits": {},
    "allow_msg_ttl": False,
}
UNKNOWN = (
    *("mirror", "sources", "subject_transform", "republish", "allow_msg_counter", "allow_atomic", "allow_batched"),
    *("allow_msg_schedules", "subject_delete_marker_ttl"),
)
"""What a real server can do and this one cannot."""
OVERHEAD = 30
"""Bytes that each message takes beside its subject, headers and payload, and 4 more with headers."""


class FakeStream:
    """A stream. Made by ``FakeJetStream.add_stream``, or by the program under test.

    Attributes:
        name: Its name.
        config: As the server tells it.
        consumers: By name.
    """

    def __init__(
        self,
        config: dict[str, Any],
        seconds: Callable[[], float],
        make_consumer: Callable[[FakeStream, str, dict[str, Any]], FakeConsumer],
    ) -> None:
        self.name: str = config["name"]
        self.config = config
        self.consumers: dict[str, FakeConsumer] = {}
        self._make_consumer = make_consumer
        self._seconds = seconds
        self._messages: dict[int, Stored] = {}
        self._last = 0
        self._ids: dict[str, tuple[int, float]] = {}
        self._refusals: list[dict[str, Any]] = []
        self.silences = 0
        self.created = self._now()

    # For tests

    @property
    def messages(self) -> list[Stored]:
        """What it holds, in order."""
        return list(self._messages.values())

    def add(self, subject: str, payload: bytes = b"", *, headers: HeaderSource | None = None) -> int:
        """Store a message, as another client would; its sequence.

        Raises:
            AssertionError: It is refused.
        """
        try:
            sequence, _ = self.store(subject, payload, Headers(headers))
        except Refused as refused:
            raise AssertionError(f"the stream refused it: {refused.error}") from None
        return sequence

    def add_consumer(self, name: str, **config: Any) -> FakeConsumer:
        """A durable pull consumer, as the server would have it; acknowledgements are explicit unless told otherwise.

        Args:
            name: Its name.
            config: Fields as the wire has them, times in nanoseconds.
        """
        fields = {"durable_name": name, "name": name, "ack_policy": "explicit", **config}
        return self._make_consumer(self, name, fields)

    def refuse(self, error: Refusal, words: str = "", *, times: int = 1) -> None:
        """Refuse the next publishes with this error; they are not stored."""
        self._refusals += [refusal(error, words)] * times

    def withhold_acks(self, times: int = 1) -> None:
        """Store the next publishes and say nothing."""
        self.silences += times

    # What its server asks

    def takes(self, subject: str) -> bool:
        """Whether messages of this subject are for it."""
        return any(matches(pattern, subject) for pattern in self.config.get("subjects", ()))

    def store(self, subject: str, payload: bytes, headers: Headers) -> tuple[int, bool]:
        """Take a message; its sequence, and whether it was there already.

        Raises:
            Refused: It is not taken.
        """
        if self._refusals:
            refused = Refused(errors.StreamNotFound)
            refused.error = self._refusals.pop(0)
            raise refused
        message_id = headers.get("Nats-Msg-Id")
        if message_id is not None and (known := self._known(message_id)):
            return known, True
        self._check(subject, payload, headers)
        self._roll_up(subject, headers.get("Nats-Rollup"))
        self._last += 1
        self._messages[self._last] = Stored(self._last, subject, payload, headers, self._now())
        if message_id is not None:
            self._ids[message_id] = self._last, self._seconds()
        self._limit(subject)
        for consumer in list(self.consumers.values()):
            consumer.pump()
        return self._last, False

    def get(self, request: dict[str, Any]) -> Stored:
        """One message, by what ``STREAM.MSG.GET`` and ``DIRECT.GET`` take.

        Raises:
            Refused: There is none.
        """
        if "last_by_subj" in request:
            found = self.last_of(request["last_by_subj"])
        elif "next_by_subj" in request:
            found = next(self.matching(request.get("seq", 0), (request["next_by_subj"],)), None)
        else:
            found = self._messages.get(request.get("seq", 0))
        if found is None:
            raise Refused(errors.MessageNotFound)
        return found

    def last_of(self, pattern: str) -> Stored | None:
        """The last message of a subject or pattern."""
        return next((each for each in reversed(self._messages.values()) if matches(pattern, each.subject)), None)

    def matching(self, start: int, filters: tuple[str, ...]) -> Iterator[Stored]:
        """Messages from a sequence on, of these subjects; of all when there are none."""
        return (
            each
            for each in self._messages.values()
            if each.sequence >= start and (not filters or any(matches(one, each.subject) for one in filters))
        )

    def purge(self, request: dict[str, Any]) -> int:
        """Drop what the request says; how many."""
        pattern, below, keep = request.get("filter", ">"), request.get("seq", 0), request.get("keep", 0)
        chosen = [each for each in self._messages.values() if matches(pattern, each.subject)]
        if below:
            chosen = [each for each in chosen if each.sequence < below]
        elif keep:
            chosen = chosen[: max(0, len(chosen) - keep)]
        for each in chosen:
            del self._messages[each.sequence]
        return len(chosen)

    def remove(self, sequence: int) -> bool:
        """Drop one message; whether it was there."""
        return self._messages.pop(sequence, None) is not None

    def settled(self, sequence: int) -> None:
        """A consumer is done with it: a work queue keeps it no longer, nor does interest when all are done."""
        retention = self.config["retention"]
        if retention == "workqueue" or (
            retention == "interest" and all(each.is_done_with(sequence) for each in self.consumers.values())
        ):
            self.remove(sequence)

    @property
    def last_sequence(self) -> int:
        """The sequence that was given last."""
        return self._last

    def state(self, subjects: str = "") -> dict[str, Any]:
        """Its ``state``, with the counts of these subjects."""
        held = self.messages
        told: dict[str, Any] = {
            "messages": len(held),
            "bytes": sum(map(_size, held)),
            "first_seq": held[0].sequence if held else self._last + bool(self._last),
            "first_ts": held[0].time if held else _ZERO,
            "last_seq": self._last,
            "last_ts": held[-1].time if held else _ZERO,
            "consumer_count": len(self.consumers),
        }
        counts: dict[str, int] = {}
        for each in held:
            counts[each.subject] = counts.get(each.subject, 0) + 1
        if counts:
            told["num_subjects"] = len(counts)
        if subjects:
            told["subjects"] = {name: count for name, count in counts.items() if matches(subjects, name)}
        if held and (gaps := held[-1].sequence - held[0].sequence + 1 - len(held)):
            told["num_deleted"] = gaps
        return told

    # Inside

    def _now(self) -> int:
        return round(self._seconds() * 1e9)

    def _known(self, message_id: str) -> int:
        sequence, when = self._ids.get(message_id, (0, 0.0))
        window: float = self.config["duplicate_window"] / 1e9
        return sequence if sequence and self._seconds() - when < window else 0

    def _check(self, subject: str, payload: bytes, headers: Headers) -> None:
        """Source: the server's order of checks; what does not hold stores nothing."""
        most: int = self.config["max_msg_size"]
        if most >= 0 and len(payload) + _header_size(headers) > most:
            raise Refused(codes.StreamMessageExceedsMaximum)
        stream = headers.get("Nats-Expected-Stream")
        if stream is not None and stream != self.name:
            raise Refused(errors.WrongStream)
        about = headers.get("Nats-Expected-Last-Subject-Sequence-Subject") or subject
        last = self.last_of(about)
        self._expect(headers.get("Nats-Expected-Last-Subject-Sequence"), last.sequence if last else 0)
        self._expect(headers.get("Nats-Expected-Last-Sequence"), self._last)
        wanted = headers.get("Nats-Expected-Last-Msg-Id")
        held = next(reversed(self._ids), "")
        if wanted is not None and wanted != held:
            raise Refused(errors.WrongLastMessageId, f"wrong last msg ID: {held}")
        if self.config["discard"] == "new":
            self._check_room(subject, payload, headers)

    def _expect(self, wanted: str | None, actual: int) -> None:
        if wanted is not None and wanted != str(actual):
            raise Refused(errors.WrongLastSequence, f"wrong last sequence: {actual}")

    def _check_room(self, subject: str, payload: bytes, headers: Headers) -> None:
        most, most_bytes = self.config["max_msgs"], self.config["max_bytes"]
        if most > 0 and len(self._messages) >= most:
            raise Refused(codes.StreamStoreFailed, "maximum messages exceeded")
        size = _size(Stored(0, subject, payload, headers, 0))
        if most_bytes > 0 and self.state()["bytes"] + size > most_bytes:
            raise Refused(codes.StreamStoreFailed, "maximum bytes exceeded")
        each = self.config["max_msgs_per_subject"]
        held = sum(1 for _ in self.matching(0, (subject,)))
        if self.config.get("discard_new_per_subject") and 0 < each <= held:
            raise Refused(codes.StreamStoreFailed, "maximum messages per subject exceeded")

    def _roll_up(self, subject: str, what: str | None) -> None:
        if what is not None:
            self.purge({"filter": subject if what == "sub" else ">"})

    def _limit(self, subject: str) -> None:
        each = self.config["max_msgs_per_subject"]
        if each > 0:
            self.purge({"filter": subject, "keep": each})
        if self.config["max_msgs"] > 0:
            self.purge({"keep": self.config["max_msgs"]})
        if self.config["max_bytes"] > 0:
            while self.state()["bytes"] > self.config["max_bytes"]:
                self.remove(next(iter(self._messages)))

    def __repr__(self) -> str:
        return f"<FakeStream {self.name!r}, {len(self._messages)} messages>"


_ZERO = "0001-01-01T00:00:00Z"


def _header_size(headers: Headers) -> int:
    return sum(len(name) + len(value) + 4 for name, value in headers.items()) + 12 if headers else 0


def _size(message: Stored) -> int:
    headers = _header_size(message.headers)
    return len(message.subject) + len(message.payload) + OVERHEAD + (headers + 4 if headers else 0)
