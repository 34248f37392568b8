"""Reading single messages of a stream, and many at once, without a consumer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from twisted.internet.defer import Deferred, fail

from ...errors import InvalidArgument, InvalidOption
from ..base import JetStreamBase
from ..errors import JetStreamNotEnabled, JetStreamUnavailable
from . import checks
from .direct import DirectMessages
from .stored import GetRequest, StoredMessage, from_answer, from_direct
from .stream_config import StreamConfig
from .stream_info import StreamInfo


class Reading:
    """What can be read of a stream that stands on the servers."""

    js: JetStreamBase
    name: str
    cached: StreamInfo

    @property
    def config(self) -> StreamConfig:
        """How it was set up when it was asked last."""
        return self.cached.config

    def get_message(
        self, sequence: int, *, direct: bool | None = None, timeout: float | None = None
    ) -> Deferred[StoredMessage]:
        """Read the message of a sequence.

        Args:
            sequence: Its number.
            direct: Read it from any server that holds a copy, which may be behind the leader by a little; None does so
                when the stream allows it.
            timeout: Seconds for all tries.

        Returns:
            A Deferred that fails with MessageNotFound.
        """
        try:
            checks.check_counts("get_message", {"sequence": sequence}, 1)
        except InvalidArgument:
            return fail()
        return self._get(GetRequest(seq=sequence), "", direct, timeout)

    def get_last(
        self, subject: str, *, direct: bool | None = None, timeout: float | None = None
    ) -> Deferred[StoredMessage]:
        """Read the last message of a subject or pattern; as ``get_message``."""
        try:
            checks.check_subjects("get_last", [subject])
        except InvalidArgument:
            return fail()
        literal = not any(token in ("*", ">") for token in subject.split("."))
        return self._get(GetRequest(last_by_subj=subject), subject if literal else "", direct, timeout)

    def get_next(
        self, subject: str, sequence: int = 1, *, direct: bool | None = None, timeout: float | None = None
    ) -> Deferred[StoredMessage]:
        """Read the first message of a subject or pattern from a sequence on; as ``get_message``."""
        try:
            checks.check_subjects("get_next", [subject])
            checks.check_counts("get_next", {"sequence": sequence}, 1)
        except InvalidArgument:
            return fail()
        return self._get(GetRequest(seq=sequence, next_by_subj=subject), "", direct, timeout)

    def _get(
        self, request: GetRequest, last_for: str, direct: bool | None, timeout: float | None
    ) -> Deferred[StoredMessage]:
        wanted = self.config.allow_direct if direct is None else direct
        return Deferred.fromCoroutine(self._read(request, last_for, wanted, timeout))

    async def _read(self, request: GetRequest, last_for: str, direct: bool, timeout: float | None) -> StoredMessage:
        deadline = self.js.api.clock.seconds() + (self.js.api.timeout if timeout is None else timeout)
        while direct:
            left = deadline - self.js.api.clock.seconds()
            suffix = f"DIRECT.GET.{self.name}.{last_for}" if last_for else f"DIRECT.GET.{self.name}"
            body = None if last_for else request
            try:
                return await self.js.api.ask(suffix, body, from_direct, timeout=left, wait_if_absent=False)
            except (JetStreamUnavailable, JetStreamNotEnabled):
                # Nobody answers for this stream: it may be gone, forbid this way, or elect a leader.
                left = max(0.1, deadline - self.js.api.clock.seconds())
                info = await self.js.api.call(f"STREAM.INFO.{self.name}", None, StreamInfo, timeout=left)
                direct = info.config.allow_direct
                if direct and self.js.api.clock.seconds() >= deadline:
                    raise
        left = max(0.1, deadline - self.js.api.clock.seconds())
        told = await self.js.api.call(f"STREAM.MSG.GET.{self.name}", request, timeout=left)
        return from_answer(told, self.name)

    def get_batch(
        self,
        sequence: int = 1,
        *,
        subject: str = "",
        count: int | None = None,
        start_time: datetime | None = None,
        timeout: float | None = None,
    ) -> DirectMessages:
        """Read many messages in order, without a consumer. The stream needs ``allow_direct``, the server 2.11.

        Args:
            sequence: From this one on.
            subject: Only messages of this pattern.
            count: So many at the most; None for all that are there.
            start_time: From what was stored then on, instead of ``sequence``.
            timeout: Seconds without progress after which it fails.

        Raises:
            InvalidArgument: Nothing was asked.
        """
        checks.check_counts("get_batch", {"sequence": sequence}, 1)
        if count is not None:
            checks.check_counts("get_batch", {"count": count}, 1)
        if subject:
            checks.check_subjects("get_batch", [subject])
        start = {"start_time": start_time} if start_time is not None else {"seq": sequence}
        request = GetRequest(next_by_subj=subject, **start)
        return DirectMessages(self.js.api, self.name, request, count=count, timeout=timeout)

    def get_last_for_subjects(
        self,
        subjects: Iterable[str],
        *,
        up_to_sequence: int = 0,
        up_to_time: datetime | None = None,
        timeout: float | None = None,
    ) -> DirectMessages:
        """Read the last message of each of many subjects, all as of one moment, in the order of their sequences.

        The stream needs ``allow_direct``, the server 2.11. A server reads 1,024 subjects at the most: past these it
        fails with TooManyResults.

        Args:
            subjects: Subjects and patterns.
            up_to_sequence: As if the stream ended there.
            up_to_time: As the stream was then, instead.
            timeout: Seconds without progress after which it fails.

        Raises:
            InvalidArgument: Nothing was asked.
        """
        wanted = [subjects] if isinstance(subjects, str) else list(subjects)
        checks.check_subjects("get_last_for_subjects", wanted)
        checks.check_counts("get_last_for_subjects", {"up_to_sequence": up_to_sequence}, 0)
        if not wanted:
            raise InvalidArgument("get_last_for_subjects needs a subject", where=self.name)
        if up_to_sequence and up_to_time is not None:
            raise InvalidOption("get_last_for_subjects takes up_to_sequence or up_to_time, not both")
        request = GetRequest(multi_last=wanted, up_to_seq=up_to_sequence, up_to_time=up_to_time)
        return DirectMessages(self.js.api, self.name, request, timeout=timeout)
