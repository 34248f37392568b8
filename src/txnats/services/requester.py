"""The other end: ask a service."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import msgspec
from twisted.internet.defer import Deferred, fail

from ..client import Client
from ..errors import RemoteProtocolError
from ..headers import HeaderSource
from ..message import Message
from .errors import CODE, TEXT, ServiceError


class HasSubject(Protocol):
    """An endpoint, own or found."""

    @property
    def subject(self) -> str: ...


Where: TypeAlias = "str | HasSubject"


def call(
    client: Client,
    endpoint: Where,
    payload: Any = b"",
    *,
    reply: Any = None,
    timeout: float | None = None,
    headers: HeaderSource | None = None,
) -> Deferred[Any]:
    """Ask a service and take its errors for what they are.

    Args:
        client: The connection.
        endpoint: A subject, or an endpoint that ``discover`` found.
        payload: Bytes or text as they are; anything else is sent as JSON.
        reply: The type of the reply's body, any that msgspec knows; None gives the Message itself.
        timeout: Seconds; the client's default is 2.
        headers: As for ``Client.publish``.

    Returns:
        A Deferred of the reply. It fails with ServiceError when that is an error, with RemoteProtocolError when its
        body is not of the type, and else as ``Client.request`` does.
    """
    subject = endpoint if isinstance(endpoint, str) else endpoint.subject
    try:
        body = payload if isinstance(payload, (bytes, str)) else msgspec.json.encode(payload)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
        return fail()
    answer = client.request(subject, body, timeout=timeout, headers=headers).addCallback(checked, subject)
    return answer if reply is None else answer.addCallback(_read, reply)


def checked(message: Message, subject: str) -> Message:
    """A reply to a request at this subject, as it came.

    Raises:
        ServiceError: It says that it is an error.
    """
    headers = message.headers
    text, code = headers.get(TEXT), headers.get(CODE)
    if text is None and code is None:
        return message
    number = int(code) if code is not None and code.isascii() and code.isdigit() and len(code) == 3 else 500
    raise ServiceError(max(number, 100), text or "", payload=message.payload, headers=headers, where=subject)


def _read(message: Message, kind: Any) -> Any:
    try:
        return msgspec.json.decode(message.payload, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise RemoteProtocolError(f"the reply is not what was asked for: {error}") from None
