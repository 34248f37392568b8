"""What the in-memory server says by itself: replies to requests, as a responder would send them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import msgspec

from ..headers import Headers, HeaderSource
from ..wire import header_block
from .commands import Publish


class Reply(msgspec.Struct, frozen=True):
    """One reply to a request.

    Args:
        payload: The body.
        headers: As for ``Client.publish``.
        status: What a server puts into the first line of a header block: ``"503"``, ``"404 No Messages"``.
        delay: Seconds after the request.
    """

    payload: bytes = b""
    headers: HeaderSource | None = None
    status: str = ""
    delay: float = 0.0


Script: TypeAlias = "bytes | Reply | Callable[[Publish], Iterable[bytes | Reply]]"
"""A reply, or what makes replies of a request."""


def replies(script: Iterable[Script], request: Publish) -> list[Reply]:
    """What the script says to this request."""
    said: list[Reply] = []
    for step in script:
        each = step(request) if callable(step) else (step,)
        said.extend(reply if isinstance(reply, Reply) else Reply(reply) for reply in each)
    return said


def as_publish(
    subject: bytes, payload: bytes, *, reply: bytes | None = None, headers: HeaderSource | None = None, status: str = ""
) -> Publish:
    """A publish as a client would have made it; a status only servers give."""
    if headers is None and not status:
        return Publish(subject=subject, reply=reply, payload=payload, sizes=b"%d" % len(payload))
    block = header_block.encode(headers if isinstance(headers, Headers) else Headers(headers))
    if status:
        block = block[:8] + b" " + status.encode() + block[8:]
    sizes = b"%d %d" % (len(block), len(block) + len(payload))
    return Publish(subject=subject, reply=reply, headers=block, payload=payload, sizes=sizes)
