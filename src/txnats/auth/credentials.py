"""Credentials files: a user's JWT and seed in one text; and files with a seed alone.

Source: ADR-14, and the files that ``nsc`` writes.
"""

from __future__ import annotations

import os
import re
import stat
from io import FileIO
from typing import NamedTuple

from ..errors import CredentialsUnavailable
from ..secret import Secret, wipe

MOST = 1 << 20
"""Bytes that a file may have."""
OTHERS = stat.S_IRWXG | stat.S_IRWXO

_BLOCK = re.compile(
    rb"(?<!-)-{3,}[ \t]*BEGIN [^-\r\n]*-{3,}[ \t]*[\r\n]+[ \t]*([^\s-]\S*)\s*[\r\n][ \t]*-{3,}[ \t]*END [^-\r\n]*-{3,}"
)
"""A line between two marks. Dashes, blanks and line ends are as each tool writes them."""
_SEED = re.compile(rb"(?<![A-Z2-7])S[ACNOUX][A-Z2-7]{56}(?![A-Z2-7])")


_NO_PATH = re.compile(r"S[ACNOUX][A-Z2-7]{30,}|(?s:.*)-----BEGIN|[^\r\n]*[\r\n]|eyJ[\w-]{4,}\.")
"""How a text begins that is no path: a seed, a JWT, a file's content. A seed need not be whole to be secret."""


def is_no_path(text: str) -> bool:
    """Whether a text that stands where a path belongs is what the file would hold: then it is not to be shown."""
    return _NO_PATH.match(text.strip(" \t")) is not None


class Credentials(NamedTuple):
    """What a credentials file holds. The seed is the receiver's to wipe."""

    jwt: Secret
    seed: bytearray


class Content:
    """A file's bytes, in a buffer that its owner wipes.

    Attributes:
        data: The bytes.
        mode: The file's permission bits.
        name: The path, for texts.
    """

    __slots__ = ("data", "mode", "name")

    def __init__(self, name: str, data: bytearray, mode: int = 0) -> None:
        self.name = name
        self.data = data
        self.mode = mode

    @property
    def readable_by_others(self) -> bool:
        """Whether the file's group or everybody may do anything with it."""
        return bool(self.mode & OTHERS)


def read(path: str | os.PathLike[str], *, strict: bool = False) -> Content:
    """A file that holds a secret. Nothing but a plain file is read, and nothing is waited for.

    Args:
        path: Where; ``~`` is the user's home.
        strict: Refuse a file that its group or others may read, write or execute.

    Raises:
        CredentialsUnavailable: It cannot be read, and why.
    """
    name = os.path.expanduser(os.fspath(path))  # noqa: PTH111  # it may be text
    try:
        # Without waiting for a writer, if it is a fifo.
        descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise _unavailable(name, _reason(error), cause=error, hint=_READABLE) from None
    except ValueError:
        raise _unavailable("", "the path cannot be one") from None
    try:
        facts = os.fstat(descriptor)
        mode = stat.S_IMODE(facts.st_mode)
        if not stat.S_ISREG(facts.st_mode):
            raise _unavailable(name, "it is not a plain file")
        if strict and mode & OTHERS:
            raise _unavailable(name, f"its mode is {mode:04o}: others may use it", hint=f"chmod 600 {name}")
        if facts.st_size > MOST:
            raise _unavailable(name, f"it has more than {MOST:,} bytes")
        buffer = bytearray(MOST + 1 if not facts.st_size else facts.st_size)
        size = FileIO(descriptor, closefd=False).readinto(buffer)
        if size > MOST:
            wipe(buffer)
            raise _unavailable(name, f"it has more than {MOST:,} bytes")
        del buffer[size:]
        return Content(name, buffer, mode)
    except OSError as error:
        raise _unavailable(name, _reason(error), cause=error) from None
    finally:
        os.close(descriptor)


def split(content: Content) -> Credentials:
    """The JWT and the seed of a credentials file's text, which is wiped.

    Raises:
        CredentialsUnavailable: It does not hold both. The error shows nothing of it.
    """
    try:
        blocks = [(found.start(1), found.end(1)) for found in _BLOCK.finditer(content.data)]
        if len(blocks) < 2:
            raise _unavailable(
                content.name, "it does not hold a user JWT and a seed", hint="is it a .creds file, as nsc writes?"
            )
        (jwt_from, jwt_to), (seed_from, seed_to) = blocks[:2]
        jwt = content.data[jwt_from:jwt_to]
        return Credentials(Secret(jwt.decode("ascii", "replace")), content.data[seed_from:seed_to])
    finally:
        wipe(content.data)


def find_seed(content: Content) -> bytearray:
    """The seed in a file that holds one, alone or between other lines; the file's text is wiped.

    Raises:
        CredentialsUnavailable: There is none.
    """
    try:
        found = _SEED.search(content.data)
        if found is None:
            raise _unavailable(content.name, "it holds no nkey seed", hint="a seed starts with S")
        return content.data[found.start() : found.end()]
    finally:
        wipe(content.data)


_READABLE = "check the path, and who may read it; nsc and nats write such files"


def _reason(error: OSError) -> str:
    """The operating system's words, without the path, which the text names already."""
    return os.strerror(error.errno).lower() if error.errno is not None else type(error).__name__


def _unavailable(name: str, why: str, *, cause: BaseException | None = None, hint: str = "") -> CredentialsUnavailable:
    return CredentialsUnavailable(name, why, cause=cause, hint=hint)
