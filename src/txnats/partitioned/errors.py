"""What goes wrong with groups."""

from __future__ import annotations

from ..errors import NatsError


class GroupError(NatsError):
    """Something about a partitioned consumer group."""


class GroupNotFound(GroupError):
    """There is no such group."""

    def __init__(self, key: str) -> None:
        super().__init__("no such group", where=key, hint="create it first, with create_static or create_elastic")


class GroupExists(GroupError):
    """A group of this name stands and is set up otherwise."""

    def __init__(self, key: str) -> None:
        super().__init__("the group stands and is set up otherwise", where=key, hint="delete it first")


class NotAMember(GroupError):
    """The group has no member of this name."""

    def __init__(self, key: str, member: str) -> None:
        super().__init__(f"{member!r} is no member", where=key)
        self.member = member


class GroupChanged(GroupError):
    """What may not change of a group has changed: its members end."""

    def __init__(self, key: str) -> None:
        super().__init__("the group has changed", where=key, hint="join it again")
