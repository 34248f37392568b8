"""Streams and consumers of a cluster: replicas, leaders that step down, servers that die."""

from __future__ import annotations

import pytest

import txnats
from tests.jetstream.story import FAST, JetStreamStory, reactor
from txnats.jetstream import ConsumerConfig, JetStream, Placement, Stream, StreamConfig
from txnats.jetstream.assets.stream_info import ClusterInfo
from txnats.server import Cluster


@pytest.mark.usefixtures("class_cluster")
class TestCluster(JetStreamStory):
    timeout = 110
    cluster: Cluster

    async def made(self, name: str) -> tuple[JetStream, Stream]:
        client = await txnats.connect(reactor, self.cluster.urls, reconnect=FAST)
        self.addCleanup(client.close)
        js = JetStream(client, timeout=30.0)
        config = StreamConfig(name=name, subjects=[f"{name}.>"], num_replicas=3, allow_direct=True)
        return js, await js.create_stream(config)

    async def leader(self, stream: Stream) -> str:
        """The name of its leader, as soon as it has one."""
        while True:
            cluster = (await stream.info()).cluster
            assert isinstance(cluster, ClusterInfo)
            if cluster.leader:
                return cluster.leader

    async def test_it_tells_where_it_is(self) -> None:
        _, stream = await self.made("WHERE")
        leader = await self.leader(stream)
        cluster = stream.cached.cluster
        assert cluster is not None
        assert {leader, *(peer.name for peer in cluster.replicas)} == {"loopback-0", "loopback-1", "loopback-2"}
        assert not cluster.extra
        assert not cluster.replicas[0].extra

    async def test_a_leader_steps_down(self) -> None:
        _, stream = await self.made("STEP")
        leader = await self.leader(stream)
        wanted = next(f"loopback-{number}" for number in range(3) if f"loopback-{number}" != leader)
        await stream.step_down_leader(Placement(preferred=wanted))
        while await self.leader(stream) == leader:
            pass
        consumer = await stream.create_consumer(ConsumerConfig(durable_name="d"))
        await consumer.step_down_leader()
        assert (await consumer.info()).name == "d"

    @pytest.mark.soak
    async def test_a_server_is_taken_out(self) -> None:
        js, _ = await self.made("PEERS")
        stream = await js.create_stream(StreamConfig(name="ONE", subjects=["one"], num_replicas=1))
        leader = await self.leader(stream)
        await stream.remove_peer(leader)
        while await self.leader(stream) == leader:
            pass

    async def test_when_a_leader_dies_calls_go_on(self) -> None:
        js, stream = await self.made("DIES")
        for number in range(300):
            await js.publish(f"DIES.{number % 3}", f"{number}", message_id=f"{number}")
        leader = await self.leader(stream)
        (victim,) = (server for server in self.cluster.servers if server.config.name == leader)
        reading = stream.get_batch()
        first = await reading.next()
        victim.kill()
        try:
            info = await stream.info()
            assert info.state.messages == 300
            assert (await js.create_or_update_stream(stream.config.replace(description="alive"))).name == "DIES"
            consumer = await stream.create_consumer(ConsumerConfig(durable_name="after"))
            assert len(await consumer.fetch(10, max_wait=30.0)) == 10
            assert (await stream.get_message(300)).payload == b"299"
            rest = await reading.collect()
            assert [each.sequence for each in [first, *rest]] == list(range(1, 301))
            assert "DIES" in await js.stream_names().collect()
        finally:
            victim.start()
