"""Fixtures with several real servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from txnats.server import Cluster, NatsServer


@pytest.fixture(scope="module")
def nats_cluster(live_servers: list[NatsServer]) -> Iterator[Cluster]:
    """Three servers with JetStream for the tests of a module, which must leave all of them running."""
    with Cluster() as cluster:
        live_servers.extend(cluster.servers)
        try:
            yield cluster
        finally:
            for server in cluster.servers:
                live_servers.remove(server)


@pytest.fixture(scope="class")
def class_cluster(request: pytest.FixtureRequest, nats_cluster: Cluster) -> None:
    """The module's cluster as ``self.cluster`` of a TestCase."""
    request.cls.cluster = nats_cluster
