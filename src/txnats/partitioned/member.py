"""One instance of a member at work: it consumes while it may, and follows the changes of its group."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..errors import ClientClosed, EndOfStream, NatsError, OperationTimeout, RemoteProtocolError, RequestTimeout
from ..jetstream import Consumer, ConsumerConfig, ConsumerNameInUse, ConsumerNotFound, JetStream, JsMessage, errors
from ..jetstream.consume.consuming import Consuming
from ..jetstream.consume.pull_request import Priority
from ..jetstream.error_codes import ConsumerWQConsumerNotUnique, ConsumerWQMultipleUnfiltered
from ..jetstream.records import decode
from ..kv import Bucket, Entry, Operation
from ..state.waiters import Waiters
from . import plan
from .errors import GroupChanged
from .plan import Config

GroupHandler: TypeAlias = "Callable[[GroupMessage], object]"

STAND_BACK = 0.4
"""Seconds that an instance that is not pinned leaves to the one that is, to make the member's consumer anew."""
_PIN = "Nats-Pin-Id"
_TRIED_AGAIN = (
    ConsumerNotFound,  # another instance has deleted it at this moment
    ConsumerWQConsumerNotUnique,  # another member has some of the partitions still
    ConsumerWQMultipleUnfiltered,
    errors.JetStreamUnavailable,
    RequestTimeout,
)


class GroupMessage(JsMessage, eq=False):
    """A message of a group: as it came, with its subject as it was before the partition was put in front."""

    @property
    def subject(self) -> str:
        return plan.without_partition(self.message.subject)

    @property
    def partition(self) -> int:
        """The number of its partition."""
        return int(self.message.subject.partition(".")[0])


class Rules(Protocol[Config]):
    """How a kind of group behaves."""

    @property
    def kind(self) -> type[Config]: ...
    @property
    def stream(self) -> str:
        """Where its members consume from."""

    @property
    def deletes_at_end(self) -> bool:
        """Whether a member's consumer goes with the group."""

    def consumer(self, config: Config, member: str, template: ConsumerConfig) -> ConsumerConfig | None:
        """The consumer that a member shall have; None when it is no member."""

    def may_become(self, old: Config, new: Config) -> bool:
        """Whether members go on when the group changes so."""


