"""Kinds of credentials. Each is asked once for every attempt to connect, and reads files and asks callables anew."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from ..errors import InvalidOption
from ..events import CredentialsReadable
from ..secret import Kept, Secret, wipe
from . import credentials
from .asking import Given, Source, at_once, current, given
from .nkeys import Nkey, SeedText, decode_public, decode_seed, signature_text

Fields: TypeAlias = Mapping[str, str | Secret]
"""What CONNECT says of who we are."""
Signer: TypeAlias = "Callable[[bytes], Given[bytes]]"
"""Gives the Ed25519 signature of some bytes, 64 bytes, now or later."""
Path: TypeAlias = "str | os.PathLike[str]"


class Authenticator(Protocol):
    """Answers a server's nonce with the fields of CONNECT that prove who we are."""

    def fields(self, nonce: str) -> Given[Fields]:
        """Called for every attempt. What it gives, at once or when it is awaited, goes into CONNECT and nowhere else.

        Secrets among it had better be ``Secret``: they then do not show in a traceback that tells variables. When what
        it gives has an attribute ``warnings``, those events are told.
        """


class Proof(dict[str, str | Secret]):
    """Fields, and what the user should hear about them.

    Attributes:
        warnings: Events.
    """

    warnings: tuple[CredentialsReadable, ...] = ()


class UserPassword(Kept):
    """A user name and a password.

    Args:
        user: The name.
        password: The password, or a callable that is asked for it at every attempt and may give a Deferred.
    """

    __slots__ = ("_password", "_user")

    def __init__(self, user: str, password: Source[str | Secret]) -> None:
        if not isinstance(user, str):
            raise InvalidOption(f"a user name is a str, not {type(user).__name__}")
        self._user = user
        self._password = _hidden(password)

    def fields(self, nonce: str) -> Given[Fields]:
        return at_once(self._fields())

    async def _fields(self) -> Fields:
        return {"user": self._user, "pass": Secret(await current(self._password))}

    def __repr__(self) -> str:
        return f"UserPassword({self._user!r}, ***)"


class Token(Kept):
    """A token.

    Args:
        token: The token, or a callable that is asked for it at every attempt and may give a Deferred.
    """

    __slots__ = ("_token",)

    def __init__(self, token: Source[str | Secret]) -> None:
        self._token = _hidden(token)

    def fields(self, nonce: str) -> Given[Fields]:
        return at_once(self._fields())

    async def _fields(self) -> Fields:
        return {"auth_token": Secret(await current(self._token))}

    def __repr__(self) -> str:
        return "Token(***)"


class NKey(Kept):
    """A user's nkey: the server is shown the public key and a signature, never the seed.

    Args:
        key: The seed, or a callable that is asked for it at every attempt and may give a Deferred; a bytearray that it
            gives is wiped after use. With ``sign``, the public key.
        sign: Signs what the server asks for, where the key cannot be taken out of its place: called at every attempt
            with the bytes, gives 64 bytes or a Deferred of them.
    """

    __slots__ = ("_public_key", "_seed", "_sign")

    def __init__(self, key: Source[SeedText | Secret], *, sign: Signer | None = None) -> None:
        self._seed: Source[SeedText | Secret] | None = None
        self._public_key = ""
        self._sign = _callable(sign)
        if sign is None:
            self._seed = _checked_seed(key)
        elif isinstance(key, str):
            decode_public(key, "U")
            self._public_key = key
        else:
            raise InvalidOption("with sign= an nkey is given by its public key, a str", hint="it starts with U")

    def fields(self, nonce: str) -> Given[Fields]:
        return at_once(self._fields(nonce))

    async def _fields(self, nonce: str) -> Fields:
        if self._seed is None:
            return {"nkey": self._public_key, **await _signed(self._sign, nonce)}
        with _key(await current(self._seed)) as key:
            return {"nkey": key.public_key, "sig": _signature(key.sign(nonce.encode()))}

    def __repr__(self) -> str:
        return f"NKey({self._public_key!r}, sign=...)" if self._public_key else "NKey(***)"


class NKeyFile(Kept):
    """A user's nkey whose seed is in a file, which is read at every attempt.

    Args:
        path: The file; ``~`` is the user's home.
        strict: Refuse a file that others on this machine may use; else they are told as the event CredentialsReadable.
    """

    __slots__ = ("_path", "_strict")

    def __init__(self, path: Path, *, strict: bool = False) -> None:
        self._path = _path(path)
        self._strict = strict

    def fields(self, nonce: str) -> Given[Fields]:
        content = credentials.read(self._path, strict=self._strict)
        with _key(credentials.find_seed(content)) as key:
            proof = Proof(nkey=key.public_key, sig=_signature(key.sign(nonce.encode())))
        return _warned(proof, content)

    def __repr__(self) -> str:
        return f"NKeyFile({self._path!r})"


