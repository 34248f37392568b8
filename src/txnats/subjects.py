"""Subjects: what may be published to, what may be subscribed to, and which matches which.

A subject is UTF-8 text of tokens with dots between them. ``*`` stands for one whole token and ``>``, at the end, for
one or more. Every check gives back the bytes for the wire, so that a checked subject is encoded just once.
Source: the subject rules of the NATS protocol pages.
"""

from __future__ import annotations

import re

from .errors import InvalidSubject

_DOT = ord(".")
_UNFIT_TO_PUBLISH = bytes(range(0x21)) + b"\x7f*>"  # blanks, control bytes, wildcards
# One search tells them all: a blank or control byte, or an empty token.
_UNFIT_BYTES = re.compile(rb"[\x00-\x20\x7f]|^\.|\.\.|\.\Z|^\Z")
_UNFIT_IN_NAME = re.compile(rb"[\x00-\x20\x7f]|^\Z")


def check_publish(subject: str | bytes, use: str = "publish to") -> bytes:
    """A subject that may be published to, or used as a reply subject, as bytes.

    Args:
        subject: The subject.
        use: What it is for, in the words of an error.

    Raises:
        InvalidSubject: It is empty, has an empty token, a blank, a control character or a wildcard.
    """
    data = _to_bytes(subject, "subject")
    # Several times as fast as one search for all that is unfit.
    if (
        not data
        or len(data.translate(None, _UNFIT_TO_PUBLISH)) != len(data)
        or data.find(b"..") >= 0
        or data[0] == _DOT
        or data[-1] == _DOT
    ):
        raise InvalidSubject(f"cannot {use} {_shown(data)}", why=_why(data), hint=_HINT)
    return data


def check_subscribe(subject: str | bytes) -> bytes:
    """A subject that may be subscribed to, as bytes; wildcards are whole tokens, ``>`` the last one.

    Raises:
        InvalidSubject: As for publishing, or a wildcard in a wrong place.
    """
    data = _to_bytes(subject, "subject")
    if _UNFIT_BYTES.search(data):
        raise InvalidSubject(f"cannot subscribe to {_shown(data)}", why=_why(data), hint=_HINT)
    if b"*" in data or b">" in data:
        tokens = data.split(b".")
        for token in tokens:
            if len(token) > 1 and (b"*" in token or b">" in token):
                raise InvalidSubject(
                    f"cannot subscribe to {_shown(data)}",
                    why="a wildcard is a whole token",
                    hint="a.* or a.>, not a.b*",
                )
        if b">" in tokens[:-1]:
            raise InvalidSubject(f"cannot subscribe to {_shown(data)}", why="'>' can only be the last token")
    return data


def check_queue(queue: str | bytes) -> bytes:
    """A queue group's name as bytes: not empty, no blanks, no control characters.

    Raises:
        InvalidSubject: It breaks that rule; on the wire a blank would shift the fields behind it.
    """
    data = _to_bytes(queue, "queue group")
    if _UNFIT_IN_NAME.search(data):
        raise InvalidSubject(
            f"{_shown(data)} cannot name a queue group", why="it is empty or holds a blank or control character"
        )
    return data


def matches(pattern: str, subject: str) -> bool:
    """Whether a literal subject falls under a pattern with wildcards."""
    wanted, given = pattern.split("."), subject.split(".")
    for index, token in enumerate(wanted):
        if token == ">":
            return len(given) > index
        if index >= len(given) or token not in ("*", given[index]):
            return False
    return len(wanted) == len(given)


def check_inbox_prefix(prefix: str) -> str:
    """A prefix for inboxes: a subject without wildcards.

    Raises:
        InvalidSubject: It is no subject to publish to.
    """
    if not isinstance(prefix, str):
        raise InvalidSubject(f"an inbox prefix is a str, not {type(prefix).__name__}")
    if not prefix.isascii() and any("\ud800" <= mark <= "\udfff" for mark in prefix):
        raise InvalidSubject("the inbox prefix cannot be encoded", why="it holds lone surrogates")
    check_publish(prefix)
    return prefix


def as_text(subject: str | bytes) -> str:
    """A subject as text; bytes that are not UTF-8 become surrogate escapes, which turn back into them."""
    return subject.decode("utf-8", "surrogateescape") if isinstance(subject, bytes) else subject


_HINT = "tokens joined by single dots, as in orders.new.eu"


def _to_bytes(subject: str | bytes, what: str) -> bytes:
    if isinstance(subject, bytes):
        return subject
    if isinstance(subject, str):
        try:
            return subject.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise InvalidSubject(f"the {what} cannot be encoded", why="it holds lone surrogates") from None
    raise InvalidSubject(f"a {what} is a str or bytes, not {type(subject).__name__}")


def _shown(data: bytes) -> str:
    text = data[:80].decode("utf-8", "backslashreplace")
    return repr(text) + ("..." if len(data) > 80 else "")


def _why(data: bytes) -> str:
    if not data:
        return "it is empty"
    if re.search(rb"[\x00-\x20\x7f]", data):
        return "it holds a blank or a control character"
    if data.startswith(b".") or data.endswith(b".") or b".." in data:
        return "it has an empty token"
    return "wildcards are for subscriptions only"
