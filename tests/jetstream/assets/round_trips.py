"""What a server returns for a full configuration equals what was asked; or it is too old, and that is said."""

from __future__ import annotations

from typing import Any

from tests.jetstream.assets.samples import CONSUMERS, STREAMS
from txnats.jetstream import ConsumerConfig, JetStream, NotSupported, Stream, StreamConfig
from txnats.jetstream.assets.consumer_config import required_level


async def streams(js: JetStream, level: int) -> dict[str, Any]:
    """Each stream sample made, asked for, updated and deleted; what came of it, by its name."""
    found: dict[str, Any] = {}
    # A server that deletes its last stream removes the folder that the next one may be about to use.
    await js.create_stream(StreamConfig(name="STAYS"))
    for sample, (needed, config) in STREAMS.items():
        try:
            stream = await js.create_stream(config)
        except NotSupported as error:
            found[sample] = ("too old", error.needed, error.actual)
            assert needed > level
            continue
        info = await stream.info()
        created = stream.cached
        updated = await stream.update(stream.config.replace(description="another"))
        assert updated.config.description == "another"
        again = await js.stream(config.name)
        found[sample] = [config.differences(each.config) for each in (created, info)]
        found[sample].append(config.replace(description="another").differences(again.config))
        assert not info.extra
        assert not info.config.extra
        await stream.delete()
    return found


async def consumers(js: JetStream, level: int) -> dict[str, Any]:
    """The same of each consumer sample."""
    stream: Stream = await js.create_stream(StreamConfig(name="CONSUMERS", subjects=["full.>"]))
    found: dict[str, Any] = {}
    for sample, (needed, config) in CONSUMERS.items():
        make = stream.create_push_consumer if config.deliver_subject else stream.create_consumer
        try:
            consumer = await make(config)
        except NotSupported as error:
            found[sample] = ("too old", error.needed, error.actual)
            assert needed > level
            continue
        created, info = consumer.cached, await consumer.info()
        changed: ConsumerConfig = consumer.config.replace(description="another")
        if required_level(config)[0] < 4:  # a consumer with flow-controlled acks cannot be changed
            await consumer.update(changed)
            assert (await consumer.info()).config.differences(changed) == {}
        found[sample] = [config.differences(each.config) for each in (created, info)]
        assert not info.extra
        assert not info.config.extra
        await consumer.delete()
    await stream.delete()
    return found
