"""Counts, and who does what."""

from __future__ import annotations

import pytest

from bench.contestants import Peer
from bench.rounds import Plan, messages_for
from bench.workloads import Workload


def peer(name: str, *roles: str) -> Peer:
    return Peer(name=name, command=lambda role: [role], roles=frozenset(roles))


@pytest.mark.parametrize(
    ("rate", "fixed", "count"), [(1_000.0, False, 1_500), (10.0, False, 50), (0.0, False, 500), (1_000.0, True, 500)]
)
def test_a_run_has_as_many_messages_as_its_time_holds(rate: float, fixed: bool, count: int) -> None:
    assert messages_for(Workload(name="w", role="publish", pilot=500, fixed=fixed), 1.5, rate) == count


def test_only_peers_that_can_do_a_workload_are_paired_with_it() -> None:
    publish = Workload(name="publish", role="publish", pilot=1)
    importing = Workload(name="import", role="importing", pilot=1)
    special = Workload(name="special", role="publish", pilot=1, peers=frozenset({"b"}))
    a, b = peer("a", "publish", "importing"), peer("b", "publish")
    plan = Plan(workloads=[publish, importing, special], peers=[a, b], rounds=3, seconds=1.0)
    assert plan.pairs == [(publish, a), (publish, b), (importing, a), (special, b)]
    assert plan.steps == 16
