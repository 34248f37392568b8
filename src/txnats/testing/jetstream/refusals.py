"""What the JetStream in memory says no with: errors by name."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from ...jetstream import error_codes as codes
from ...jetstream import errors
from ...jetstream.errors import JetStreamError

Refusal: TypeAlias = "type[JetStreamError] | JetStreamError"
"""An error's class, or an error with a code and words of its own."""

_WORDS: dict[type[JetStreamError], tuple[int, str]] = {
    errors.StreamNotFound: (404, "stream not found"),
    errors.ConsumerNotFound: (404, "consumer not found"),
    errors.MessageNotFound: (404, "no message found"),
    errors.SequenceNotFound: (400, "sequence not found"),
    errors.StreamNameInUse: (400, "stream name already in use with a different configuration"),
    errors.WrongLastSequence: (400, "wrong last sequence"),
    errors.WrongStream: (400, "expected stream does not match"),
    errors.JetStreamUnavailable: (503, "JetStream system temporarily unavailable"),
    errors.JetStreamNotEnabled: (503, "JetStream not enabled"),
    codes.StreamSubjectOverlap: (400, "subjects overlap with an existing stream"),
    codes.StreamMessageExceedsMaximum: (400, "message size exceeds maximum allowed"),
    codes.StreamStoreFailed: (503, "maximum messages exceeded"),
    codes.InsufficientResources: (503, "insufficient resources"),
}


def refusal(error: Refusal, words: str = "", *, err_code: int = 0) -> dict[str, Any]:
    """The ``error`` of an answer of JetStream.

    Args:
        error: Which; a class says its number, and the server's words where they are known.
        words: What is said instead.
        err_code: The number, of a class that has several.
    """
    if isinstance(error, JetStreamError):
        return {"code": error.code, "err_code": error.err_code, "description": words or error.description}
    code, usual = _WORDS.get(error, (400, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", error.__name__).lower()))
    number = err_code or (error.err_codes[0] if error.err_codes else 0)
    return {"code": code, "err_code": number, "description": words or usual}


class Refused(Exception):
    """The call or publish is answered with this error."""

    def __init__(self, error: Refusal, words: str = "", *, err_code: int = 0) -> None:
        super().__init__(words)
        self.error = refusal(error, words, err_code=err_code)


class NotKnown(Exception):
    """A real server could do this; the one in memory cannot."""
