"""What a watcher of an object store is to tell of."""

from __future__ import annotations

from ..errors import InvalidOption
from ..jetstream.assets.consumer_config import ConsumerConfig, DeliverPolicy
from ..jetstream.delivery import Delivery
from ..jetstream.units import Timestamp
from ..message import Message
from . import info as infos
from .errors import StoreNotFound
from .info import ObjectInfo
from .naming import all_meta, stream_of


class MetaWish:
    """The arguments of ``ObjectStore.watch`` and ``list``."""

    keys_only = False

    def __init__(
        self,
        store: str,
        *,
        ignore_deletes: bool = False,
        updates_only: bool = False,
        history: bool = False,
        marker: bool = False,
        ends: bool = False,
    ) -> None:
        if history and updates_only:
            raise InvalidOption("history and updates_only exclude each other")
        policy = DeliverPolicy.LAST_PER_SUBJECT
        if history or updates_only:
            policy = DeliverPolicy.ALL if history else DeliverPolicy.NEW
        self.stream = stream_of(store)
        self.config = ConsumerConfig(filter_subject=all_meta(store), deliver_policy=policy)
        self.updates_only = updates_only
        self.marker = marker
        self.ends = ends
        self._store = store
        self._ignore_deletes = ignore_deletes

    def item(self, message: Message, delivery: Delivery) -> ObjectInfo | None:
        """What is told of an object."""
        told = infos.decode(
            message.payload,
            store=self._store,
            name=message.subject,
            modified=Timestamp.from_ns(delivery.time),
            revision=delivery.revision,
        )
        return None if told.deleted and self._ignore_deletes else told

    def gone(self) -> BaseException:
        """The store is not there."""
        return StoreNotFound(self._store)
