"""All publishes of a context that wait for their fate, and what concerns them together."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from ...errors import NatsError
from ...headers import HeaderSource
from ...hooks import Kind
from ...observed import ObservedClient
from ...options import check_seconds
from ...state.waiters import Waiters
from ..api import Api
from ..errors import JetStreamNotEnabled, NotSupported
from ..records import Record
from .ack import PubAck
from .alarm import Alarm
from .headers import Expect, Ttl, gather
from .link import Link
from .publishing import Publishing, SinglePublishing, Taken

LOOK_EVERY = 0.5
"""Seconds between looks for publishes that get no answer."""
ASK_TIMEOUT = 1.0
TTL_LEVEL = 1
"""Older servers store the message and do not look at its time to live."""
MOST_GROUPS = 64
"""Different timeouts from which on those without a publish in flight are forgotten."""


class NamesRequest(Record, frozen=True, kw_only=True):
    """Which streams take a subject?"""

    subject: str


class Outgoing:
    """What is published and not answered.

    Args:
        api: The API of the context: its client sends, and it is asked for the stream of a subject.

    Attributes:
        inbox: Where answers come in.
        link: The connection that publishes go by.
        watch: Tells the client's hooks of each publish; None where there are none.
    """

    def __init__(self, api: Api) -> None:
        self.api = api
        self.clock = api.clock
        self.inbox = api.client.inbox
        self.link = Link(api.client, self._link_changed)
        self.watch = api.client.watch if isinstance(api.client, ObservedClient) else None
        # By their timeout, so that within a group the first to be sent is the first whose time is over.
        self._groups: dict[float, dict[Publishing, None]] = {}
        self._level, self._level_of = 0, -1
        self._questions: dict[str, Waiters[Taken]] = {}
        self._looking = Alarm(self.clock, self._look)
        self._deadline = Alarm(self.clock, self._expire)

    @property
    def flying(self) -> list[Publishing]:
        """The publishes that have no fate yet."""
        return [publishing for group in self._groups.values() for publishing in group]

    def add(self, publishing: Publishing, timeout: float) -> None:
        """One more has left."""
        group = self._groups.get(timeout)
        if group is None:
            group = self._new_group(timeout)
        group[publishing] = None
        if len(group) == 1:
            self._deadline.at(publishing.deadline)
        if publishing.has_id and not self._looking.is_set:
            self._looking.at(self.clock.seconds() + LOOK_EVERY)

    def remove(self, publishing: Publishing, timeout: float) -> None:
        """Its fate is known."""
        group = self._groups.get(timeout)
        if group is not None:
            group.pop(publishing, None)

    def publish(
        self,
        subject: str | bytes,
        payload: bytes | str = b"",
        *,
        headers: HeaderSource | None = None,
        message_id: str | None = None,
        ttl: Ttl | None = None,
        expect: Expect | None = None,
        timeout: float | None = None,
    ) -> Deferred[PubAck]:
        """As ``JetStream.publish``."""
        if self.watch is not None:
            watched = self.watch(Kind.STORE, subject, payload, headers)
            headers = watched.headers or None
            options: dict[str, Any] = {"message_id": message_id, "ttl": ttl, "expect": expect, "timeout": timeout}
            return watched.until(self._publish(subject, payload, headers=headers, **options))
        return self._publish(
            subject, payload, headers=headers, message_id=message_id, ttl=ttl, expect=expect, timeout=timeout
        )

    def _publish(
        self,
        subject: str | bytes,
        payload: bytes | str,
        *,
        headers: HeaderSource | None,
        message_id: str | None,
        ttl: Ttl | None,
        expect: Expect | None,
        timeout: float | None,
    ) -> Deferred[PubAck]:
        if ttl is not None and not self.is_known(TTL_LEVEL):
            asked = Deferred.fromCoroutine(self.require(TTL_LEVEL, "ttl"))
            return asked.addCallback(
                lambda _: self._publish(
                    subject, payload, headers=headers, message_id=message_id, ttl=ttl, expect=expect, timeout=timeout
                )
            )
        has_id = False
        try:
            seconds = self.api.timeout if timeout is None else check_seconds("timeout", timeout)
            if headers is not None or message_id is not None or ttl is not None or expect is not None:
                headers, has_id = gather(headers, message_id, ttl, expect)
        except NatsError:
            return fail()
        publishing = SinglePublishing(self, subject, payload, headers, has_id=has_id, timeout=seconds)
        try:
            publishing.start()
        except BaseException:  # noqa: BLE001  # also out of headers of the caller's own class
            return fail()
        return publishing.done

    def takes(self, subject: str) -> Deferred[Taken]:
        """Whether any stream takes this subject. Who asks for the same at the same time shares the answer."""
        waiters = self._questions.get(subject)
        if waiters is None:
            waiters = self._questions[subject] = Waiters()
            names = self.api.call("STREAM.NAMES", NamesRequest(subject=subject), timeout=ASK_TIMEOUT)
            waiting = waiters.wait()
            names.addCallbacks(_any_stream, _unknown).addCallback(self._told, subject)
            return waiting
        return waiters.wait()

    def is_known(self, level: int) -> bool:
        """Whether it is known that the server of this connection can do this."""
        return level <= self._level and self._level_of == self.link.losses

    async def require(self, level: int, feature: str) -> None:
        """See that the server can do this; asked once for each connection.

        Raises:
            NotSupported: It is too old.
        """
        if not self.is_known(level):
            self._level, self._level_of = await self.api.api_level(), self.link.losses
        if level > self._level:
            raise NotSupported.levels(needed=level, actual=self._level, features=(feature,), where=self.api.prefix)

    def _told(self, taken: Taken, subject: str) -> None:
        self._questions.pop(subject).tell(taken)

    def _link_changed(self) -> None:
        link = self.link
        if link.is_closed:
            self._looking.stop()
            self._deadline.stop()
        tell = Publishing.closed if link.is_closed else Publishing.back if link.is_up else Publishing.lost
        self._tell(tell)

    def _look(self) -> None:
        # While there is no connection nothing is sent again: all that may be is, once there is one.
        now = self.clock.seconds()
        if self.link.is_up:
            self._tell(lambda publishing: publishing.look(now))
        if any(publishing.has_id for publishing in self.flying):
            self._looking.at(now + LOOK_EVERY)

    def _tell(self, tell: Callable[[Publishing], None]) -> None:
        """Tell all, of which any may end others."""
        for publishing in self.flying:
            if not publishing.is_over:
                tell(publishing)

    def _new_group(self, timeout: float) -> dict[Publishing, None]:
        if len(self._groups) >= MOST_GROUPS:
            self._groups = {each: group for each, group in self._groups.items() if group}
        return self._groups.setdefault(timeout, {})

    def _expire(self) -> None:
        now = self.clock.seconds()
        for group in list(self._groups.values()):
            for publishing in list(takewhile(lambda each: each.deadline <= now, group)):
                if not publishing.is_over:
                    publishing.expire()
        firsts = [next(iter(group)).deadline for group in self._groups.values() if group]
        if firsts:
            self._deadline.at(min(firsts))


def _any_stream(told: dict[str, object]) -> Taken:
    return bool(told.get("streams"))


def _unknown(failure: Failure) -> Taken:
    """JetStream has no leader that could tell, or does not answer in time, or is not there."""
    return failure.value if isinstance(failure.value, JetStreamNotEnabled) else None
