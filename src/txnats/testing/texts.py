"""The server's words, to the letter. Pure.

Source: the texts of nats-server 2.15.
"""

from __future__ import annotations

from .commands import Publish, Subscribe
from .permissions import Permissions

RESERVED = (b"$NRG.", b"_GR_.")
RESERVED_REPLIES = (b"_R_.", b"$JS.ACK.", b"_GR_.")

AUTHORIZATION = "Authorization Violation"
AUTHENTICATION_TIMEOUT = "Authentication Timeout"
STALE = "Stale Connection"
TOO_MANY_CONNECTIONS = "maximum connections exceeded"
BAD_PROTOCOL = "invalid client protocol"
NEEDS_HEADERS = "no responders requires headers support"
INVALID_SUBJECT = "Invalid Subject"
INVALID_PUBLISH_SUBJECT = "Invalid Publish Subject"

_ESCAPES = {'"': r"\"", "\\": r"\\", **{chr(7 + index): "\\" + letter for index, letter in enumerate("abtnvfr")}}


def publish_refusal(publish: Publish, permissions: Permissions) -> str | None:
    """Why this publish is refused, or None."""
    reserved = publish.subject.startswith(RESERVED)
    if reserved or not permissions.may_publish(publish.subject):
        return f"Permissions Violation for Publish to {quoted(publish.subject)}"
    if publish.reply is not None and publish.reply.startswith(RESERVED_REPLIES):
        return f"Permissions Violation for Publish with Reply of {quoted(publish.reply)}"
    return None


def subscribe_refusal(subscribe: Subscribe, permissions: Permissions) -> str | None:
    """Why this subscription is refused, or None."""
    if permissions.may_subscribe(subscribe.subject, subscribe.queue):
        return None
    group = "" if subscribe.queue is None else f" using queue {quoted(subscribe.queue)}"
    return f"Permissions Violation for Subscription to {quoted(subscribe.subject)}{group}"


def message(publish: Publish, sid: bytes, *, with_headers: bool) -> bytes:
    """MSG or HMSG: a publish as a subscription gets it, which may know no headers."""
    reply = b"" if publish.reply is None else publish.reply + b" "
    if publish.headers and with_headers:
        start = b"HMSG %b %b %b%b\r\n%b" % (publish.subject, sid, reply, publish.sizes, publish.headers)
    else:
        sizes = b"%d" % len(publish.payload) if publish.headers else publish.sizes
        start = b"MSG %b %b %b%b\r\n" % (publish.subject, sid, reply, sizes)
    return b"%b%b\r\n" % (start, publish.payload)


def no_responders(subject: bytes, reply: bytes, sid: bytes) -> bytes:
    """The message that tells a requestor that nobody listens."""
    block = b"NATS/1.0 503\r\nNats-Subject: %b\r\n\r\n" % subject
    size = len(block)
    return b"HMSG %b %b %d %d\r\n%b\r\n" % (reply, sid, size, size, block)


def error(text: str) -> bytes:
    """``-ERR``."""
    return b"-ERR '%b'\r\n" % text.encode("utf-8", "surrogateescape")


def is_literal(subject: bytes) -> bool:
    """Whether pedantic mode lets it pass as a subject to publish to."""
    return not any(token in (b"", b"*", b">") for token in subject.split(b"."))


def quoted(data: bytes) -> str:
    """As the server quotes a subject: what cannot be printed, quotes and backslashes become escapes."""
    return '"' + "".join(_escaped(character) for character in data.decode("utf-8", "surrogateescape")) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
