"""nkeys: Ed25519 keys as text that says what they are for.

The text is base32, without padding, of a prefix, the key, and a CRC-16. A seed starts with S, and its second letter is
that of the public key that belongs to it: ``SU...`` and ``U...`` for a user.
Source: the nkeys design of NATS.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias

from ..errors import InvalidOption
from ..secret import Kept, wipe

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_SIZE = 32
SIGNATURE_SIZE = 64
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_SEED = 18
_ROLES = {"A": "account", "C": "cluster", "N": "server", "O": "operator", "U": "user", "X": "curve"}
"""First letters of public keys; each is also the five bits that the letter stands for."""

SeedText: TypeAlias = str | bytes | bytearray


class PublicKey(NamedTuple):
    """A public key: its first letter, and the key itself."""

    role: str
    key: bytes


class Nkey(Kept):
    """A key that can sign. ``with`` wipes it at the end.

    Args:
        role: The first letter of its public key.
        raw: Its 32 secret bytes; this object owns the buffer from now on.
    """

    __slots__ = ("_raw", "role")

    def __init__(self, role: str, raw: bytearray) -> None:
        self.role = role
        self._raw = raw

    @classmethod
    def generate(cls, role: str = "U") -> Nkey:
        """A new one, for an account (A), operator (O), user (U), server (N) or cluster (C); X is a curve key's."""
        if role not in _ROLES:
            raise InvalidOption(f"there is no kind of nkey {role!r:.20}", hint=", ".join(_ROLES))
        return cls(role, bytearray(secrets.token_bytes(KEY_SIZE)))

    @classmethod
    def from_seed(cls, seed: SeedText) -> Nkey:
        """The key of a seed. The seed itself is left as it is: a bytearray is its owner's to wipe.

        Raises:
            InvalidOption: It is no seed. The error does not show it.
        """
        role, raw = decode_seed(seed)
        return cls(role, raw)

    @property
    def seed(self) -> bytearray:
        """The seed's text, in a buffer of its own: wipe it when it is no longer needed."""
        return encode_seed(self.role, self._raw)

    @property
    def raw(self) -> bytearray:
        """The secret bytes themselves, not a copy."""
        return self._raw

    @property
    def public_key(self) -> str:
        """The public key's text."""
        return encode_public(self.role, self._private().public_key().public_bytes_raw())

    def sign(self, data: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._private().sign(data)

    def wipe(self) -> None:
        """Overwrite the secret bytes. Python and OpenSSL may keep copies of them all the same."""
        wipe(self._raw)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return f"<Nkey of {_article(_ROLES[self.role])}>"

    def _private(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

        if self.role == "X":
            raise InvalidOption("a curve key cannot sign", hint="see txnats.auth.xkeys")
        if not any(self._raw):
            raise InvalidOption("this nkey has been wiped", hint="make it anew from its seed")
        return Ed25519PrivateKey.from_private_bytes(self._raw)


def verify(public_key: str, data: bytes, signature: bytes) -> bool:
    """Whether the owner of a public key signed the data.

    Raises:
        InvalidOption: It is no public key.
    """
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    role, key = decode_public(public_key)
    if role == "X":
        raise InvalidOption("a curve key signs nothing")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def encode_public(role: str, key: bytes) -> str:
    """The text of a public key."""
    text = bytes([_VALUES[ord(role)] << 3]) + key
    return base64.b32encode(text + _crc(text)).rstrip(b"=").decode("ascii")


def decode_public(text: str, roles: str = "") -> PublicKey:
    """A public key from its text.

    Args:
        text: The text.
        roles: The first letters that it may have; any when empty.

    Raises:
        InvalidOption: It is none, or of another role.
    """
    kinds = " or ".join(_ROLES[role] for role in roles)
    wanted = f"{_article(kinds)} public key" if roles else "a public nkey"
    if not isinstance(text, str):
        raise InvalidOption(f"{wanted} is a str, not {type(text).__name__}")
    if text[:1] == "S":
        raise InvalidOption(f"this is a seed, where {wanted} belongs", hint="keep it secret")
    data = _decoded(text)
    role = text[:1]
    if data is None or len(data) != KEY_SIZE + 1 or role not in _ROLES or data[0] & 7:
        # Not by its text: it may be something else, and secret.
        raise InvalidOption(f"this is not {wanted}", why="its length, letters or checksum are wrong")
    if roles and role not in roles:
        raise InvalidOption(f"{text!r} is not {wanted}", why=f"it is that of {_article(_ROLES[role])}")
    return PublicKey(role, bytes(data[1:]))


def encode_seed(role: str, raw: bytes | bytearray) -> bytearray:
    """A seed's text, in a buffer that its owner wipes."""
    value = _VALUES[ord(role)] << 3
    data = bytearray((_SEED << 3 | value >> 5, (value & 31) << 3)) + raw
    data += _crc(data)
    text = bytearray()
    bits = size = 0
    for byte in data:
        bits, size = bits << 8 | byte, size + 8
        while size >= 5:
            size -= 5
            text.append(_ALPHABET[bits >> size & 31])
            bits &= (1 << size) - 1
    if size:
        text.append(_ALPHABET[bits << 5 - size & 31])
    wipe(data)
    return text


def decode_seed(seed: SeedText) -> tuple[str, bytearray]:
    """A seed's role and secret bytes, in a buffer that its owner wipes.

    Raises:
        InvalidOption: It is no seed. The error does not show it.
    """
    if not isinstance(seed, (str, bytes, bytearray)):
        raise InvalidOption(f"a seed is a str or bytes, not {type(seed).__name__}")
    data = _decoded(seed)
    del seed
    if data is not None and len(data) == KEY_SIZE + 2 and data[0] >> 3 == _SEED:
        role = chr(_ALPHABET[(data[0] & 7) << 2 | data[1] >> 6])
        if role in _ROLES and not data[1] & 7:
            raw = data[2:]
            wipe(data)
            return role, raw
    if data is not None:
        wipe(data)
    raise InvalidOption(
        "this is no nkey seed", why="its length, letters or checksum are wrong", hint="it starts with S"
    )


def _decoded(text: SeedText) -> bytearray | None:
    """The bytes of base32 without their checksum, or None if they are wrong."""
    letters = text.encode("utf-8", "replace") if isinstance(text, str) else text
    data = bytearray()
    bits = size = 0
    for letter in letters[:128]:
        value = _VALUES.get(letter)
        if value is None:
            return None
        bits, size = bits << 5 | value, size + 5
        if size >= 8:
            size -= 8
            data.append(bits >> size)
            bits &= (1 << size) - 1
    good = len(data) > 2 and not bits and size < 5 and _crc(data[:-2]) == data[-2:]
    if not good:
        wipe(data)
        return None
    del data[-2:]
    return data


def _crc(data: bytes | bytearray) -> bytes:
    """CRC-16/XMODEM, least byte first."""
    return binascii.crc_hqx(data, 0).to_bytes(2, "little")


def _article(noun: str) -> str:
    return f"an {noun}" if noun[:1] in "aeiou" and not noun.startswith("user") else f"a {noun}"


def signature_text(signature: Any) -> str:
    """A signature as CONNECT and JWTs carry it.

    Raises:
        InvalidOption: It does not have its 64 bytes.
    """
    if not isinstance(signature, (bytes, bytearray)) or len(signature) != SIGNATURE_SIZE:
        kind = f"{len(signature)} bytes" if isinstance(signature, (bytes, bytearray)) else type(signature).__name__
        raise InvalidOption(f"a signature of {kind} was given", why="Ed25519's has 64 bytes", hint="give it as it is")
    return base64.urlsafe_b64encode(signature).rstrip(b"=").decode("ascii")