class Member(Generic[Config]):
    """An instance of a member. Made by ``consume`` of a group.

    Several may run under one name: one is served, the others wait to take its place.

    Attributes:
        name: The member.
        config: The group as it is known here.
    """

    log = Logger()

    def __init__(
        self,
        js: JetStream,
        bucket: Bucket,
        key: str,
        *,
        name: str,
        rules: Rules[Config],
        config: Config,
        template: ConsumerConfig,
        handler: GroupHandler,
        options: dict[str, Any],
    ) -> None:
        self.name = name
        self.config = config
        self._js = js
        self._key = key
        self._rules = rules
        self._template = template
        self._ack_wait = template.ack_wait or plan.ACK_WAIT
        self._handler = handler
        self._options = options
        self._consumer: Consumer | None = None
        self._consuming: Consuming | None = None
        self._pin = ""
        self._stopped = False
        self._is_done = False
        self._error: BaseException | None = None
        self._done: Waiters[None] = Waiters()
        self._watcher = bucket.watch(key)
        self._work = Deferred.fromCoroutine(self._run()).addErrback(self._broke)

    # For the user

    def stop(self) -> None:
        """End this instance: messages in work are finished, the rest goes to another one."""
        self._stopped = True
        self._watcher.stop()

    def when_done(self) -> Deferred[None]:
        """Fires when it has ended: it was stopped or the group was deleted. Fails with what else ended it."""
        done: Deferred[None] = self._done.wait()
        if self._is_done:
            self._tell()
        return done

    @property
    def is_consuming(self) -> bool:
        """Whether it pulls; whether it is the one that is served, only messages tell."""
        return self._consuming is not None and self._consuming.is_active

    # Its life

    async def _run(self) -> None:
        try:
            with suppress(EndOfStream):  # it was stopped
                await self._follow()
        except NatsError as error:
            self._error = error
        self._watcher.stop()
        await self._pause()
        # Other instances go on with it when it is this one's client that ends.
        if self._rules.deletes_at_end and not self._stopped and not isinstance(self._error, ClientClosed):
            await self._delete_consumer()
        self._is_done = True
        self._tell()

    def _broke(self, failure: Failure) -> None:
        """Of a fault of ours, or a cancelled wait: nobody is left waiting for the end."""
        self._watcher.stop()
        self._is_done = True
        self._error = failure.value
        self._tell()
        self.log.failure("a member of {group} broke", failure=failure, group=self._key)

    async def _follow(self) -> None:
        await self._join()
        while True:
            try:
                entry = await self._watcher.next(self._ack_wait + 0.5 if self.is_consuming else 1.0)
            except OperationTimeout:
                await self._mend()
                continue
            if entry.operation is not Operation.PUT:
                return
            await self._changed(entry)

    async def _changed(self, entry: Entry) -> None:
        try:
            new = plan.check(decode(self._rules.kind, entry.value))
        except RemoteProtocolError:
            raise GroupChanged(self._key) from None
        old = self.config
        if not self._rules.may_become(old, new):
            raise GroupChanged(self._key)
        if new == old and self.is_consuming:
            return
        self.config = new
        if self._wanted(old) != self._wanted(new) or not self.is_consuming:
            await self._move()

    def _wanted(self, config: Config) -> ConsumerConfig | None:
        return self._rules.consumer(config, self.name, self._template)

    async def _mend(self) -> None:
        """What has not come about, or has come apart, is tried again."""
        if not self.is_consuming:
            await self._pause()
            await self._join()

    async def _move(self) -> None:
        """Other partitions: the consumer is made anew, since it may have to go back for them."""
        pinned = await self._is_pinned()
        await self._pause()
        if pinned:
            await self._delete_consumer()
        else:
            await deferLater(self._js.client.clock, STAND_BACK)
        await self._join()

    async def _is_pinned(self) -> bool:
        if self._consumer is None or not self._pin:
            return False
        try:
            info = await self._consumer.info()
        except errors.JetStreamError:
            return False
        return any(each.pinned_client_id == self._pin for each in info.priority_groups)

    async def _join(self) -> None:
        """Make the member's consumer, or find it, and pull. Another member's may be in the way for a moment."""
        wanted = self._wanted(self.config)
        if wanted is None:
            return
        try:
            self._consumer = consumer = await self._made(wanted)
        except _TRIED_AGAIN:
            return
        if consumer is None:
            return
        self._consuming = consumer.consume(
            self._take,
            expires=plan.pull_expires(self._ack_wait),
            priority=Priority(group=plan.PRIORITY_GROUP),
            **self._options,
        )
        self._consuming.when_done().addErrback(lambda _: None)  # ``_mend`` sees that it has ended

    async def _made(self, wanted: ConsumerConfig) -> Consumer | None:
        """The consumer as it is wanted; None when one that differs had to go first."""
        stream = await self._js.stream(self._rules.stream)
        try:
            return await stream.create_consumer(wanted)
        except ConsumerNameInUse:
            if self._rules.deletes_at_end:
                raise  # of a group that never changes: somebody joined with another configuration
            await stream.delete_consumer(wanted.name)
            return None

    def _take(self, message: JsMessage) -> object:
        self._pin = message.headers.get(_PIN) or self._pin
        return self._handler(GroupMessage(message.message, self._js.client))

    async def _pause(self) -> None:
        """Pull no more; what is in work is finished."""
        consuming, self._consuming = self._consuming, None
        if consuming is not None:
            consuming.stop()
            with suppress(NatsError):
                await consuming.when_done()

    async def _delete_consumer(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with suppress(NatsError):
                await consumer.delete()

    def _tell(self) -> None:
        if self._error is None:
            self._done.tell(None)
        else:
            self._done.fail(self._error)

    def __repr__(self) -> str:
        state = "consuming" if self.is_consuming else "ended" if self._is_done else "waiting"
        return f"<Member {self.name!r} of {self._key}, {state}>"
