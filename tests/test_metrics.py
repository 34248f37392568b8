"""Counts and times for Prometheus."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry
from twisted.web.test.requesthelper import DummyRequest

from txnats import NoResponders
from txnats.metrics import Metrics
from txnats.testing import World

pytest_plugins = ["txnats.testing.fixtures"]


def test_what_is_told(nats: World) -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    client = nats.run(nats.connect(hooks=[metrics]))
    nats.server.answer("price", b"2.50")
    client.subscribe("a", lambda message: None)
    client.publish("a", b"12345")
    nats.run(client.request("price", b"123"))
    with pytest.raises(NoResponders):
        nats.run(client.request("nobody"))
    waiting = client.request("a")
    nats.settle()

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("nats_operations_total", kind="publish", outcome="ok") == 1
    assert value("nats_operations_total", kind="request", outcome="ok") == 1
    assert value("nats_operations_total", kind="request", outcome="NoResponders") == 1
    assert value("nats_operations_total", kind="handle", outcome="ok") == 2
    assert value("nats_payload_bytes_total", kind="publish") == 5
    assert value("nats_payload_bytes_total", kind="handle") == 5
    assert value("nats_operation_seconds_count", kind="request") == 2
    assert value("nats_operations_in_progress", kind="request") == 1
    waiting.addErrback(lambda _: None)
    waiting.cancel()
    assert value("nats_operations_in_progress", kind="request") == 0
    assert value("nats_operations_total", kind="request", outcome="CancelledError") == 1


def test_the_page_for_prometheus(nats: World) -> None:
    metrics = Metrics(CollectorRegistry())
    client = nats.run(nats.connect(hooks=[metrics]))
    client.publish("a", b"1")
    request = DummyRequest([b""])
    page = metrics.resource().render(request)
    assert isinstance(page, bytes)
    assert b'nats_operations_total{kind="publish",outcome="ok"} 1.0' in page
