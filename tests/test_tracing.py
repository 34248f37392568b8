"""Spans for OpenTelemetry, with its own in-memory exporter."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from twisted.internet.task import deferLater

from txnats import Message, NoResponders
from txnats.testing import World
from txnats.tracing import Tracing

pytest_plugins = ["txnats.testing.fixtures"]


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Tracing:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider)


def named(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def test_a_trace_goes_from_request_to_handler_to_what_it_publishes(
    nats: World, tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    asker = nats.run(nats.connect(hooks=[tracing]))
    service = nats.run(nats.connect(hooks=[tracing]))

    async def answer(message: Message) -> None:
        await deferLater(nats.clock, 1.0)
        service.publish("log")
        message.respond(b"yes")

    service.subscribe("ask.*", answer)
    nats.run(service.flush())
    assert nats.run(asker.request("ask.1")).payload == b"yes"
    spans = named(exporter)
    request, handled, logged = spans["request ask.1"], spans["process ask.*"], spans["publish log"]
    assert request.context is not None
    assert handled.parent is not None
    assert handled.parent.span_id == request.context.span_id
    assert logged.parent is not None
    assert handled.context is not None
    assert logged.parent.span_id == handled.context.span_id
    assert len({span.context.trace_id for span in spans.values() if span.context is not None}) == 1
    assert (request.kind, handled.kind) == (trace.SpanKind.CLIENT, trace.SpanKind.CONSUMER)
    assert handled.attributes is not None
    assert handled.attributes["messaging.destination.template"] == "ask.*"
    (told,) = nats.published("ask.1")
    assert told.headers.get("traceparent", "").startswith(f"00-{request.context.trace_id:032x}-")  # type: ignore[union-attr]
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_what_failed(nats: World, tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    client = nats.run(nats.connect(hooks=[tracing]))
    with pytest.raises(NoResponders):
        nats.run(client.request("nobody"))
    span = named(exporter)["request nobody"]
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.attributes is not None
    assert span.attributes["error.type"] == "NoResponders"
    assert span.events[0].name == "exception"


def test_a_context_of_another_program_is_taken_up(
    nats: World, tracing: Tracing, exporter: InMemorySpanExporter
) -> None:
    client = nats.run(nats.connect(hooks=[tracing]))
    client.subscribe("a", lambda message: None)
    nats.run(client.flush())
    nats.server.publish("a", headers={"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
    nats.settle()
    span = named(exporter)["process a"]
    assert span.context is not None
    assert f"{span.context.trace_id:x}" == "af7651916cd43dd8448eb211c80319c"
