"""What each ``-ERR`` means, as a table.

Texts are compared without case; where the server adds details behind a text, the beginning counts. An unknown text ends
nothing: if the server means it, it closes the connection by itself.
Source: the server's own texts, each row seen on a real server or in its public source.
"""

from __future__ import annotations

import re
from enum import Enum, auto

import msgspec

from ..errors import AuthenticationRefused, CredentialsExpired, NatsError, PermissionDenied, ServerError


class Meaning(Enum):
    """What a client does about an error that the server tells."""

    REPORT = auto()
    """Tell it; the connection goes on."""
    LOST = auto()
    """The server closes: tell the reason and reconnect."""
    REFUSED = auto()
    """Our credentials were not accepted: a second time from the same server ends it."""
    EXPIRED = auto()
    """They were, and are no longer: ask for fresh ones, then as REFUSED."""
    FATAL = auto()
    """No reconnect can help: close."""
    DENIED = auto()
    """One operation was refused; all others go on."""


_TABLE: tuple[tuple[str, Meaning, str], ...] = (
    ("stale connection", Meaning.LOST, "the server heard nothing from us for too long"),
    ("authorization violation", Meaning.REFUSED, ""),
    ("authentication timeout", Meaning.REFUSED, "the login took too long"),
    ("user authentication expired", Meaning.EXPIRED, ""),
    ("user authentication revoked", Meaning.EXPIRED, ""),
    ("account authentication expired", Meaning.EXPIRED, ""),
    ("permissions violation", Meaning.DENIED, ""),
    ("invalid subject", Meaning.REPORT, ""),
    ("invalid publish subject", Meaning.REPORT, ""),
    ("maximum subscriptions exceeded", Meaning.REPORT, ""),
    ("maximum connections exceeded", Meaning.LOST, "try another server or raise max_connections"),
    ("maximum account active connections exceeded", Meaning.LOST, "raise the account's connection limit"),
    ("connection throttling is active", Meaning.LOST, "the server is busy with new connections"),
    ("maximum payload violation", Meaning.LOST, "a message was larger than max_payload"),
    ("maximum control line exceeded", Meaning.LOST, "a subject was too long for this server"),
    ("unknown protocol operation", Meaning.LOST, ""),
    ("parser error", Meaning.LOST, ""),
    ("slow consumer", Meaning.LOST, "we read more slowly than messages came"),
    ("secure connection - tls required", Meaning.FATAL, "use tls:// or tls="),
    ("invalid client protocol", Meaning.FATAL, ""),
    ("no responders requires headers support", Meaning.FATAL, ""),
    ("message headers not supported", Meaning.FATAL, ""),
)

_QUOTED = r'"(?P<{}>(?:[^"\\]|\\.)*)"'
_DENIED = re.compile(
    r"permissions violation for (?P<operation>publish with reply of|publish|subscription)(?: to)? "
    + _QUOTED.format("subject")
    + rf"(?: using queue {_QUOTED.format('queue')})?"
    + r'(?:.*\(sid "(?P<sid>[0-9]{1,19})"\))?',
    re.IGNORECASE,
)
_OPERATIONS = {"publish": "publish", "publish with reply of": "reply", "subscription": "subscribe"}


class Denial(msgspec.Struct, frozen=True):
    """A refused operation and, when the server names it, the subscription's number."""

    error: PermissionDenied
    sid: int | None


def meaning(text: str) -> Meaning:
    """What to do about an error text."""
    return _row(text)[0]


def hint(text: str) -> str:
    """What to try, or nothing."""
    return _row(text)[1]


def denial(text: str) -> Denial | None:
    """The operation that a permissions violation speaks of, or None when its text cannot be read."""
    found = _DENIED.search(text)
    if found is None:
        return None
    operation = _OPERATIONS[found["operation"].lower()]
    sid = int(found["sid"]) if found["sid"] else None
    queue = None if found["queue"] is None else unquote(found["queue"])
    return Denial(PermissionDenied(operation, unquote(found["subject"]), queue=queue, text=text), sid)


def unquote(quoted: str) -> str:
    """A text as it was before the server quoted it, as Go's ``%q`` does."""
    data = _ESCAPE.sub(_unescaped, quoted.encode("utf-8", "surrogateescape"))
    return data.decode("utf-8", "surrogateescape")


def refusal(server: str, text: str) -> NatsError:
    """The error for a text that ends a handshake or, in a live connection, the connection."""
    match meaning(text):
        case Meaning.REFUSED:
            return AuthenticationRefused(server, text)
        case Meaning.EXPIRED:
            return CredentialsExpired(server, text, hint="fetch fresh credentials")
    return ServerError(text, where=server, hint=hint(text))


_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|(.))", re.DOTALL)
_PLAIN = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def _unescaped(found: re.Match[bytes]) -> bytes:
    byte, short, long, plain = found.groups()
    if byte is not None:
        return bytes([int(byte, 16)])
    if plain is not None:
        return _PLAIN.get(plain, plain)
    code = int(short or long, 16)
    return chr(code).encode("utf-8", "surrogatepass") if code < 0x110000 else found.group()


def _row(text: str) -> tuple[Meaning, str]:
    folded = text.strip().lower()
    for start, what, advice in _TABLE:
        if folded.startswith(start):
            return what, advice
    return Meaning.REPORT, ""
