"""What others say may repeat what we told them: secrets are taken out before it is shown."""

from __future__ import annotations

import re

MOST_SHOWN = 32
_SECRET = re.compile(rb"""(\b(?:auth_token|jwt|nkey|pass|sig|user)["']?\s*[:=]).*""", re.IGNORECASE | re.DOTALL)
_OF_CONNECT = re.compile(r"""(["'](?:auth_token|jwt|nkey|pass|sig|user)\\*["']\s*:).*""", re.DOTALL)


def snippet_of(data: bytes) -> bytes:
    """The first bytes of what came, for the text of an error."""
    return _SECRET.sub(rb"\1***", data[:MOST_SHOWN])


def without_secrets(text: str) -> str:
    """Somebody's words, without anything that could be a secret."""
    return _SECRET.sub(rb"\1***", text.encode(errors="replace")).decode()


def without_connect(text: str) -> str:
    """A server's words, without what it may repeat of our CONNECT."""
    return _OF_CONNECT.sub(r"\1***", text)
