"""A hook that makes spans of what a client does, for OpenTelemetry. It needs the extra ``tracing``.

The context travels in the message's headers, as W3C's ``traceparent`` unless the process is set up otherwise: the span
of a handler becomes a child of the span that sent its message, whoever runs it.
Source: OpenTelemetry's conventions for messaging spans.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

try:
    from opentelemetry import propagate, trace
    from opentelemetry.context import Context
    from opentelemetry.propagators.textmap import Getter, Setter
except ImportError as missing:
    from .errors import InvalidOption

    raise InvalidOption(
        "tracing needs the package opentelemetry-api", hint="pip install 'txnats[tracing]'"
    ) from missing

from .headers import Headers
from .hooks import Kind, Observation, Operation
from .version import __version__

_SPANS = {
    Kind.PUBLISH: (trace.SpanKind.PRODUCER, "publish"),
    Kind.REQUEST: (trace.SpanKind.CLIENT, "request"),
    Kind.STORE: (trace.SpanKind.PRODUCER, "publish"),
    Kind.ANSWER: (trace.SpanKind.PRODUCER, "answer"),
    Kind.HANDLE: (trace.SpanKind.CONSUMER, "process"),
    Kind.RECEIVE: (trace.SpanKind.CLIENT, "receive"),
    Kind.SETTLE: (trace.SpanKind.CLIENT, "settle"),
    Kind.PULL: (trace.SpanKind.CLIENT, "pull"),
    Kind.API: (trace.SpanKind.CLIENT, "call"),
}
_TYPES = {Kind.HANDLE: "process", Kind.RECEIVE: "receive", Kind.SETTLE: "settle"}
"""By the conventions; all others send."""
_INCOMING = frozenset({Kind.HANDLE, Kind.RECEIVE})
_CARRIERS = frozenset({Kind.PUBLISH, Kind.REQUEST, Kind.STORE, Kind.ANSWER})
"""What is for another program, which may go on with the trace."""


class Tracing:
    """Makes a span of each operation. Give it to ``txnats.connect(hooks=[Tracing()])``.

    A handler runs within the span of its message. Code that reads messages with ``next`` or ``async for`` can begin
    spans of its own ``context=context_of(message.headers)``.

    Args:
        provider: Where spans go; the process's own when not given.
        jetstream: Whether JetStream's own calls, pulls and acknowledgements get spans, too.
    """

    def __init__(self, provider: trace.TracerProvider | None = None, *, jetstream: bool = False) -> None:
        self._left_out: frozenset[Kind] = frozenset() if jetstream else frozenset({Kind.API, Kind.PULL, Kind.SETTLE})
        self._tracer = trace.get_tracer("txnats", __version__, provider)

    def __call__(self, operation: Operation) -> Observation | None:
        if operation.kind in self._left_out:
            return None
        kind, verb = _SPANS[operation.kind]
        attributes: dict[str, str | int] = {
            "messaging.system": "nats",
            "messaging.operation.type": _TYPES.get(operation.kind, "send"),
            "messaging.destination.name": operation.subject,
            "messaging.message.body.size": operation.size,
        }
        if operation.pattern != operation.subject:
            attributes["messaging.destination.template"] = operation.pattern
        parent = context_of(operation.headers) if operation.kind in _INCOMING else None
        span = self._tracer.start_span(f"{verb} {operation.pattern}", parent, kind, attributes)
        if operation.kind in _CARRIERS:
            propagate.inject(operation.headers, trace.set_span_in_context(span), setter=_SETTER)
        return _Traced(span)


def context_of(headers: Headers) -> Context:
    """The trace that a message belongs to, by its headers."""
    return propagate.extract(headers, getter=_GETTER)


class _Traced(Observation):
    __slots__ = ("_span",)

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def active(self) -> AbstractContextManager[object]:
        return trace.use_span(self._span, end_on_exit=False, record_exception=False, set_status_on_exception=False)

    def ended(self, error: BaseException | None) -> None:
        if error is not None:
            self._span.record_exception(error)
            self._span.set_attribute("error.type", type(error).__name__)
            self._span.set_status(trace.StatusCode.ERROR, str(error))
        self._span.end()


class _HeaderGetter(Getter[Headers]):
    def get(self, carrier: Headers, key: str) -> list[str] | None:
        found = [value for name, value in carrier.items() if name.lower() == key.lower()]
        return found or None

    def keys(self, carrier: Headers) -> list[str]:
        return [name for name, _ in carrier.items()]


class _HeaderSetter(Setter[Headers]):
    def set(self, carrier: Headers, key: str, value: str) -> None:
        carrier.set(key, value)


_GETTER, _SETTER = _HeaderGetter(), _HeaderSetter()
