"""What is told of objects, read and written: each write only if nobody else has written meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime

from ..jetstream.assets.streams import Stream
from ..jetstream.context import JetStream
from ..jetstream.error_codes import StreamSealed
from ..jetstream.errors import MessageNotFound, NoStreamForSubject, StreamNotFound, WrongLastSequence
from ..jetstream.publish.headers import Expect
from ..jetstream.units import Timestamp
from ..nuid import next_nuid
from . import info as infos
from .errors import ObjectChanged, ObjectDeleted, ObjectNotFound, StoreNotFound, StoreSealed
from .info import ObjectInfo
from .naming import check_name, meta_subject

ROLLUP = (("Nats-Rollup", "sub"),)


class Metas:
    """Of one store.

    Args:
        js: Where it is.
        store: Its name.
        stream: Its stream.
    """

    def __init__(self, js: JetStream, store: str, stream: Stream) -> None:
        self._js = js
        self._store = store
        self._stream = stream

    async def last(self, name: str, *, leader: bool = False) -> ObjectInfo | None:
        """What is told of an object, deleted or not; None when there never was one."""
        try:
            message = await self._stream.get_last(
                meta_subject(self._store, check_name(name)), direct=False if leader else None
            )
        except MessageNotFound:
            return None
        except StreamNotFound:
            raise StoreNotFound(self._store) from None
        return infos.decode(
            message.payload,
            store=self._store,
            name=name,
            modified=message.timestamp,
            revision=message.sequence,
        )

    async def living(self, name: str, *, leader: bool = False) -> ObjectInfo:
        """What is told of an object.

        Raises:
            ObjectNotFound, ObjectDeleted: There is none.
        """
        info = await self.last(name, leader=leader)
        if info is None:
            raise ObjectNotFound(self._store, name)
        if info.deleted:
            raise ObjectDeleted(self._store, name)
        return info

    async def write(self, info: ObjectInfo, revision: int, timeout: float | None = None) -> ObjectInfo:
        """Write if what is told of this name is at this revision, 0 for nothing.

        Raises:
            ObjectChanged: It is not.
        """
        try:
            ack = await self._js.publish(
                meta_subject(self._store, check_name(info.name)),
                infos.encode(info),
                headers=ROLLUP,
                message_id=next_nuid(),
                expect=Expect(last_subject_sequence=revision),
                timeout=timeout,
            )
        except WrongLastSequence:
            raise ObjectChanged(self._store, info.name) from None
        except NoStreamForSubject:
            raise StoreNotFound(self._store) from None
        except StreamSealed:
            raise StoreSealed(self._store, info.name) from None
        return info.replace(revision=ack.sequence, modified=Timestamp.of(datetime.now(UTC)))
