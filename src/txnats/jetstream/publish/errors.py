"""Errors of publishing many messages together. Those of one publish stand in ``jetstream.errors``."""

from __future__ import annotations

from typing import Protocol

from ...errors import NatsError
from ..errors import ApiError, JetStreamError, error_from
from .ack import PubAck


class Failed(Protocol):
    """A message of a publisher that has failed.

    Attributes:
        subject: Where it was published to.
        payload: What was published.
        error: Why it failed.
    """

    subject: str | bytes
    payload: bytes | str
    error: BaseException | None


class PublisherStopped(NatsError):
    """The publisher takes nothing more.

    Attributes:
        cause: The failure that stopped it, or None when it was closed.
    """

    def __init__(self, why: str, cause: BaseException | None = None) -> None:
        super().__init__(
            "nothing more can be published here",
            why=why if cause is None else f"{why}: {cause}",
            hint="" if cause is None else "on_failure, or stop_on_failure=False, lets it go on",
        )
        self.cause = cause


class PublishesFailed(NatsError):
    """Some of the messages of a publisher are not stored, or nobody knows.

    Attributes:
        failures: The first hundred of them, in the order in which they failed; each tells its ``error``.
        count: How many there are.
    """

    def __init__(self, failures: tuple[Failed, ...], count: int) -> None:
        first = failures[0].error if failures else None
        super().__init__(f"{count:,} publishes failed", why=f"the first: {first}")
        self.failures = failures
        self.count = count


class BatchFailed(JetStreamError):
    """A batch that is not stored, or not wholly.

    Attributes:
        batch: Its id.
        cause: The server's error, or what kept it from answering.
    """

    hinted = ""

    def __init__(self, batch: str, what: str, cause: BaseException | None = None, *, hint: str = "") -> None:
        code = cause.code if isinstance(cause, JetStreamError) else 0
        err_code = cause.err_code if isinstance(cause, JetStreamError) else 0
        super().__init__(code, err_code, str(cause) if cause is not None else "", what=what, where=batch)
        self.why = str(cause) if cause is not None else ""
        self.hint = hint
        self.batch = batch
        self.cause = cause


class IngestFailed(BatchFailed):
    """A fast batch that has ended otherwise than by a good commit. What it held up to a point is stored.

    Attributes:
        stored: So many messages, counted from the first, are stored for sure; with ``gaps="ok"`` but for those lost.
        ack: What the stream answered at the end, if it did.
    """

    def __init__(
        self,
        batch: str,
        what: str,
        cause: BaseException | None = None,
        *,
        stored: int,
        ack: PubAck | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(batch, f"{what}; {stored:,} messages are stored", cause, hint=hint)
        self.stored = stored
        self.ack = ack


def refusal(error: ApiError, subject: str) -> JetStreamError:
    """The error that a stream answers to a message."""
    return error_from(error, what="the message was not stored", where=subject)
