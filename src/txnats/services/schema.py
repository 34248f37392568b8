"""Types of requests and replies: read, written, and told as JSON Schema."""

from __future__ import annotations

from typing import Any

import msgspec

from ..errors import InvalidArgument
from .errors import ServiceError

REQUEST_SCHEMA = "request_schema"
REPLY_SCHEMA = "reply_schema"


class Codec:
    """JSON of one endpoint's requests and replies.

    Args:
        request: The type of a request's body, any that msgspec knows; None leaves bytes.
        reply: The type of a reply's body; None leaves what the handler gives, bytes or text.

    Raises:
        InvalidArgument: msgspec cannot read or describe such a type.
    """

    __slots__ = ("_decoder", "_reply", "schemas")

    def __init__(self, request: Any = None, reply: Any = None) -> None:
        self.schemas: dict[str, str] = {}
        for key, kind in ((REQUEST_SCHEMA, request), (REPLY_SCHEMA, reply)):
            if kind is not None:
                self.schemas[key] = _schema(kind)
        self._decoder = None if request is None else msgspec.json.Decoder(request)
        self._reply = None if reply is None else msgspec.json.Decoder(reply)

    def read(self, payload: bytes) -> Any:
        """The value of a request.

        Raises:
            ServiceError: 400, with the path of the field that is wrong.
        """
        if self._decoder is None:
            return payload
        try:
            return self._decoder.decode(payload)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise ServiceError(400, f"wrong request: {error}") from None

    def write(self, value: Any) -> bytes | str:
        """The body of a reply.

        Raises:
            ServiceError: 500: the handler gave what is no such reply.
        """
        if self._reply is None:
            if isinstance(value, (bytes, str)):
                return value
            raise ServiceError(500, f"the handler gave a {type(value).__name__} where bytes or text is sent")
        try:
            data = msgspec.json.encode(value)
            self._reply.decode(data)
        except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ServiceError(500, f"wrong reply: {error}") from None
        return data

    @property
    def always_answers(self) -> bool:
        """Whether None, too, is a reply to be sent."""
        return self._reply is not None


def _schema(kind: Any) -> str:
    try:
        return msgspec.json.encode(msgspec.json.schema(kind)).decode()
    except (TypeError, RuntimeError) as error:
        raise InvalidArgument(f"{kind!r:.80} is no type of a request or reply", why=str(error)) from None
