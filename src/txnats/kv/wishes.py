"""What a watcher of a bucket is to tell of.

Source: ADR-8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from ..errors import InvalidOption
from ..jetstream.assets.consumer_config import ConsumerConfig, DeliverPolicy
from ..jetstream.delivery import Delivery
from ..message import Message
from ..options import check_count
from .config import Places
from .entry import Entry, from_delivered
from .errors import BucketNotFound

Item = TypeVar("Item")


class Wish(Generic[Item]):
    """The arguments of ``Bucket.watch``.

    Args:
        bucket: The bucket's name.
        places: Where its keys are.
        filters: What keys.
        turn: Makes what is given out of an entry.
    """

    def __init__(
        self,
        bucket: str,
        places: Places,
        filters: tuple[str, ...],
        turn: Callable[[Entry], Item],
        *,
        history: bool = False,
        ignore_deletes: bool = False,
        meta_only: bool = False,
        updates_only: bool = False,
        from_revision: int | None = None,
        marker: bool = False,
        ends: bool = False,
        keys_only: bool = False,
    ) -> None:
        if sum((history, updates_only, from_revision is not None)) > 1:
            raise InvalidOption("history, updates_only and from_revision exclude each other")
        policy, start = DeliverPolicy.LAST_PER_SUBJECT, 0
        if from_revision is not None:
            policy, start = DeliverPolicy.BY_START_SEQUENCE, check_count("from_revision", from_revision, 2**63 - 1)
        elif updates_only:
            policy = DeliverPolicy.NEW
        elif history:
            policy = DeliverPolicy.ALL
        subjects = [places.read + each for each in filters]
        self.config = ConsumerConfig(
            deliver_policy=policy,
            opt_start_seq=start,
            headers_only=meta_only,
            filter_subject=subjects[0] if len(subjects) == 1 else "",
            filter_subjects=subjects if len(subjects) > 1 else [],
        )
        self.stream = places.stream
        self.updates_only = updates_only
        self.marker = marker
        self.ends = ends
        self.keys_only = keys_only
        self._bucket = bucket
        self._cut = len(places.read)
        self._turn = turn
        self._ignore_deletes = ignore_deletes

    def item(self, message: Message, delivery: Delivery) -> Item | None:
        """What is given out of a message."""
        entry = from_delivered(
            self._bucket, message.subject_bytes[self._cut :].decode("utf-8", "surrogateescape"), message, delivery
        )
        return None if self._ignore_deletes and entry.is_deleted else self._turn(entry)

    def gone(self) -> BaseException:
        """The bucket is not there."""
        return BucketNotFound(self._bucket)
