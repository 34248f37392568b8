"""How a store is set up, and the stream that it is.

Source: ADR-20.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace

from ..errors import InvalidOption
from ..jetstream.assets.stream_config import Compression, Discard, Placement, Storage, StreamConfig
from .naming import all_chunks, all_meta, check_store, store_of, stream_of


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """How an object store is set up. Seconds are floats; -1 is no limit.

    Attributes:
        store: Its name: letters, digits, ``_`` and ``-``.
        ttl: Seconds that objects are kept; 0 for ever.
        max_bytes: What it may hold in all.
        storage: ``file`` or ``memory``.
        replicas: Copies on other servers, 1 to 5.
        placement: Which servers hold it.
        compression: Whether it is packed on disk.
        sealed: Told of a store that is sealed; ``ObjectStore.seal`` does it.
        metadata: Your own.
    """

    store: str
    _: KW_ONLY
    description: str = ""
    ttl: float = 0.0
    max_bytes: int = -1
    storage: str = Storage.FILE
    replicas: int = 1
    placement: Placement | None = None
    compression: bool = False
    sealed: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)

    def replace(self, **changes: object) -> StoreConfig:
        """The same with some fields changed: what an update is made of."""
        return replace(self, **changes)  # type: ignore[arg-type]


def stream_config(config: StoreConfig) -> StreamConfig:
    """The stream that a store is.

    Raises:
        InvalidStore, InvalidOption: No store can be so.
    """
    if not isinstance(config, StoreConfig):
        raise InvalidOption(f"a store is made from a StoreConfig, not {type(config).__name__}")
    store = check_store(config.store)
    return StreamConfig(
        name=stream_of(store),
        description=config.description,
        subjects=[all_chunks(store), all_meta(store)],
        max_age=config.ttl,
        max_bytes=config.max_bytes or -1,
        storage=config.storage,
        num_replicas=config.replicas,
        placement=config.placement,
        compression=Compression.S2 if config.compression else Compression.NONE,
        discard=Discard.NEW,
        allow_rollup_hdrs=True,
        allow_direct=True,
        sealed=config.sealed,
        metadata=dict(config.metadata),
    )


def store_config(stream: StreamConfig) -> StoreConfig:
    """The store that a stream is."""
    return StoreConfig(
        store_of(stream.name),
        description=stream.description,
        ttl=stream.max_age,
        max_bytes=stream.max_bytes,
        storage=stream.storage,
        replicas=stream.num_replicas,
        placement=stream.placement,
        compression=stream.compression != Compression.NONE,
        sealed=stream.sealed,
        metadata=dict(stream.metadata),
    )