class Jwt(Kept):
    """A user's JWT, and the seed of its key.

    Args:
        jwt: The JWT, or a callable that is asked for it at every attempt and may give a Deferred.
        seed: As the key of NKey.
        sign: As for NKey, in place of the seed. A bearer JWT needs neither.
    """

    __slots__ = ("_jwt", "_seed", "_sign")

    def __init__(
        self, jwt: Source[str | Secret], seed: Source[SeedText | Secret] | None = None, *, sign: Signer | None = None
    ) -> None:
        if seed is not None and sign is not None:
            raise InvalidOption("seed and sign= exclude each other")
        self._jwt = _hidden(jwt)
        self._sign = _callable(sign)
        self._seed = None if seed is None else _checked_seed(seed)

    def fields(self, nonce: str) -> Given[Fields]:
        return at_once(self._fields(nonce))

    async def _fields(self, nonce: str) -> Fields:
        # The JWT first, and only then the seed: it lies open for as short a time as may be.
        jwt = _trimmed(await current(self._jwt))
        if self._seed is not None:
            with _key(await current(self._seed)) as key:
                return {"jwt": jwt, "sig": _signature(key.sign(nonce.encode()))}
        return {"jwt": jwt, **await _signed(self._sign, nonce)}

    def __repr__(self) -> str:
        return "Jwt(***)" if self._sign is None else "Jwt(***, sign=...)"


class CredentialsFile(Kept):
    """A ``.creds`` file, as ``nsc`` writes it: a user's JWT and seed. It is read at every attempt.

    Args:
        path: The file, ``~`` being the user's home; or its content, as bytes or a Secret; or a callable that is asked
            for either at every attempt and may give a Deferred. A bytearray that it gives is wiped after use.
        strict: Refuse a file that others on this machine may use; else they are told as the event CredentialsReadable.
    """

    __slots__ = ("_source", "_strict")

    def __init__(self, path: Source[Path | bytes | bytearray | Secret], *, strict: bool = False) -> None:
        self._source: Source[Path | bytes | bytearray | Secret]
        if isinstance(path, (bytes, bytearray)):
            self._source = Secret(path.decode("utf-8", "replace"))
        else:
            self._source = path if callable(path) or isinstance(path, Secret) else _path(path)
        self._strict = strict

    def fields(self, nonce: str) -> Given[Fields]:
        return at_once(self._fields(nonce))

    async def _fields(self, nonce: str) -> Fields:
        source = await current(self._source)
        if isinstance(source, Secret):
            content = credentials.Content("", bytearray(source.reveal(), "utf-8", "replace"))
        elif isinstance(source, (bytes, bytearray)):
            content = credentials.Content("", source if isinstance(source, bytearray) else bytearray(source))
            del source
        else:
            content = credentials.read(_path(source), strict=self._strict)
        jwt, seed = credentials.split(content)
        with _key(seed) as key:
            proof = Proof(jwt=jwt, sig=_signature(key.sign(nonce.encode())))
        return _warned(proof, content)

    def __repr__(self) -> str:
        shown = repr(self._source) if isinstance(self._source, str) else "***"
        return f"CredentialsFile({shown})"


# ---------------------------------------------------------------------- parts of these


def _hidden(source: Source[str | Secret]) -> Source[str | Secret]:
    return source if callable(source) else Secret(source)


def _checked_seed(source: Source[SeedText | Secret]) -> Source[SeedText | Secret]:
    """A seed that stays with us, looked at once: a wrong one is refused where it is given."""
    if callable(source):
        return source
    kept = Secret(source.decode("ascii", "replace") if isinstance(source, (bytes, bytearray)) else source)
    del source
    _key(kept).wipe()
    return kept


def _key(seed: SeedText | Secret) -> Nkey:
    """A user's key. Of what is given only a bytearray can be wiped, and is."""
    text: SeedText = seed.reveal() if isinstance(seed, Secret) else seed
    if isinstance(text, (str, bytes, bytearray)):
        text = text.strip()
    try:
        role, raw = decode_seed(text)
    finally:
        _wipe_if_ours(seed, text)
        # A traceback may tell the variables of this frame.
        del seed, text
    if role != "U":
        wipe(raw)
        raise InvalidOption("this seed is not that of a user", hint="it starts with SU")
    return Nkey(role, raw)


def _wipe_if_ours(*given: object) -> None:
    for each in given:
        if isinstance(each, bytearray):
            wipe(each)


def _trimmed(jwt: str | Secret) -> Secret:
    return Secret(Secret(jwt).reveal().strip())


def _signature(signature: bytes) -> Secret:
    return Secret(signature_text(signature))


async def _signed(sign: Signer | None, nonce: str) -> dict[str, Secret]:
    """No signature where none is wanted: a server without logins sends no nonce."""
    return {} if sign is None or not nonce else {"sig": _signature(await given(sign(nonce.encode())))}


def _callable(sign: Any) -> Signer | None:
    if sign is not None and not callable(sign):
        raise InvalidOption("sign= cannot be called", hint="it gets bytes and gives their signature")
    called: Signer | None = sign
    return called


def _path(path: Any) -> str:
    if not isinstance(path, (str, os.PathLike)):
        raise InvalidOption(f"a path is a str or os.PathLike, not {type(path).__name__}")
    text = os.fspath(path)
    if not isinstance(text, str):
        raise InvalidOption("a path is a str or os.PathLike of one, not of bytes")
    if credentials.is_no_path(text):
        # A traceback may tell the variables of this frame.
        del path, text
        raise InvalidOption(
            "this is what a credentials file holds, where its path belongs",
            hint="give it as bytes; a seed alone is for NKey, and a JWT with its seed for Jwt",
        )
    return text


def _warned(proof: Proof, content: credentials.Content) -> Proof:
    if content.readable_by_others:
        proof.warnings = (CredentialsReadable(content.name, content.mode),)
    return proof
