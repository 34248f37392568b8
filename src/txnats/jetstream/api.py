"""One call of the JetStream API: a request, its answer, and all tries within one deadline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast, overload

import msgspec
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import deferLater

from ..client import Client
from ..errors import InvalidArgument, InvalidOption, NatsError, NoResponders, RequestTimeout
from ..message import Message
from ..options import check_seconds
from ..subjects import check_publish
from . import error_codes  # noqa: F401  # each class tells its number
from .errors import ApiError, JetStreamError, JetStreamNotEnabled, JetStreamUnavailable, NotSupported, error_from
from .records import Record, decode_object, encode, from_wire

R = TypeVar("R", bound=Record)
T = TypeVar("T")

REQUIRED_LEVEL = "Nats-Required-Api-Level"
FIRST_TRY = 2.0
"""Seconds that the first try of a call that may be repeated waits for its answer; each further one waits twice that."""
PAUSE = 0.25
"""Seconds before a call that was refused for now is tried again."""
ABSENT_TRIES = 3
"""Tries before nobody at home counts as: there is no JetStream here."""

# What a server says when it has done nothing, and another or the same one may say otherwise soon.
_FOR_NOW = frozenset({10008, 10009})
# The same, of reads and of what may be done twice.
_FOR_NOW_IF_REPEATABLE = frozenset({10004, 10118, 10119})
# INFO tells the level since 2.12, and servers before that do not heed the header.
_HEEDS_LEVEL = 2


class _Call(msgspec.Struct, frozen=True):
    """One call, checked."""

    subject: str
    body: bytes
    seconds: float
    repeatable: bool
    wait_if_absent: bool
    level: int
    features: tuple[str, ...]


class Api:
    """The JetStream API of an account.

    Args:
        client: Carries the calls.
        prefix: First tokens of the API's subjects.
        timeout: Seconds for a call, with all its tries, when the call itself names none.
    """

    def __init__(self, client: Client, prefix: str = "$JS.API", timeout: float = 15.0) -> None:
        check_publish(prefix, "use as a prefix")
        self.client = client
        self.clock = client.clock
        self.prefix = prefix
        self.timeout = check_seconds("timeout", timeout)

    def subject(self, suffix: str) -> str:
        """A subject of the API."""
        return f"{self.prefix}.{suffix}"

    @overload
    def call(
        self,
        suffix: str,
        request: Record | bytes | None,
        response_type: type[R],
        *,
        timeout: float | None = None,
        repeatable: bool = True,
        level: int = 0,
        features: tuple[str, ...] = (),
    ) -> Deferred[R]: ...
    @overload
    def call(
        self,
        suffix: str,
        request: Record | bytes | None = None,
        response_type: None = None,
        *,
        timeout: float | None = None,
        repeatable: bool = True,
        level: int = 0,
        features: tuple[str, ...] = (),
    ) -> Deferred[dict[str, Any]]: ...
    def call(
        self,
        suffix: str,
        request: Record | bytes | None = None,
        response_type: type[Record] | None = None,
        *,
        timeout: float | None = None,
        repeatable: bool = True,
        level: int = 0,
        features: tuple[str, ...] = (),
    ) -> Deferred[Any]:
        """Ask, and ask again as long as that can help and there is time.

        Asked again is always what was refused because nobody leads at the moment, and what reached nobody. Silence is
        followed by another try only when the call may be done twice.

        Args:
            suffix: The subject without its prefix.
            request: The body.
            response_type: What the answer is read as; None for the JSON object as it is.
            timeout: Seconds for all tries.
            repeatable: Whether doing it twice is the same as doing it once: every read is so, and a create or an
                update, which name the whole of what shall be.
            level: The API level that it needs.
            features: What needs it, for the error.

        Returns:
            A Deferred of the answer. It fails with a JetStreamError, or with what ``Client.request`` fails with:
            after RequestTimeout a call that is not repeatable may have been done.
        """
        kind = response_type

        def read(reply: Message) -> Any:
            told = decode_object(reply.payload)
            raise_error(told, self.subject(suffix))
            return told if kind is None else from_wire(kind, told)

        return self.ask(suffix, request, read, timeout=timeout, repeatable=repeatable, level=level, features=features)

    def ask(
        self,
        suffix: str,
        request: Record | bytes | None,
        read: Callable[[Message], T],
        *,
        timeout: float | None = None,
        repeatable: bool = True,
        wait_if_absent: bool = True,
        level: int = 0,
        features: tuple[str, ...] = (),
    ) -> Deferred[T]:
        """As ``call``, for an answer of any kind.

        Args:
            suffix: The subject without its prefix.
            request: The body.
            read: Makes the result of the reply, or raises what it tells.
            timeout: Seconds for all tries.
            repeatable: As for ``call``.
            wait_if_absent: Whether to go on asking when nobody is there; else three tries are enough.
            level: The API level that it needs.
            features: What needs it.
        """
        try:
            seconds = self.timeout if timeout is None else check_seconds("timeout", timeout)
            body = encode(request) if isinstance(request, Record) else request or b""
            subject = self.subject(suffix)
            check_publish(subject, "ask at")
        except InvalidArgument:
            return fail()
        asked = _Call(subject, body, seconds, repeatable, wait_if_absent, level, features)
        return Deferred.fromCoroutine(self._ask(asked, read))

    async def _ask(self, call: _Call, read: Callable[[Message], T]) -> T:
        deadline = self.clock.seconds() + call.seconds
        if call.level:
            await self.require(call.level, call.features, call.seconds)
        headers = {REQUIRED_LEVEL: str(call.level)} if call.level else None
        absent, wait = 0, FIRST_TRY
        while True:
            left = max(0.0, deadline - self.clock.seconds())
            seconds = min(wait, left) if call.repeatable else left
            try:
                return read(await self.client.request(call.subject, call.body, timeout=seconds, headers=headers))
            except NoResponders:
                absent += 1
                problem: NatsError = self._absent(call.subject)
                again = absent < ABSENT_TRIES or (call.wait_if_absent and self._may_come_back())
                pause = PAUSE
            except RequestTimeout as error:
                problem, again, pause = error, call.repeatable, 0.0
                wait *= 2
            except JetStreamError as error:
                problem, pause = _told_level(error, call), PAUSE
                again = error.err_code in _FOR_NOW or (call.repeatable and error.err_code in _FOR_NOW_IF_REPEATABLE)
            if not again or deadline - self.clock.seconds() <= pause:
                raise problem
            if pause:
                await deferLater(self.clock, pause)

    def api_level(self, timeout: float | None = None) -> Deferred[int]:
        """The API level of the server that answers: 0 before nats-server 2.11."""
        told = self.client.server_info.api_lvl
        if told and self.prefix == "$JS.API":
            return succeed(told)
        return self.call("INFO", timeout=timeout).addCallback(_level_in)

    def require(self, level: int, features: tuple[str, ...], timeout: float | None = None) -> Deferred[None]:
        """Make sure of an API level, without a call when the server in use has told its own.

        Servers before 2.12 do not heed the level in a request: theirs is asked for.

        Returns:
            A Deferred that fails with NotSupported.
        """
        if self.client.server_info.api_lvl >= max(level, _HEEDS_LEVEL):
            return succeed(None)

        def check(actual: int) -> None:
            if actual < level:
                raise NotSupported.levels(needed=level, actual=actual, features=features, where=self.prefix)

        return self.api_level(timeout).addCallback(check)

    def _may_come_back(self) -> bool:
        """Whether JetStream, which nobody serves now, may be served soon: then the call waits for it."""
        return self.client.server_info.jetstream and self.prefix == "$JS.API"

    def _absent(self, subject: str) -> JetStreamError:
        kind = JetStreamUnavailable if self._may_come_back() else JetStreamNotEnabled
        return kind(503, 0, "nobody serves the JetStream API", where=subject)


def api_prefix(domain: str | None, prefix: str | None) -> str:
    """The first tokens of the API's subjects.

    Raises:
        InvalidOption: Both are given, or the domain is more than one token.
    """
    if domain is not None and prefix is not None:
        raise InvalidOption("give a domain or a prefix, not both", why="the domain is a part of the prefix")
    if prefix is not None:
        return prefix.rstrip(".")
    if domain is None:
        return "$JS.API"
    check_publish(domain, "use as a domain")
    if "." in domain:
        raise InvalidOption(f"the domain {domain!r} is more than one token")
    return f"$JS.{domain}.API"


def raise_error(told: dict[str, Any], where: str) -> None:
    """Raise the error that an answer tells, if it tells one.

    Raises:
        JetStreamError: Of the class for its number.
    """
    error = told.get("error")
    if error is not None:
        try:
            known = msgspec.convert(error, ApiError)
        except msgspec.ValidationError:
            known = ApiError(description=str(error)[:200])
        raise error_from(known, where=where)


def _level_in(told: dict[str, Any]) -> int:
    api = told.get("api")
    level = cast("dict[str, Any]", api).get("level") if isinstance(api, dict) else 0
    return level if isinstance(level, int) else 0


def _told_level(error: JetStreamError, call: _Call) -> JetStreamError:
    """The error with the levels in it, if that is what it is about."""
    if isinstance(error, NotSupported) and call.level:
        return NotSupported.levels(needed=call.level, actual=None, features=call.features, where=error.where)
    return error
