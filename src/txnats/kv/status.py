"""What a bucket is and holds."""

from __future__ import annotations

import msgspec

from ..jetstream.assets.stream_info import StreamInfo
from .config import BucketConfig, bucket_config


class BucketStatus(msgspec.Struct, frozen=True):
    """What a bucket is and holds.

    Attributes:
        config: How it is set up.
        values: Messages in it: all revisions that are kept, and deletes.
        bytes: What they take.
        last_revision: The revision of the last write.
        backing_store: ``JetStream``.
        stream: All that the server tells of its stream.
    """

    config: BucketConfig
    values: int
    bytes: int
    last_revision: int
    stream: StreamInfo
    backing_store: str = "JetStream"

    @property
    def bucket(self) -> str:
        """Its name."""
        return self.config.bucket

    @property
    def history(self) -> int:
        """Revisions kept of each key."""
        return self.config.history

    @property
    def ttl(self) -> float:
        """Seconds that values are kept; 0 for ever."""
        return self.config.ttl

    @property
    def limit_marker_ttl(self) -> float:
        """Seconds that the server's markers stay."""
        return self.config.limit_marker_ttl

    @property
    def is_compressed(self) -> bool:
        """Whether it is packed on disk."""
        return self.config.compression


def status_of(info: StreamInfo) -> BucketStatus:
    """What a bucket's stream tells of it."""
    state = info.state
    return BucketStatus(bucket_config(info.config), state.messages, state.bytes, state.last_seq, info)
