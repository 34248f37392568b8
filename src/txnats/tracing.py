"""A hook that makes spans of what a client does, for OpenTelemetry. It needs the extra ``tracing``.

The context travels in the message's headers, as W3C's ``traceparent`` unless the process is set up otherwise: the span
of a handler becomes a child of the span that sent its message, whoever runs it.
Source: OpenTelemetry's conventions for messaging spans.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

try:
    from opentelemetry import propagate, trace
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
    Kind.HANDLE: (trace.SpanKind.CONSUMER, "process"),
}


class Tracing:
    """Makes a span of each publish, request and handled message. Give it to ``txnats.connect(hooks=[Tracing()])``.

    Args:
        provider: Where spans go; the process's own when not given.
    """

    def __init__(self, provider: trace.TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("txnats", __version__, provider)

    def __call__(self, operation: Operation) -> Observation:
        kind, verb = _SPANS[operation.kind]
        incoming = operation.kind is Kind.HANDLE
        attributes: dict[str, str | int] = {
            "messaging.system": "nats",
            "messaging.operation.type": "process" if incoming else "send",
            "messaging.destination.name": operation.subject,
            "messaging.message.body.size": operation.size,
        }
        if operation.pattern != operation.subject:
            attributes["messaging.destination.template"] = operation.pattern
        parent = propagate.extract(operation.headers, getter=_GETTER) if incoming else None
        span = self._tracer.start_span(f"{verb} {operation.pattern}", parent, kind, attributes)
        if not incoming:
            propagate.inject(operation.headers, trace.set_span_in_context(span), setter=_SETTER)
        return _Traced(span)


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
