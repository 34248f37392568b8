"""What the names and versions of services may be. Source: ADR-32."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import InvalidArgument

_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
# The rule that semver.org gives: no leading zeros, then an optional pre-release and build.
_NUMBER = r"(?:0|[1-9][0-9]*)"
_PRE = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_PRE}(?:\.{_PRE})*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?\Z"
)
_LONGEST = 255


def check_name(name: str, what: str = "service") -> str:
    """A name of a service or endpoint: letters, digits, ``-`` and ``_``.

    Raises:
        InvalidArgument: It is something else.
    """
    if not isinstance(name, str) or not _NAME.match(name) or len(name) > _LONGEST:
        raise InvalidArgument(
            f"{name!r:.80} cannot name a{'n' if what[0] in 'aeiou' else ''} {what}",
            why="a name has letters, digits, '-' and '_'",
            hint="an endpoint's subject may be given apart from its name" if what == "endpoint" else "",
        )
    return name


def check_version(version: str) -> str:
    """A semantic version, say ``1.0.0``.

    Raises:
        InvalidArgument: It is none.
    """
    if not isinstance(version, str) or len(version) > _LONGEST or not _VERSION.match(version):
        raise InvalidArgument(f"{version!r:.80} is no semantic version", hint="for instance 1.0.0")
    return version


def check_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Metadata: text by text.

    Raises:
        InvalidArgument: A key or a value is something else.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping) or not all(
        isinstance(key, str) and isinstance(value, str) for key, value in metadata.items()
    ):
        raise InvalidArgument("metadata is a mapping of str to str")
    return dict(metadata)
