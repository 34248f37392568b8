"""A hook that counts and times what a client does, for Prometheus. It needs the extra ``metrics``."""

from __future__ import annotations

from time import perf_counter

try:
    from prometheus_client import (
        CONTENT_TYPE_LATEST,
        REGISTRY,
        CollectorRegistry,
        Counter,
        Gauge,
        Histogram,
        generate_latest,
    )
except ImportError as missing:
    from .errors import InvalidOption

    raise InvalidOption("metrics need the package prometheus-client", hint="pip install 'txnats[metrics]'") from missing

from twisted.web.resource import Resource
from twisted.web.server import Request

from .hooks import Kind, Observation, Operation

TIMED = frozenset({Kind.REQUEST, Kind.STORE, Kind.HANDLE, Kind.API})
"""What does not end as it begins."""
BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counts, sizes and times of a client's operations, by kind and outcome.

    Give it to ``txnats.connect(hooks=[Metrics()])``; several clients may share one. What is told:

    - ``nats_operations_total{kind, outcome}``: operations that have ended; the outcome is ``ok`` or an error's name.
    - ``nats_payload_bytes_total{kind}``: bytes of their payloads.
    - ``nats_operation_seconds{kind}``: a histogram of how long took what takes its time: requests, stores, handlers.
    - ``nats_operations_in_progress{kind}``: those that have not ended.

    Subjects are no labels: there may be any number of them.

    Args:
        registry: Where they are registered; Prometheus's own when not given.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._registry = registry
        self._ended = Counter("nats_operations", "Operations that have ended.", ["kind", "outcome"], registry=registry)
        self._bytes = Counter("nats_payload_bytes", "Bytes of payloads.", ["kind"], registry=registry)
        self._seconds = Histogram(
            "nats_operation_seconds", "How long operations took.", ["kind"], buckets=BUCKETS, registry=registry
        )
        self._running = Gauge("nats_operations_in_progress", "Operations under way.", ["kind"], registry=registry)

    def __call__(self, operation: Operation) -> Observation:
        return _Counted(self, operation)

    def resource(self) -> Resource:
        """A ``twisted.web`` resource that tells all of the registry, for Prometheus to fetch."""
        return _Page(self._registry)

    def begun(self, operation: Operation) -> float:
        """An operation begins; when."""
        self._bytes.labels(operation.kind.value).inc(operation.size)
        if operation.kind in TIMED:
            self._running.labels(operation.kind.value).inc()
        return perf_counter()

    def ended(self, kind: Kind, begun: float, error: BaseException | None) -> None:
        """It has ended."""
        self._ended.labels(kind.value, "ok" if error is None else type(error).__name__).inc()
        if kind in TIMED:
            self._running.labels(kind.value).dec()
            self._seconds.labels(kind.value).observe(perf_counter() - begun)


class _Page(Resource):
    """Made at once: it waits for nothing, and needs no thread as Prometheus's own does."""

    isLeaf = True

    def __init__(self, registry: CollectorRegistry) -> None:
        Resource.__init__(self)
        self._registry = registry

    def render_GET(self, request: Request) -> bytes:
        request.setHeader(b"Content-Type", CONTENT_TYPE_LATEST.encode())
        return generate_latest(self._registry)


class _Counted(Observation):
    __slots__ = ("_begun", "_kind", "_metrics")

    def __init__(self, metrics: Metrics, operation: Operation) -> None:
        self._metrics = metrics
        self._kind = operation.kind
        self._begun = metrics.begun(operation)

    def ended(self, error: BaseException | None) -> None:
        self._metrics.ended(self._kind, self._begun, error)
