"""What CONNECT would say, in clear."""

from __future__ import annotations

from typing import Any, cast

from txnats.auth.authenticators import Authenticator
from txnats.secret import Secret


def revealed(auth: Authenticator | None, nonce: str = "") -> dict[str, str]:
    """The fields of credentials that need no waiting."""
    fields = {} if auth is None else cast("dict[str, Any]", auth.fields(nonce))
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in fields.items()}
