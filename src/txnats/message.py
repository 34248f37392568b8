"""The message: one object from the wire to the user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from .errors import InvalidArgument, RemoteProtocolError
from .headers import Headers, HeaderSource


class Block(Protocol):
    """A header block as it came off the wire, read when somebody asks."""

    @property
    def raw(self) -> bytes: ...
    @property
    def status(self) -> int | None: ...
    @property
    def description(self) -> str: ...
    def headers(self) -> Headers: ...


class Publish(Protocol):
    """``Client.publish``."""

    def __call__(
        self,
        subject: str | bytes,
        payload: bytes | str = b"",
        *,
        reply: str | bytes | None = None,
        headers: HeaderSource | None = None,
    ) -> None: ...


class Origin(msgspec.Struct, eq=False):
    """What a message needs of the client that received it."""

    publish: Publish
    bad_headers: Callable[[RemoteProtocolError], None]
    answer: Callable[[bytes, bytes], None] | None = None
    """Publishes to a reply subject that came off the wire, where that is cheaper than ``publish``."""


class Message(msgspec.Struct, eq=False):
    """What somebody published, as it reached a subscription.

    Subject, reply and headers are kept as the bytes that came and are decoded when they are read, as UTF-8; bytes that
    are not UTF-8 become surrogate escapes and turn back into the same bytes when sent again.

    Attributes:
        subject_bytes: The subject as it came.
        sid: The number of the subscription that it came for.
        reply_bytes: The reply subject as it came, or None.
        payload: The body; empty bytes when there is none.
    """

    subject_bytes: bytes
    sid: int
    reply_bytes: bytes | None
    payload: bytes
    _block: Block | None = None
    _origin: Origin | None = None

    @property
    def subject(self) -> str:
        """The subject that it was published to; never a pattern."""
        return self.subject_bytes.decode("utf-8", "surrogateescape")

    @property
    def reply(self) -> str | None:
        """Where an answer is awaited, or None."""
        return None if self.reply_bytes is None else self.reply_bytes.decode("utf-8", "surrogateescape")

    @property
    def headers(self) -> Headers:
        """The headers; empty when there are none.

        Raises:
            RemoteProtocolError: A line of the block is no header.
        """
        if self._block is None:
            return Headers()
        try:
            return self._block.headers()
        except RemoteProtocolError as error:
            if self._origin is not None:
                self._origin.bad_headers(error)
            raise

    @property
    def header_bytes(self) -> bytes:
        """The header block as it came, its first and its blank line included; empty when there is none."""
        return b"" if self._block is None else self._block.raw

    @property
    def status(self) -> int | None:
        """The status code of a message that the server made (503 for no responders ...), else None."""
        return None if self._block is None else self._block.status

    @property
    def description(self) -> str:
        """The server's words beside the status code; empty when there are none."""
        return "" if self._block is None else self._block.description

    @property
    def size(self) -> int:
        """Bytes of headers and payload, as ``max_payload`` and the pending limits count them."""
        return len(self.payload) if self._block is None else len(self.payload) + len(self._block.raw)

    def respond(self, payload: bytes | str = b"", headers: HeaderSource | None = None) -> None:
        """Publish an answer to whoever asked.

        Raises:
            InvalidArgument: Nobody asked: the message has no reply subject, or it was not received by a client.
        """
        if self.reply_bytes is None:
            raise InvalidArgument(
                "cannot respond",
                where=self.subject,
                why="the message has no reply subject",
                hint="it was published, not requested",
            )
        if self._origin is None:
            raise InvalidArgument("cannot respond", where=self.subject, why="the message was not received by a client")
        if headers is None and payload.__class__ is bytes and self._origin.answer is not None:
            self._origin.answer(self.reply_bytes, payload)
        else:
            self._origin.publish(self.reply_bytes, payload, headers=headers)

    def __repr__(self) -> str:
        reply = f", reply={self.reply!r}" if self.reply_bytes is not None else ""
        status = f", status={self.status}" if self.status is not None else ""
        start = f"{self.payload[:32]!r}" + ("..." if len(self.payload) > 32 else "")
        return f"<Message {self.subject!r}{reply}{status}, {len(self.payload)} bytes: {start}>"
