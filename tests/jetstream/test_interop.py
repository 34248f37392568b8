"""Streams, consumers and messages of nats-py read by us, and the other way round."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.utils import getProcessOutputAndValue

from tests.jetstream.story import JetStreamStory, reactor
from txnats.jetstream import ConsumerConfig, StreamConfig

PEER = Path(__file__).with_name("peer.py")


@pytest.mark.usefixtures("class_server")
class TestInterop(JetStreamStory):
    async def peer(self, verb: str) -> Any:
        arguments = [str(PEER), verb, self.server.url]
        out, err, code = await getProcessOutputAndValue(sys.executable, arguments, reactor=reactor)
        assert code == 0, err.decode()
        return json.loads(out)

    async def test_what_nats_py_wrote_is_read(self) -> None:
        js = await self.js()
        assert await self.peer("write") == "written"
        stream = await js.stream("THEIRS")
        assert (stream.config.subjects, stream.config.max_age) == (["theirs.>"], 3600.0)
        messages = await stream.get_batch().collect()
        assert [(each.subject, each.payload) for each in messages] == [
            (f"theirs.{number}", b"%d" % number) for number in range(5)
        ]
        assert [each.headers["Number"] for each in messages] == ["0", "1", "2", "3", "4"]
        consumer = await stream.consumer("theirs")
        assert (consumer.config.ack_wait, consumer.config.filter_subject) == (20.0, "theirs.>")
        assert consumer.cached.ack_floor.stream_seq == 2
        assert [each.payload for each in await consumer.fetch(3)] == [b"2", b"3", b"4"]

    async def test_what_we_wrote_is_read_by_nats_py(self) -> None:
        js = await self.js()
        config = StreamConfig(name="OURS", subjects=["ours.>"], max_age=90.5, discard="new", allow_direct=True)
        stream = await js.create_stream(config)
        for number in range(3):
            await js.publish(f"ours.{number}", b"%d" % number, headers={"Number": str(number)}, message_id=str(number))
        await stream.create_consumer(
            ConsumerConfig(durable_name="ours", ack_wait=1.5, backoff=[1.5, 3.0], max_deliver=5)
        )
        told = await self.peer("read")
        assert (told["subjects"], told["max_age"], told["discard"]) == (["ours.>"], 90.5, "new")
        assert (told["ack_wait"], told["backoff"]) == (1.5, [1.5, 3.0])
        assert told["got"][:2] == ["ours.2", "2"]
        assert told["got"][2]["Number"] == "2"
        assert [each[:2] for each in told["messages"]] == [["ours.0", "0"], ["ours.1", "1"], ["ours.2", "2"]]
        assert [each[2]["Number"] for each in told["messages"]] == ["0", "1", "2"]
        assert (await (await stream.consumer("ours")).info()).ack_floor.stream_seq == 3
