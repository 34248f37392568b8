from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from txnats.server import Cluster, NatsServer, PortInUse, ServerUnavailable
from txnats.server import cluster as cluster_module

Dial = Callable[[NatsServer], Any]


def routes(server: NatsServer) -> set[str]:
    return {route["remote_name"] for route in server.monitor("/routez")["routes"]}


def test_three_servers_know_each_other_and_follow_one_leader_through_a_kill(dial: Dial) -> None:
    with Cluster(name="trio") as cluster:
        names = {server.config.name for server in cluster.servers}
        assert names == {"trio-0", "trio-1", "trio-2"}
        for server in cluster.servers:
            assert routes(server) == names - {server.config.name}
            assert server.monitor("/jsz")["meta_cluster"]["leader"] == cluster.leader.config.name
        assert {f"nats://{url}" for url in dial(cluster.servers[0]).info["connect_urls"]} == set(cluster.urls)

        # The leader stays: a new one would take seconds to be elected.
        index = next(i for i, server in enumerate(cluster.servers) if server is not cluster.leader)
        urls = cluster.urls
        cluster.kill(index)
        assert not cluster.servers[index].running
        cluster.wait_ready()
        cluster.restart(index)
        assert cluster.urls == urls
        assert routes(cluster.servers[index]) == names - {f"trio-{index}"}
        servers = cluster.servers
    assert not any(server.running for server in servers)


def test_without_jetstream_there_is_no_leader_to_wait_for() -> None:
    with Cluster(2, jetstream=False) as cluster:
        assert len(cluster.servers) == 2
        assert cluster.start() is cluster
        with pytest.raises(ServerUnavailable, match="no JetStream leader"):
            _ = cluster.leader
    cluster.stop()
    assert cluster.servers == ()


def test_a_port_that_was_taken_meanwhile_means_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        real = cluster_module._free_ports
        offers = [lambda count: [taken, *real(count - 1)], real]
        monkeypatch.setattr(cluster_module, "_free_ports", lambda count: offers.pop(0)(count))
        with Cluster(2, jetstream=False) as cluster:
            assert not offers
            assert all(server.running for server in cluster.servers)


def test_ports_that_stay_taken_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        monkeypatch.setattr(cluster_module, "_free_ports", lambda count: [taken] * count)
        with pytest.raises(PortInUse):
            Cluster(2, jetstream=False).start()


def test_what_is_missing_is_told_when_time_is_up(tmp_path: Path) -> None:
    with Cluster(2, jetstream=False, store_dir=str(tmp_path)) as cluster:
        cluster.servers[1].suspend()
        with pytest.raises(ServerUnavailable, match=r"not ready in 0\.1 s.*monitoring does not answer") as caught:
            cluster.wait_ready(0.1)
        assert "loopback-0:\n" in caught.value.log


def test_a_cluster_that_does_not_get_ready_is_stopped() -> None:
    cluster = Cluster(2, jetstream=True, start_timeout=0.01)
    with pytest.raises(ServerUnavailable):
        cluster.start()
    assert cluster.servers == ()
