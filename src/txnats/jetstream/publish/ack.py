"""What a stream answers to a publish."""

from __future__ import annotations

import msgspec

from ..errors import ApiError


class PubAck(msgspec.Struct, frozen=True, kw_only=True):
    """A stream has the message, on as many servers as it has replicas.

    Attributes:
        stream: Which stream.
        sequence: The message's number there; of the last message for a batch.
        duplicate: The stream had a message with this message id already: ``sequence`` is that one's, and nothing was
            stored now. A retry inside ``publish`` may have found what its own first try had stored.
        domain: The JetStream domain of the stream, when it has one.
        batch: The id of the batch that was committed.
        count: Messages in that batch.
        value_text: A counter's new value, in decimal digits.
    """

    stream: str
    sequence: int = msgspec.field(name="seq")
    duplicate: bool = False
    domain: str | None = None
    batch: str | None = None
    count: int = 0
    value_text: str | None = msgspec.field(name="val", default=None)

    @property
    def value(self) -> int | None:
        """A counter's new value, as large as it may be; None when the subject is no counter or nothing was stored."""
        return None if self.value_text is None else int(self.value_text)


class _Refusal(msgspec.Struct, frozen=True):
    """An answer that carries an error. It has a stream and a sequence of 0 too."""

    error: ApiError


read_ack = msgspec.json.Decoder(PubAck).decode
_read_refusal = msgspec.json.Decoder(_Refusal).decode


def read(payload: bytes) -> PubAck | ApiError | None:
    """An answer to a publish; None when it is no such answer at all."""
    try:
        return _read_refusal(payload).error
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        pass
    try:
        ack = read_ack(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    return ack if ack.sequence > 0 else None
