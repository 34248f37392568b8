"""Every error that JetStream tells, under one root.

::

    NatsError
    └── JetStreamError(code, err_code, description)
        ├── StreamNotFound, ConsumerNotFound, MessageNotFound, SequenceNotFound
        ├── TooManyResults
        ├── StreamNameInUse, ConsumerNameInUse
        ├── WrongLastSequence, WrongLastMessageId, WrongStream
        ├── JetStreamNotEnabled
        ├── JetStreamUnavailable             for now: an election is going on
        ├── NotSupported                     the server is too old for what was asked
        ├── one class for each other number of the server's list, in ``error_codes``
        ├── NoStreamForSubject               a publish that no stream takes
        ├── PublishOutcomeUnknown            stored or not: nobody can tell
        └── PullFailed                       a status that ended a pull
            ├── ConsumerDeleted, ConsumerIsPush
            ├── BadPullRequest, PullLimitExceeded
            ├── MessageExceedsMaxBytes
            └── WrongPinId

A number that is in no list stays a plain JetStreamError, with the server's number and words.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import msgspec

from ..errors import NatsError

BY_CODE: dict[int, type[JetStreamError]] = {}
"""The class for each ``err_code``; ``error_codes`` fills in what stands in the server's list."""


class JetStreamError(NatsError):
    """JetStream says no.

    Attributes:
        code: A number as HTTP has it: 400, 404, 409, 503 ...
        err_code: JetStream's own number, which names the error; 0 when there is none, as in a status.
        description: The server's own words.
    """

    err_codes: ClassVar[tuple[int, ...]] = ()
    hinted: ClassVar[str] = ""
    """What to try, for every error of this class."""

    def __init__(self, code: int, err_code: int, description: str, *, what: str = "", where: str = "") -> None:
        number = f"{code}/{err_code}" if err_code else str(code)
        super().__init__(
            what or "JetStream refused", where=where, why=f"{description} [{number}]", hint=type(self).hinted
        )
        self.code = code
        self.err_code = err_code
        self.description = description

    def __init_subclass__(cls, *, err_code: int | tuple[int, ...] = (), **rest: Any) -> None:
        super().__init_subclass__(**rest)
        cls.err_codes = (err_code,) if isinstance(err_code, int) else err_code
        for each in cls.err_codes:
            BY_CODE[each] = cls


class ApiError(msgspec.Struct, frozen=True):
    """The error inside an answer of JetStream."""

    code: int = 0
    err_code: int = 0
    description: str = ""


def error_from(error: ApiError, *, what: str = "", where: str = "") -> JetStreamError:
    """The typed error that an answer tells."""
    kind = BY_CODE.get(error.err_code, JetStreamError)
    return kind(error.code, error.err_code, error.description, what=what, where=where)


# What is absent


class StreamNotFound(JetStreamError, err_code=10059):
    """There is no such stream in this account or domain."""

    hinted = "check its name, the account and the domain; js.stream_names() lists what is there"


class ConsumerNotFound(JetStreamError, err_code=(10014, 10149)):
    """The stream has no such consumer."""

    hinted = "create it; one without durable_name goes when nobody has used it for a while"


class MessageNotFound(JetStreamError, err_code=10037):
    """The stream holds no such message."""

    hinted = "it was never there, or was deleted, purged or has expired"


class SequenceNotFound(JetStreamError, err_code=10043):
    """The stream holds nothing at this sequence."""


class TooManyResults(JetStreamError):
    """More subjects match than a server reads at a time."""

    hinted = "ask for fewer: a narrower pattern, or a part of the subjects"


# What is there already


class StreamNameInUse(JetStreamError, err_code=10058):
    """A stream of this name exists and is configured otherwise."""

    hinted = "use create_or_update_stream, or another name"


class ConsumerNameInUse(JetStreamError, err_code=(10013, 10105, 10148)):
    """A consumer of this name exists and is configured otherwise."""

    hinted = "use create_or_update_consumer, or another name"


# What was expected


