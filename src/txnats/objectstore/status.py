"""What a store is and holds."""

from __future__ import annotations

import msgspec

from ..jetstream.assets.stream_info import StreamInfo
from .config import StoreConfig, store_config


class StoreStatus(msgspec.Struct, frozen=True):
    """What a store is and holds.

    Attributes:
        config: How it is set up.
        size: Bytes of all that it holds, with what is told of it.
        backing_store: ``JetStream``.
        stream: All that the server tells of its stream.
    """

    config: StoreConfig
    size: int
    stream: StreamInfo
    backing_store: str = "JetStream"

    @property
    def store(self) -> str:
        """Its name."""
        return self.config.store

    @property
    def sealed(self) -> bool:
        """Whether nothing goes in or out any more."""
        return self.config.sealed

    @property
    def is_compressed(self) -> bool:
        """Whether it is packed on disk."""
        return self.config.compression


def status_of(info: StreamInfo) -> StoreStatus:
    """What a store's stream tells of it."""
    return StoreStatus(store_config(info.config), info.state.bytes, info)
