"""The table of workloads is sound."""

from __future__ import annotations

import pytest

from bench.goals import GOALS
from bench.server import MAX_PENDING
from bench.workloads import LINE_BYTES, MOST_BYTES_FED, WORKLOADS, Workload

NAMES = [workload.name for workload in WORKLOADS]


def test_names_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_every_goal_belongs_to_a_workload() -> None:
    assert GOALS.keys() == set(NAMES)


@pytest.mark.parametrize("workload", WORKLOADS, ids=NAMES)
def test_a_subscriber_is_never_fed_more_than_the_server_may_hold(workload: Workload) -> None:
    job = workload.job("", 10**9)
    assert workload.role != "subscribe" or (job.warm + job.count) * (job.size + LINE_BYTES) <= MOST_BYTES_FED


def test_the_server_takes_all_that_is_fed_without_slowing_the_feeder() -> None:
    assert MOST_BYTES_FED < MAX_PENDING // 2


def test_counts_are_shared_out_evenly() -> None:
    job = Workload(name="w", role="request", pilot=10, in_flight=100).job("", 12_345)
    assert (job.count, job.warm) == (12_400, 1_300)


def test_a_fixed_workload_has_no_warm_up() -> None:
    job = Workload(name="w", role="memory", pilot=100, fixed=True).job("", 100)
    assert (job.count, job.warm) == (100, 0)
