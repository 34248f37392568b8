"""The calls of JetStream's API that the in-memory server knows, in one table."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias

from ...jetstream import errors
from ...jetstream.units import Timestamp
from ...nuid import next_nuid
from ...wire import header_block
from .consumer import FakeConsumer
from .refusals import Refused
from .stored import Stored
from .stream import FakeStream


class Held(Protocol):
    """What is there, and what can be done with it."""

    streams: dict[str, FakeStream]

    def stream(self, name: str) -> FakeStream: ...
    def create_stream(self, told: dict[str, Any]) -> FakeStream: ...
    def update_stream(self, told: dict[str, Any]) -> FakeStream: ...
    def delete_stream(self, name: str) -> None: ...
    def consumer(self, stream: FakeStream, name: str) -> FakeConsumer: ...
    def create_consumer(
        self, stream: FakeStream, name: str, told: dict[str, Any], *, action: str = ""
    ) -> FakeConsumer: ...
    def delete_consumer(self, stream: FakeStream, name: str) -> None: ...


Verb: TypeAlias = Callable[[Held, str, dict[str, Any]], Any]
"""Given what stands behind its name in the subject, and the body: the answer."""

no_message: Final = object()
"""A direct get found nothing: that is told by a status."""


def _account(js: Held, _: str, __: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "io.nats.jetstream.api.v1.account_info_response",
        "memory": 0,
        "storage": sum(stream.state()["bytes"] for stream in js.streams.values()),
        "streams": len(js.streams),
        "consumers": sum(len(stream.consumers) for stream in js.streams.values()),
        "limits": {"max_memory": -1, "max_storage": -1, "max_streams": -1, "max_consumers": -1},
        "api": {"level": 5, "total": 0, "errors": 0},
    }


def _stream_info(stream: FakeStream, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "io.nats.jetstream.api.v1.stream_info_response",
        "config": stream.config,
        "created": Timestamp.from_ns(stream.created).to_text(),
        "state": stream.state(body.get("subjects_filter", "")),
    }


def _create_stream(js: Held, name: str, body: dict[str, Any]) -> dict[str, Any]:
    return {**_stream_info(js.create_stream({**body, "name": name}), {}), "did_create": True}


def _streams(js: Held, body: dict[str, Any]) -> list[FakeStream]:
    subject = body.get("subject")
    found = [stream for stream in js.streams.values() if subject is None or stream.takes(subject)]
    return sorted(found, key=lambda stream: stream.name)[body.get("offset", 0) :]


def _page(what: str, items: list[Any], limit: int, body: dict[str, Any]) -> dict[str, Any]:
    offset = body.get("offset", 0)
    return {"total": offset + len(items), "offset": offset, "limit": limit, what: items[:limit] or None}


def _get(js: Held, name: str, body: dict[str, Any]) -> dict[str, Any]:
    found = js.stream(name).get(body)
    told = {"subject": found.subject, "seq": found.sequence, "time": found.time}
    if found.payload:
        told["data"] = b64encode(found.payload).decode()
    if found.headers:
        told["hdrs"] = b64encode(header_block.encode(found.headers)).decode()
    return {"type": "io.nats.jetstream.api.v1.stream_msg_get_response", "message": told}


def _direct(js: Held, name: str, body: dict[str, Any]) -> Stored | object | None:
    stream, _, subject = name.partition(".")
    if stream not in js.streams or not js.streams[stream].config["allow_direct"]:
        return None
    try:
        return js.streams[stream].get({"last_by_subj": subject} if subject else body)
    except Refused:
        return no_message


def _delete_message(js: Held, name: str, body: dict[str, Any]) -> dict[str, Any]:
    if not js.stream(name).remove(body["seq"]):
        raise Refused(errors.SequenceNotFound, f"sequence {body['seq']} not found")
    return {"success": True}


def _delete_stream(js: Held, name: str, _: dict[str, Any]) -> dict[str, Any]:
    js.delete_stream(name)
    return {"success": True}


def _create_consumer(js: Held, place: str, body: dict[str, Any]) -> dict[str, Any]:
    stream, _, rest = place.partition(".")
    config = body["config"]
    name = config.get("name") or config.get("durable_name") or rest.partition(".")[0] or next_nuid()[:8]
    made = js.create_consumer(js.stream(stream), name, config, action=body.get("action", ""))
    return {"type": "io.nats.jetstream.api.v1.consumer_create_response", **made.info()}


def _consumer_info(js: Held, place: str, _: dict[str, Any]) -> dict[str, Any]:
    stream, name = place.split(".", 1)
    told = js.consumer(js.stream(stream), name).info()
    return {"type": "io.nats.jetstream.api.v1.consumer_info_response", **told}


def _delete_consumer(js: Held, place: str, _: dict[str, Any]) -> dict[str, Any]:
    stream, name = place.split(".", 1)
    js.delete_consumer(js.stream(stream), name)
    return {"success": True}


def _consumer_names(js: Held, name: str, body: dict[str, Any]) -> dict[str, Any]:
    return _page("consumers", sorted(js.stream(name).consumers)[body.get("offset", 0) :], 1024, body)


def _consumer_list(js: Held, name: str, body: dict[str, Any]) -> dict[str, Any]:
    held = sorted(js.stream(name).consumers.items())[body.get("offset", 0) :]
    return _page("consumers", [each.info() for _, each in held], 256, body)


VERBS: dict[str, Verb] = {
    "INFO": _account,
    "STREAM.CREATE": _create_stream,
    "STREAM.UPDATE": lambda js, name, body: _stream_info(js.update_stream({**body, "name": name}), {}),
    "STREAM.INFO": lambda js, name, body: _stream_info(js.stream(name), body),
    "STREAM.DELETE": _delete_stream,
    "STREAM.PURGE": lambda js, name, body: {"success": True, "purged": js.stream(name).purge(body)},
    "STREAM.NAMES": lambda js, _, body: _page("streams", [each.name for each in _streams(js, body)], 1024, body),
    "STREAM.LIST": lambda js, _, body: _page(
        "streams", [_stream_info(each, {}) for each in _streams(js, body)], 256, body
    ),
    "STREAM.MSG.GET": _get,
    "STREAM.MSG.DELETE": _delete_message,
    "DIRECT.GET": _direct,
    "CONSUMER.CREATE": _create_consumer,
    "CONSUMER.DURABLE.CREATE": _create_consumer,
    "CONSUMER.INFO": _consumer_info,
    "CONSUMER.DELETE": _delete_consumer,
    "CONSUMER.NAMES": _consumer_names,
    "CONSUMER.LIST": _consumer_list,
}
