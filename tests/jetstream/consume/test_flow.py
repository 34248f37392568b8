from __future__ import annotations

from txnats.jetstream.consume.events import Gap
from txnats.jetstream.consume.flow import MOST_UNANSWERED, Flow


def test_flow_control_is_answered_at_once_when_nothing_waits() -> None:
    assert Flow(counts=True).control(b"fc.1") == b"fc.1"


def test_flow_control_waits_for_what_came_before_it() -> None:
    flow = Flow(counts=True)
    flow.arrived()
    flow.arrived()
    assert flow.control(b"fc.1") is None
    flow.arrived()
    assert flow.took() is None
    assert flow.took() == b"fc.1"
    assert flow.control(b"fc.2") is None
    assert flow.took() == b"fc.2"
    assert (flow.delivered, flow.handed, flow.held) == (3, 3, 0)


def test_a_request_that_is_repeated_is_answered_once() -> None:
    flow = Flow(counts=True)
    flow.arrived()
    assert flow.control(b"fc") is None
    assert flow.control(b"fc") is None
    flow.arrived()
    assert [flow.took(), flow.took()] == [b"fc", None]


def test_requests_are_bounded_and_forgotten_with_the_connection() -> None:
    flow = Flow(counts=True)
    flow.arrived()
    for number in range(2 * MOST_UNANSWERED):
        flow.control(b"fc.%d" % number)
    assert len(flow._unanswered) == MOST_UNANSWERED
    flow.restart()
    assert flow.took() is None


def counting(first: int, count: int) -> Flow:
    flow = Flow(counts=True)
    assert flow.needs_base
    flow.count_from(first)
    for _ in range(count):
        flow.arrived()
    return flow


def test_nothing_is_missing() -> None:
    flow = counting(5, 3)
    assert not flow.needs_base
    assert flow.heartbeat(7, 7) is None


def test_a_gap_is_told_once() -> None:
    for flow, last_arrived in ((counting(5, 3), 7), (counting(5, 2), 8)):  # at the end, and in the middle
        assert isinstance(flow.heartbeat(8, last_arrived), Gap)
        flow.arrived()
        assert flow.heartbeat(9, 9) is None
    assert counting(5, 3).heartbeat(9, 7) == Gap(8, 9)


def test_members_of_a_group_and_fresh_connections_count_nothing() -> None:
    flow = Flow(counts=False)
    assert not flow.needs_base
    flow.arrived()
    assert flow.heartbeat(9, 1) is None
    flow = counting(5, 3)
    flow.restart()
    assert flow.needs_base
    assert flow.heartbeat(9, 7) is None
    assert Flow(counts=True).heartbeat(9, None) is None
