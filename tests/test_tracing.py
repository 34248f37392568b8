"""Spans for OpenTelemetry, with its own in-memory exporter."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from txnats import Message, NoResponders
from txnats.jetstream import JetStream, JsMessage
from txnats.testing import World
from txnats.tracing import Tracing, context_of

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


def test_a_trace_goes_through_a_stream(nats: World, tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    client = nats.run(nats.connect(hooks=[tracing]))
    nats.jetstream.add_stream("ORDERS", ["orders.>"]).add_consumer("worker")
    js = JetStream(client)

    async def main() -> None:
        await js.publish("orders.1", b"tea")
        consumer = await (await js.stream("ORDERS")).consumer("worker")
        handled: Deferred[None] = Deferred()

        def handle(message: JsMessage) -> None:
            client.publish("log")
            message.ack()
            handled.callback(None)

        consuming = consumer.consume(handle)
        await handled
        consuming.stop()

    nats.run(main())
    spans = named(exporter)
    assert sorted(spans) == ["process ORDERS > worker", "publish log", "publish orders.1"]
    stored, handled, logged = spans["publish orders.1"], spans["process ORDERS > worker"], spans["publish log"]
    assert handled.parent is not None
    assert stored.context is not None
    assert handled.parent.span_id == stored.context.span_id
    assert logged.parent is not None
    assert handled.context is not None
    assert logged.parent.span_id == handled.context.span_id
    assert all("traceparent" not in each.headers for each in nats.published("$JS.>"))


def test_a_message_that_is_read_tells_its_trace(nats: World, tracing: Tracing, exporter: InMemorySpanExporter) -> None:
    client = nats.run(nats.connect(hooks=[tracing]))
    subscription = client.subscribe("a")
    client.publish("a")
    message = nats.run(subscription.next())
    spans = named(exporter)
    published, received = spans["publish a"], spans["receive a"]
    assert received.parent is not None
    assert published.context is not None
    assert received.parent.span_id == published.context.span_id
    span = trace.get_current_span(context_of(message.headers)).get_span_context()
    assert span.span_id == published.context.span_id
