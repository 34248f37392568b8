"""Who is to have a message: subscriptions by pattern, in a tree of tokens. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

Entry = TypeVar("Entry")

_ANY = b"*"
_REST = b">"


class _Node(Generic[Entry]):
    """Where a row of tokens leads. Dictionaries stand for ordered sets."""

    __slots__ = ("entries", "groups", "nodes")

    def __init__(self) -> None:
        self.nodes: dict[bytes, _Node[Entry]] = {}
        self.entries: dict[Entry, None] = {}
        self.groups: dict[bytes, dict[Entry, None]] = {}

    @property
    def is_empty(self) -> bool:
        return not (self.nodes or self.entries or self.groups)


class Interest(Generic[Entry]):
    """Entries under patterns, and those whose patterns match a subject."""

    def __init__(self) -> None:
        self._root: _Node[Entry] = _Node()

    def add(self, pattern: bytes, queue: bytes | None, entry: Entry) -> None:
        """Put an entry under a pattern, in a queue group or not.

        Raises:
            ValueError: A token of the pattern is empty, or one follows ``>``.
        """
        tokens = pattern.split(b".")
        if b"" in tokens or _REST in tokens[:-1]:
            raise ValueError(f"{pattern!r} is no pattern")
        node = self._root
        for token in tokens:
            node = node.nodes.setdefault(token, _Node())
        (node.entries if queue is None else node.groups.setdefault(queue, {}))[entry] = None

    def remove(self, pattern: bytes, queue: bytes | None, entry: Entry) -> None:
        """Take an entry out again; one that is not there is no error."""
        path = [self._root]
        tokens = pattern.split(b".")
        for token in tokens:
            following = path[-1].nodes.get(token)
            if following is None:
                return
            path.append(following)
        node = path[-1]
        if queue is None:
            node.entries.pop(entry, None)
        elif queue in node.groups:
            node.groups[queue].pop(entry, None)
            if not node.groups[queue]:
                del node.groups[queue]
        for parent, token, child in zip(reversed(path[:-1]), reversed(tokens), reversed(path[1:]), strict=True):
            if child.is_empty:
                del parent.nodes[token]

    def match(self, subject: bytes) -> tuple[list[Entry], list[list[Entry]]]:
        """The entries that get a message each, and the queue groups of which one member gets it.

        A group's members may stand under different patterns. A subject with an empty token matches nothing.
        """
        entries: list[Entry] = []
        groups: dict[bytes, list[Entry]] = {}
        tokens = subject.split(b".")
        if b"" not in tokens:
            for node in _found(self._root, tokens, 0):
                entries.extend(node.entries)
                for queue, members in node.groups.items():
                    groups.setdefault(queue, []).extend(members)
        return entries, list(groups.values())

    def __bool__(self) -> bool:
        return not self._root.is_empty


def _found(node: _Node[Entry], tokens: list[bytes], at: int) -> Iterator[_Node[Entry]]:
    """Where the tokens from ``at`` on lead. Wildcards in a subject stand for themselves."""
    if at == len(tokens):
        yield node
        return
    rest = node.nodes.get(_REST)
    if rest is not None:
        yield rest
    token = tokens[at]
    for each in (_ANY,) if token in (_ANY, _REST) else (token, _ANY):
        following = node.nodes.get(each)
        if following is not None:
            yield from _found(following, tokens, at + 1)
