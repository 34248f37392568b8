"""JetStream's side of the in-memory server: what is asked of its API, what is stored, what is settled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from ...headers import Headers, HeaderSource
from ...jetstream import error_codes as codes
from ...jetstream import errors
from ...nuid import next_nuid
from ...subjects import matches
from ...wire import header_block
from ..answers import as_publish
from ..commands import Publish
from . import consumer as consumers
from . import stream as streams
from .consumer import FakeConsumer
from .refusals import NotKnown, Refusal, Refused, refusal
from .stored import Stored
from .stream import FakeStream
from .verbs import VERBS, no_message

if TYPE_CHECKING:
    from ..fake_server import FakeServer

API = "$JS.API."
LEVEL = 5
"""As nats-server 2.15."""


class FakeJetStream:
    """JetStream for a ``FakeServer``. ``World.jetstream`` is one.

    Streams, pull consumers of every delivery policy, ordered consumers and key-value buckets work as on a server, in
    the time of the test; mirrors, sources, push consumers, batches, counters and schedules need a real one and are
    refused by name. What it holds outlives ``server.kill()``.

    Args:
        server: Where it is.

    Attributes:
        streams: By name.
    """

    def __init__(self, server: FakeServer) -> None:
        self.streams: dict[str, FakeStream] = {}
        self._server = server
        self._refusals: list[tuple[str, dict[str, Any] | None]] = []
        self._captures: dict[str, list[tuple[bytes, _Listener]]] = {}
        server.interest.add(b"$JS.API.>", None, _Listener(self._asked))
        server.interest.add(b"$JS.ACK.>", None, _Listener(self._settled))
        server.info.setdefault("jetstream", True)

    # For tests

    def add_stream(self, name: str, subjects: list[str] | None = None, **config: Any) -> FakeStream:
        """A stream, as the server would have it.

        Args:
            name: Its name.
            subjects: What it takes; its name by default.
            config: Fields as the wire has them, times in nanoseconds.
        """
        return self.create_stream({"name": name, "subjects": [name] if subjects is None else subjects, **config})

    def refuse(self, call: str, error: Refusal, words: str = "", *, times: int = 1) -> None:
        """Refuse the next calls of the API with this error.

        Args:
            call: The subject without ``$JS.API``, or a pattern: ``"STREAM.INFO.*"``, ``">"``.
            error: An error of ``txnats.jetstream.errors`` or ``.error_codes``.
            words: What the server says, in place of the usual.
            times: How many.
        """
        self._refusals += [(call, refusal(error, words))] * times

    def ignore(self, call: str, *, times: int = 1) -> None:
        """Leave the next such calls unanswered."""
        self._refusals += [(call, None)] * times

    # What its API does

    def create_stream(self, told: dict[str, Any]) -> FakeStream:
        """A new stream, or the one that is there already with the same configuration.

        Raises:
            Refused, NotKnown: There can be none.
        """
        config = _completed(told, streams.DEFAULTS, streams.UNKNOWN)
        config.setdefault("subjects", [config["name"]])
        known = self.streams.get(config["name"])
        if known is not None:
            if known.config != config:
                raise Refused(errors.StreamNameInUse)
            return known
        self._check_overlap(config)
        stream = FakeStream(config, self._server.clock.seconds, self.create_consumer)
        self.streams[stream.name] = stream
        self._capture(stream)
        return stream

    def update_stream(self, told: dict[str, Any]) -> FakeStream:
        """A stream with another configuration."""
        config = _completed(told, streams.DEFAULTS, streams.UNKNOWN)
        stream = self.stream(config["name"])
        self._check_overlap(config)
        stream.config = config
        self._capture(stream)
        return stream

    def delete_stream(self, name: str) -> None:
        """Without its consumers, too."""
        stream = self.stream(name)
        for each in list(stream.consumers):
            self.delete_consumer(stream, each)
        del self.streams[name]
        self._release(name)

    def stream(self, name: str) -> FakeStream:
        """A stream by its name."""
        if name not in self.streams:
            raise Refused(errors.StreamNotFound)
        return self.streams[name]

    def consumer(self, stream: FakeStream, name: str) -> FakeConsumer:
        """A consumer by its name."""
        if name not in stream.consumers:
            raise Refused(errors.ConsumerNotFound)
        return stream.consumers[name]

    def create_consumer(self, stream: FakeStream, name: str, told: dict[str, Any], *, action: str = "") -> FakeConsumer:
        """A new consumer, or the one that is there already."""
        config = _completed(told, consumers.DEFAULTS, ("deliver_subject", "priority_groups", "backoff"))
        if config["ack_policy"] != "none":
            config = {"ack_wait": consumers.ACK_WAIT, "max_ack_pending": consumers.MAX_ACK_PENDING, **config}
        known = stream.consumers.get(name)
        if known is not None and known.config == config:
            return known
        if known is not None and action == "create":
            raise Refused(errors.ConsumerNameInUse, "consumer already exists", err_code=10148)
        if known is None and action == "update":
            raise Refused(errors.ConsumerNotFound, "consumer does not exist", err_code=10149)
        if known is not None:
            known.config.update(config)
            return known
        made = stream.consumers[name] = FakeConsumer(stream, name or next_nuid()[:8], config, self)
        return made

    def delete_consumer(self, stream: FakeStream, name: str) -> None:
        """Those who wait are told."""
        consumer = self.consumer(stream, name)
        del stream.consumers[name]
        consumer.say("409 Consumer Deleted")

    # What consumers ask

    def seconds(self) -> float:
        return self._server.clock.seconds()

    def later(self, seconds: float, call: Callable[..., object], *arguments: object) -> None:
        self._server.later(seconds, call, *arguments)

    def listens(self, inbox: bytes) -> bool:
        return any(self._server.interest.match(inbox))

    def send(
        self,
        inbox: bytes,
        *,
        subject: str = "",
        payload: bytes = b"",
        reply: str = "",
        headers: HeaderSource | None = None,
        status: str = "",
    ) -> bool:
        name = subject.encode() if subject else inbox
        said = as_publish(name, payload, reply=reply.encode() or None, headers=headers or None, status=status)
        return self._server.route(said, None, to=inbox)

    # What comes in

    def _asked(self, request: Publish) -> bool:
        call = request.subject.decode()[len(API) :]
        if call.startswith("CONSUMER.MSG.NEXT."):
            return self._pull(call, request)
        if request.reply is None:
            self._answer_to(call, request)
            return True
        for index, (pattern, error) in enumerate(self._refusals):
            if matches(pattern, call):
                del self._refusals[index]
                if error is not None:
                    self._reply(request.reply, {"error": error})
                return True
        answer = self._answer_to(call, request)
        if isinstance(answer, Stored):
            self._send_stored(request.reply, answer)
        elif answer is no_message:
            self.send(request.reply, status="404 Message Not Found")
        elif answer is None:
            return False
        else:
            self._reply(request.reply, answer)
        return True

    def _answer_to(self, call: str, request: Publish) -> Any:
        for words in range(min(3, call.count(".") + 1), 0, -1):
            tokens = call.split(".")
            verb = VERBS.get(".".join(tokens[:words]))
            if verb is not None:
                try:
                    body = _objects.decode(request.payload) if request.payload else {}
                    return verb(self, ".".join(tokens[words:]), body)
                except msgspec.DecodeError as error:
                    return {"error": refusal(codes.InvalidJSON, f"invalid JSON: {error}")}
                except Refused as refused:
                    return {"error": refused.error}
                except NotKnown as unknown:
                    return {
                        "error": refusal(codes.BadRequest, f"the in-memory server knows no {unknown}: use NatsServer")
                    }
        return {"error": refusal(codes.BadRequest, f"the in-memory server knows no {call}: use NatsServer")}

    def _pull(self, call: str, request: Publish) -> bool:
        _, _, name = call.partition("NEXT.")
        stream, _, consumer = name.partition(".")
        found = self.streams[stream].consumers.get(consumer) if stream in self.streams else None
        if found is None:
            return False
        if request.reply is not None:
            try:
                found.pull(request.reply, _pull_request(request.payload))
            except msgspec.DecodeError as error:
                self.send(request.reply, status=f"400 Bad Request - {error}")
        return True

    def _settled(self, request: Publish) -> bool:
        tokens = request.subject.decode().split(".")
        stream = self.streams.get(tokens[2])
        consumer = stream.consumers.get(tokens[3]) if stream else None
        if consumer is None or not consumer.settle(int(tokens[5]), request.payload):
            return False
        if request.reply is not None:
            self.send(request.reply)
        return True

    def _published(self, stream: FakeStream, request: Publish) -> bool:
        headers = Headers() if not request.headers else header_block.HeaderBlock(request.headers).headers()
        try:
            sequence, duplicate = stream.store(request.subject.decode(), request.payload, headers)
            told: dict[str, Any] = {"stream": stream.name, "seq": sequence}
            if duplicate:
                told["duplicate"] = True
        except Refused as refused:
            told = {"error": refused.error, "stream": stream.name, "seq": 0}
        if stream.silences:
            stream.silences -= 1
        elif request.reply is not None and not stream.config.get("no_ack"):
            self._reply(request.reply, told)
        return True

    def _reply(self, reply: bytes, told: dict[str, Any]) -> None:
        self.send(reply, payload=msgspec.json.encode(told))

    def _send_stored(self, reply: bytes, stored: Stored) -> None:
        stream = next(name for name, each in self.streams.items() if stored in each.messages)
        about = {
            "Nats-Stream": stream,
            "Nats-Subject": stored.subject,
            "Nats-Sequence": str(stored.sequence),
            "Nats-Time-Stamp": stored.time,
        }
        self.send(reply, payload=stored.payload, headers=Headers([*stored.headers.items(), *about.items()]))

    # Subjects

    def _check_overlap(self, config: dict[str, Any]) -> None:
        for other in self.streams.values():
            for theirs in other.config.get("subjects", ()) if other.name != config["name"] else ():
                if any(_overlap(theirs, ours) for ours in config.get("subjects", ())):
                    raise Refused(codes.StreamSubjectOverlap)

    def _capture(self, stream: FakeStream) -> None:
        self._release(stream.name)
        listener = _Listener(lambda request: self._published(stream, request))
        held = self._captures[stream.name] = [(each.encode(), listener) for each in stream.config["subjects"]]
        for subject, _ in held:
            self._server.interest.add(subject, None, listener)

    def _release(self, name: str) -> None:
        for subject, listener in self._captures.pop(name, ()):
            self._server.interest.remove(subject, None, listener)


class _Listener:
    """JetStream itself, among the subscribers."""

    def __init__(self, take: Callable[[Publish], bool]) -> None:
        self.served = 0
        self._take = take

    def deliver(self, message: Publish, source: object) -> bool:
        return self._take(message)


_objects = msgspec.json.Decoder(dict[str, Any])


def _pull_request(body: bytes) -> dict[str, Any]:
    """What a pull asks for: JSON, or the number of messages; any other text is for one, as a server has it."""
    return _objects.decode(body) if body[:1] == b"{" else {"batch": int(body) if body.isdigit() else 1}


def _completed(told: dict[str, Any], defaults: dict[str, Any], unknown: tuple[str, ...]) -> dict[str, Any]:
    for name in unknown:
        if told.get(name):
            raise NotKnown(name)
    return {**defaults, **{name: value for name, value in told.items() if value is not None}}


def _overlap(one: str, other: str) -> bool:
    """Whether a subject can match both patterns."""
    ours, theirs = one.split("."), other.split(".")
    for a, b in zip(ours, theirs, strict=False):
        if ">" in (a, b):
            return True
        if a != b and "*" not in (a, b):
            return False
    return len(ours) == len(theirs)
