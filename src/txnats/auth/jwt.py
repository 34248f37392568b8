"""JWTs of NATS: signed with nkeys, for operators, accounts and users.

Nothing here reads a clock: times are seconds since 1970 that the caller gives.
Source: ADR-14, and the claims that nats-server reads.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ..errors import InvalidOption
from .nkeys import Nkey, decode_public, signature_text, verify

_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}
_MOST = 1 << 20
_ISSUERS = {"operator": "O", "account": "OA", "user": "A", "authorization_response": "A", "authorization_request": "N"}
"""First letters of the keys that may issue each type; an account may sign itself, say for a test."""
_NO_LIMITS = {"subs": -1, "data": -1, "payload": -1}
_NO_ACCOUNT_LIMITS = {
    **_NO_LIMITS,
    "imports": -1,
    "exports": -1,
    "wildcards": True,
    "conn": -1,
    "leaf": -1,
}


class Claims(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a JWT says.

    Attributes:
        subject: The public key that it is about.
        issuer: The public key that signed it; ``encode`` fills it in.
        issued_at: Seconds since 1970.
        expires: The same; 0 for never.
        not_before: The same.
        nats: The part that NATS defines: its ``type``, permissions, limits.
    """

    subject: str = msgspec.field(name="sub")
    name: str = ""
    issuer: str = msgspec.field(default="", name="iss")
    issued_at: int = msgspec.field(default=0, name="iat")
    expires: int = msgspec.field(default=0, name="exp")
    not_before: int = msgspec.field(default=0, name="nbf")
    audience: str = msgspec.field(default="", name="aud")
    id: str = msgspec.field(default="", name="jti")
    nats: dict[str, Any] = {}

    @property
    def type(self) -> str:
        """``"user"``, ``"account"``, ``"operator"`` ...; empty when it does not say."""
        kind = self.nats.get("type")
        return kind if isinstance(kind, str) else ""

    def is_valid_at(self, seconds: float) -> bool:
        """Whether this moment lies in its time."""
        return self.not_before <= seconds and (not self.expires or seconds < self.expires)


def encode(claims: Claims, issuer: Nkey) -> str:
    """The claims as a signed JWT.

    Args:
        claims: What it says; ``issuer`` and ``id`` are filled in.
        issuer: Whose signature it bears.

    Raises:
        InvalidOption: This key may not issue that, or something in it cannot be.
    """
    allowed = _ISSUERS.get(claims.type)
    if allowed is not None and issuer.role not in allowed:
        raise InvalidOption(f"{issuer!r} cannot sign the JWT of this type: {claims.type}", hint=f"one of {allowed} can")
    decode_public(claims.subject)
    signed = msgspec.structs.replace(claims, issuer=issuer.public_key, id="")
    digest = hashlib.sha256(_json(signed)).digest()
    signed = msgspec.structs.replace(signed, id=base64.b32encode(digest).rstrip(b"=").decode("ascii"))
    text = f"{_part(_HEADER)}.{_part(signed)}"
    return f"{text}.{signature_text(issuer.sign(text.encode('ascii')))}"


def decode(jwt: str, *, issuers: Sequence[str] | None = None) -> Claims:
    """The claims of a JWT whose signature is good. Whether it is valid now is ``Claims.is_valid_at``'s to say.

    Args:
        jwt: The text.
        issuers: Public keys that are trusted; None takes whoever it names, which proves nothing about them.

    Raises:
        InvalidOption: It cannot be read, its signature is wrong, or nobody of these issued it. No text shows the JWT.
    """
    parts = jwt.split(".") if isinstance(jwt, str) and len(jwt) <= _MOST else []
    del jwt
    if len(parts) != 3:
        raise _unreadable("it does not have three parts")
    header, body, signature = (_decoded(part) for part in parts)
    try:
        algorithm = msgspec.json.decode(header, type=dict[str, Any]).get("alg")
        claims = msgspec.json.decode(body, type=Claims)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _unreadable("its JSON is not that of a NATS JWT") from None
    if algorithm != _HEADER["alg"]:
        raise _unreadable(f"its algorithm is not {_HEADER['alg']}")
    allowed = _ISSUERS.get(claims.type, "")
    decode_public(claims.issuer, allowed)
    if issuers is not None and claims.issuer not in issuers:
        raise InvalidOption("the JWT was issued by somebody else", where=claims.issuer, hint="see issuers=")
    if not verify(claims.issuer, f"{parts[0]}.{parts[1]}".encode(), signature):
        raise InvalidOption("the signature of the JWT is wrong", where=claims.issuer)
    return claims


