"""A request as a handler sees it."""

from __future__ import annotations

from typing import Any

from ..headers import Headers, HeaderSource
from ..message import Message
from .errors import CODE, TEXT, ServiceError


class Request:
    """One request to an endpoint.

    Attributes:
        message: The message that carried it.
        value: The body, read as the endpoint's type; the bytes themselves where it has none.
        error: The error that it was answered with, if any.
        answered: How many answers were sent.
    """

    __slots__ = ("answered", "error", "message", "value")

    def __init__(self, message: Message, value: Any) -> None:
        self.message = message
        self.value = value
        self.error: ServiceError | None = None
        self.answered = 0

    @property
    def subject(self) -> str:
        """The subject that was asked."""
        return self.message.subject

    @property
    def payload(self) -> bytes:
        """The body as it came."""
        return self.message.payload

    @property
    def headers(self) -> Headers:
        """The headers; empty when there are none."""
        return self.message.headers

    def respond(self, payload: bytes | str = b"", headers: HeaderSource | None = None) -> None:
        """Answer. A handler that returns its answer need not call this.

        Raises:
            InvalidArgument: Nobody waits for an answer, or it cannot be sent.
        """
        self.message.respond(payload, headers)
        self.answered += 1

    def respond_error(
        self, code: int, description: str, payload: bytes | str = b"", headers: HeaderSource | None = None
    ) -> None:
        """Answer that it failed. Raising ``ServiceError`` in the handler does the same."""
        self.fail(ServiceError(code, description, payload=payload, headers=Headers(headers)))

    def fail(self, error: ServiceError) -> None:
        """Answer with this error."""
        told = Headers([(TEXT, error.description), (CODE, str(error.code))])
        for name, value in error.headers.items():
            if name not in (TEXT, CODE):
                told.add(name, value)
        self.error = error
        if self.message.reply_bytes is not None:
            self.respond(error.payload, told)

    def __repr__(self) -> str:
        return f"<Request {self.subject!r}, {len(self.payload)} bytes>"
