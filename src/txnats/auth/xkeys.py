"""xkeys: curve keys, with which one side seals what only the other can read.

A sealed text is ``xkv1``, a nonce of 24 bytes, and a NaCl box (X25519, XSalsa20, Poly1305). The extra ``txnats[xkeys]``
brings PyNaCl, which does it.
Source: the nkeys design of NATS, and what nats-server seals authentication callouts with.
"""

from __future__ import annotations

import secrets
from typing import Any, Self

from ..errors import InvalidOption, NatsError
from .nkeys import KEY_SIZE, Nkey, SeedText, decode_public, encode_public

VERSION = b"xkv1"
NONCE_SIZE = 24
_TAG_SIZE = 16


class CurveKey:
    """A key that seals and opens. ``with`` wipes it at the end.

    Args:
        key: A curve key, whose seed starts with SX.
    """

    __slots__ = ("_key",)

    def __init__(self, key: Nkey) -> None:
        if key.role != "X":
            raise InvalidOption(f"{key!r} cannot seal", hint="a curve key's seed starts with SX")
        _check(bytes(key.raw))
        self._key = key

    @classmethod
    def generate(cls) -> CurveKey:
        """A new one."""
        return cls(Nkey.generate("X"))

    @classmethod
    def from_seed(cls, seed: SeedText) -> CurveKey:
        """The key of a seed.

        Raises:
            InvalidOption: It is no curve key's seed. The error does not show it.
        """
        return cls(Nkey.from_seed(seed))

    @property
    def seed(self) -> bytearray:
        """The seed's text, in a buffer of its own: wipe it when it is no longer needed."""
        return self._key.seed

    @property
    def public_key(self) -> str:
        """The public key's text, which starts with X."""
        return encode_public("X", bytes(_nacl().PrivateKey(bytes(self._key.raw)).public_key))

    def seal(self, data: bytes, recipient: str) -> bytes:
        """The data for whoever owns this public key, and for nobody else."""
        nonce = secrets.token_bytes(NONCE_SIZE)
        sealed: bytes = self._box(recipient).encrypt(data, nonce).ciphertext
        return VERSION + nonce + sealed

    def open(self, sealed: bytes, sender: str) -> bytes:
        """What the owner of this public key has sealed for us.

        Raises:
            InvalidOption: It was not sealed by this sender for us, or was changed.
        """
        start = len(VERSION) + NONCE_SIZE
        if sealed[: len(VERSION)] != VERSION or len(sealed) < start + _TAG_SIZE:
            raise InvalidOption("the sealed text cannot be opened", why="it does not begin as one")
        box = self._box(sender)
        try:
            opened: bytes = box.decrypt(sealed[start:], sealed[len(VERSION) : start])
        except _exceptions().CryptoError:
            why = "it was not sealed by this sender for this key, or was changed"
            raise InvalidOption("the sealed text cannot be opened", why=why) from None
        return opened

    def wipe(self) -> None:
        """Overwrite the secret bytes. Python and libsodium may keep copies of them all the same."""
        self._key.wipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return "<CurveKey>"

    def _box(self, other: str) -> Any:
        public = _nacl()
        _, key = decode_public(other, "X")
        _check(key)
        _check(bytes(self._key.raw))
        try:
            return public.Box(public.PrivateKey(bytes(self._key.raw)), public.PublicKey(key))
        except _exceptions().RuntimeError:
            raise InvalidOption("this curve key makes no secret with ours", hint="it is a weak one") from None


def _check(key: bytes) -> None:
    """All zeros are what a forgotten key looks like, and seal nothing."""
    if len(key) != KEY_SIZE or not any(key):
        raise InvalidOption("a curve key is all zeros", hint="make one with CurveKey.generate()")


def _nacl() -> Any:
    try:
        from nacl import public  # noqa: PLC0415
    except ImportError:
        raise XkeysMissing from None
    return public


def _exceptions() -> Any:
    from nacl import exceptions  # noqa: PLC0415

    return exceptions


class XkeysMissing(NatsError):
    """PyNaCl is not installed."""

    def __init__(self) -> None:
        super().__init__("xkeys need PyNaCl", hint="pip install txnats[xkeys]")
