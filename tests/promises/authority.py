"""An operator, accounts and users of our own making, and servers that know each kind of login."""

from __future__ import annotations

import time
from typing import Any

from txnats.auth import jwt
from txnats.auth.nkeys import Nkey


class Authority:
    """An operator with one account, signing keys for both, and a system account.

    Attributes:
        revocations: Of the account's next JWT: a user's public key to a time.
    """

    def __init__(self) -> None:
        self.operator, self.operator_signing = Nkey.generate("O"), Nkey.generate("O")
        self.account, self.signing, self.system = (Nkey.generate("A") for _ in range(3))
        self.revocations: dict[str, int] = {}
        self.now = int(time.time())

    @property
    def config(self) -> str:
        """The server's configuration: it trusts the operator and has both accounts in memory."""
        operator = jwt.operator(
            self.operator.public_key,
            name="O",
            signing_keys=[self.operator_signing.public_key],
            system_account=self.system.public_key,
            issued_at=self.now,
        )
        account = jwt.account(
            self.account.public_key,
            name="A",
            signing_keys=[self.signing.public_key],
            revocations=self.revocations,
            issued_at=self.now,
        )
        system = jwt.account(self.system.public_key, name="SYS", issued_at=self.now)
        preload = {
            key.public_key: jwt.encode(claims, self.operator_signing)
            for key, claims in ((self.account, account), (self.system, system))
        }
        lines = "\n".join(f"  {key}: {text}" for key, text in preload.items())
        return (
            f"operator: {jwt.encode(operator, self.operator)}\n"
            f"system_account: {self.system.public_key}\n"
            f"resolver: MEMORY\nresolver_preload: {{\n{lines}\n}}\n"
        )

    def user(self, key: Nkey, *, lasts: float | None = None, **more: Any) -> str:
        """A user's JWT, signed by the account's signing key; it lasts so many seconds from now, or for ever."""
        expires = 0 if lasts is None else round(time.time() + lasts)
        claims = jwt.user(
            key.public_key,
            name="joe",
            issued_at=min(self.now, int(time.time())),
            expires=expires,
            issuer_account=self.account.public_key,
            **more,
        )
        return jwt.encode(claims, self.signing)

    def revoke(self, key: Nkey) -> None:
        """Refuse what this user was issued up to now, once the server has the account's next JWT."""
        self.revocations[key.public_key] = int(time.time()) + 1


def creds(user_jwt: str, key: Nkey) -> bytes:
    """A credentials file."""
    return b"-----BEGIN NATS USER JWT-----\n%b\n------END NATS USER JWT------\n\n" % user_jwt.encode() + (
        b"-----BEGIN USER NKEY SEED-----\n%b\n------END USER NKEY SEED------\n" % bytes(key.seed)
    )
