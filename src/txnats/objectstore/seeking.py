"""Where a byte of an object is."""

from __future__ import annotations

from ..jetstream.assets.consumer_config import ConsumerConfig
from ..jetstream.consume.ordered import Ordered
from ..jetstream.context import JetStream
from .errors import ChunksMissing
from .info import ObjectInfo
from .naming import chunk_subject, stream_of

SIZE = "Nats-Msg-Size"
AHEAD = 1024


async def first_chunk(js: JetStream, info: ObjectInfo, start: int) -> tuple[int, int]:
    """The sequence of the chunk that a byte is in, and how many bytes are before it.

    Chunks may have any size: other clients cut otherwise. So those before are asked for, without their bytes.

    Raises:
        ChunksMissing: They end before.
    """
    config = ConsumerConfig(filter_subject=chunk_subject(info.store, info.nuid), headers_only=True)
    before = chunks = 0
    async with Ordered(js, stream_of(info.store), config).messages(max_messages=AHEAD) as messages:
        while chunks < info.chunks:
            message = await messages.next()
            metadata = message.metadata
            size = int(message.headers.get(SIZE) or 0)
            if before + size > start:
                return metadata.stream_sequence, before
            before += size
            chunks += 1
            if not metadata.pending and chunks < info.chunks:
                raise ChunksMissing(info.store, info.name, expected=info.chunks, actual=chunks)
            if chunks == info.chunks:
                return metadata.stream_sequence, before - size
    raise ChunksMissing(info.store, info.name, expected=info.chunks, actual=chunks)
