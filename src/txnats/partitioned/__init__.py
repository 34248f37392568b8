"""Partitioned consumer groups: the messages of a stream shared out by subject, each part handled in order.

A message belongs to a partition by (a part of) its subject, a partition to one member of the group, and of the running
instances of a member one is served. Groups of the Go library (synadia-io/orbit.go, pcgroups) are the same groups.

::

    from txnats import partitioned

    group = await partitioned.create_elastic(js, "ORDERS", "packers", 10)
    await group.add("one", "two")
    member = await group.consume("one", handler)
"""

from .errors import GroupChanged, GroupError, GroupExists, GroupNotFound, NotAMember
from .groups import (
    ElasticGroup,
    StaticGroup,
    create_elastic,
    create_static,
    elastic_group,
    elastic_groups,
    static_group,
    static_groups,
)
from .member import GroupMessage, Member
from .plan import ElasticConfig, Mapping, PartitioningFilter, StaticConfig

__all__ = [
    "ElasticConfig",
    "ElasticGroup",
    "GroupChanged",
    "GroupError",
    "GroupExists",
    "GroupMessage",
    "GroupNotFound",
    "Mapping",
    "Member",
    "NotAMember",
    "PartitioningFilter",
    "StaticConfig",
    "StaticGroup",
    "create_elastic",
    "create_static",
    "elastic_group",
    "elastic_groups",
    "static_group",
    "static_groups",
]