class WrongLastSequence(JetStreamError, err_code=(10071, 10164)):
    """The stream, or the subject, has moved on: its last sequence is not the one that was expected.

    Attributes:
        last_sequence: Its last sequence, when the server tells it (it does not on a replicated stream), else None.
    """

    hinted = "read again, decide anew, and publish with the sequence that was read then"

    def __init__(self, code: int, err_code: int, description: str, *, what: str = "", where: str = "") -> None:
        super().__init__(code, err_code, description, what=what, where=where)
        told = re.search(r"\d+\s*\Z", description)
        self.last_sequence = int(told.group()) if told else None


class WrongLastMessageId(JetStreamError, err_code=10070):
    """The message id of the stream's last message is not the one that was expected."""


class WrongStream(JetStreamError, err_code=10060):
    """The subject belongs to another stream than was expected."""

    hinted = "js.stream_names(subject) tells which stream has it"


# What JetStream is not, or not now


class JetStreamNotEnabled(JetStreamError, err_code=(10076, 10039)):
    """There is no JetStream here: not on the server, not for the account, or not in the domain."""

    hinted = "run nats-server with -js, enable JetStream for the account, or check the domain and prefix"


class JetStreamUnavailable(JetStreamError, err_code=(10008, 10009)):
    """JetStream has no leader at the moment. Nothing was done."""

    hinted = "an election takes some seconds: try again, or give it a longer timeout"


class NotSupported(JetStreamError, err_code=10185):
    """What was asked needs a newer server. Nothing was done.

    Attributes:
        needed: The API level that it needs; None when the server alone knows.
        actual: The API level that the server has, if known. 1 is nats-server 2.11, 2 is 2.12, 4 is 2.14, 5 is 2.15.
        features: The names of the options that need it.
    """

    needed: int | None = None
    actual: int | None = None
    features: tuple[str, ...] = ()

    @classmethod
    def levels(
        cls, *, needed: int, actual: int | None, features: tuple[str, ...] = (), where: str = ""
    ) -> NotSupported:
        """Of these API levels."""
        has = "an older one" if actual is None else f"level {actual}"
        names = ", ".join(features) or "this"
        error = cls(412, 10185, f"{names}: needs JetStream API level {needed}, the server has {has}", where=where)
        error.needed, error.actual, error.features = needed, actual, features
        error.hint = f"run nats-server {SERVER_OF_LEVEL.get(needed, '2.15')} or later"
        return error


SERVER_OF_LEVEL = {0: "2.10", 1: "2.11", 2: "2.12", 3: "2.14", 4: "2.14", 5: "2.15"}
"""The first server with each API level."""


# Publishing


class NoStreamForSubject(JetStreamError):
    """No stream takes messages of this subject. Nothing was stored.

    Attributes:
        subject: Where it was published to.
    """

    hinted = "create a stream whose subjects cover it, or check its spelling and the domain"

    def __init__(self, subject: str) -> None:
        super().__init__(503, 0, "no stream takes this subject", what="the message was not stored", where=subject)
        self.subject = subject


class PublishOutcomeUnknown(JetStreamError):
    """No answer came: the message may be stored or not, now or soon.

    Attributes:
        subject: Where it was published to.
        cause: Why no answer came.
    """

    hinted = "publish with a message_id: then it can be retried without a duplicate"

    def __init__(self, subject: str, cause: BaseException | None = None) -> None:
        why = str(cause) if cause is not None else "no answer came in time"
        super().__init__(408, 0, why, what="whether the message is stored is not known", where=subject)
        self.subject = subject
        self.cause = cause


# Pulling


class PullFailed(JetStreamError):
    """A status of the server ended a pull, or a loop of them."""


class ConsumerDeleted(PullFailed):
    """The consumer, or its stream, was deleted."""

    hinted = "create it again, if it was not meant to go"


class ConsumerIsPush(PullFailed):
    """It is a push consumer and cannot be pulled from."""

    hinted = "consume it by create_push_consumer, or make a consumer without deliver_subject"


class BadPullRequest(PullFailed):
    """The server does not understand the pull."""


class PullLimitExceeded(PullFailed):
    """The pull asks for more than the consumer's max_batch, max_expires, max_bytes or max_waiting allow."""


class MessageExceedsMaxBytes(PullFailed):
    """The next message is larger than the max_bytes of the pull."""

    hinted = "raise max_bytes"


class WrongPinId(PullFailed):
    """Another client is pinned in this priority group."""