# ---------------------------------------------------------------------- what NATS issues


def user(
    public_key: str,
    *,
    name: str = "",
    publish: Mapping[str, Sequence[str]] | None = None,
    subscribe: Mapping[str, Sequence[str]] | None = None,
    issued_at: int,
    expires: int = 0,
    issuer_account: str = "",
    audience: str = "",
    **more: Any,
) -> Claims:
    """A user's claims; encode them with the key of the account, or one of its signing keys.

    Args:
        public_key: The user's.
        name: How the server calls it.
        publish: ``{"allow": [...], "deny": [...]}``; all subjects are allowed without it.
        subscribe: The same.
        issued_at: Seconds since 1970.
        expires: The same; 0 for never.
        issuer_account: The account's public key, when a signing key of it signs.
        audience: The account's name, where users of a configuration file are meant (auth callout).
        more: Other fields of the ``nats`` part: ``resp``, ``src``, ``times``, ``tags``, ``bearer_token`` ...
    """
    decode_public(public_key, "U")
    if issuer_account:
        decode_public(issuer_account, "A")
        more["issuer_account"] = issuer_account
    nats = {"pub": publish or {}, "sub": subscribe or {}, **_NO_LIMITS, **more, "type": "user", "version": 2}
    return Claims(subject=public_key, name=name, issued_at=issued_at, expires=expires, audience=audience, nats=nats)


def account(
    public_key: str,
    *,
    name: str = "",
    signing_keys: Sequence[str] = (),
    revocations: Mapping[str, int] | None = None,
    limits: Mapping[str, Any] | None = None,
    issued_at: int,
    expires: int = 0,
    **more: Any,
) -> Claims:
    """An account's claims; encode them with the key of the operator, or one of its signing keys.

    Args:
        public_key: The account's.
        name: How the server calls it.
        signing_keys: Public account keys that may sign its users too.
        revocations: A user's public key to a time: what was issued up to then is refused; ``"*"`` means all users.
        limits: On top of none at all.
        issued_at: Seconds since 1970.
        expires: The same; 0 for never.
        more: Other fields of the ``nats`` part: ``exports``, ``imports``, ``mappings`` ...
    """
    decode_public(public_key, "A")
    nats: dict[str, Any] = {"limits": {**_NO_ACCOUNT_LIMITS, **(limits or {})}, **more}
    nats |= {"default_permissions": {"pub": {}, "sub": {}}, "type": "account", "version": 2}
    if signing_keys:
        nats["signing_keys"] = [key for key in signing_keys if decode_public(key, "A")]
    if revocations:
        nats["revocations"] = dict(revocations)
    return Claims(subject=public_key, name=name, issued_at=issued_at, expires=expires, nats=nats)


def operator(
    public_key: str, *, name: str = "", signing_keys: Sequence[str] = (), issued_at: int, **more: Any
) -> Claims:
    """An operator's claims, which it signs itself.

    Args:
        public_key: The operator's.
        name: How the server calls it.
        signing_keys: Public operator keys that may sign accounts too.
        issued_at: Seconds since 1970.
        more: Other fields of the ``nats`` part: ``system_account``, ``account_server_url`` ...
    """
    decode_public(public_key, "O")
    nats: dict[str, Any] = {**more, "type": "operator", "version": 2}
    if signing_keys:
        nats["signing_keys"] = [key for key in signing_keys if decode_public(key, "O")]
    return Claims(subject=public_key, name=name, issued_at=issued_at, nats=nats)


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(_json(value)).rstrip(b"=").decode("ascii")


def _json(value: object) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (TypeError, UnicodeEncodeError) as error:
        raise InvalidOption("the claims cannot be encoded", why=type(error).__name__) from None


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _unreadable("a part of it is not base64url") from None


def _unreadable(why: str) -> InvalidOption:
    return InvalidOption("the JWT cannot be read", why=why)
