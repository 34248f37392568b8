"""The feeder's and the responder's bytes."""

from __future__ import annotations

import pytest

from bench import raw, responder
from bench.job import Job
from bench.peers import measure

REQUESTS = b"MSG s 1 in.1 3\r\nabc\r\nPING\r\nMSG s 1 in.2 0\r\n\r\nMSG s 1 in.3 3\r\nabc\r\n"
ANSWERS = sorted([b"PUB in.1 2", b"ok", b"PUB in.2 2", b"ok", b"PUB in.3 2", b"ok", b"PONG", b""])


def test_a_publish_command_tells_its_sizes() -> None:
    assert raw.publish_command("a.b", b"xyz") == b"PUB a.b 3\r\nxyz\r\n"
    block = b"NATS/1.0\r\nK: v\r\n\r\n"
    assert raw.publish_command("a.b", b"xyz", {"K": "v"}) == b"HPUB a.b 18 21\r\n" + block + b"xyz\r\n"


@pytest.mark.parametrize("cut", range(len(REQUESTS) + 1))
def test_each_request_is_answered_once_however_the_bytes_are_cut(cut: int) -> None:
    first, rest = responder.replies(REQUESTS[:cut], b"ok")
    second, rest = responder.replies(rest + REQUESTS[cut:], b"ok")
    assert sorted((first + second).split(b"\r\n")) == ANSWERS
    assert rest == b""


def test_percentiles() -> None:
    facts = measure.latency_facts([number / 1e6 for number in range(100, 0, -1)])
    assert facts["p50_us"] == pytest.approx(51)
    assert facts["p99_us"] == pytest.approx(100)


def test_the_counting_handler_measures_from_the_warm_up_to_the_last_message() -> None:
    told: list[dict[str, float]] = []
    handle = measure.counting_handler(Job(warm=2, count=3), told.append)
    for number in range(1, 6):
        assert not told
        handle(number)
    assert told[0]["messages"] == 3
    assert told[0]["seconds"] > 0
