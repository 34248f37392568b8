"""A job survives the command line."""

from __future__ import annotations

import pytest

from bench.job import Job


def test_words_are_read_back() -> None:
    job = Job(url="nats://127.0.0.1:4222", size=1024, count=10, warm=2, headers=1, handler="async", in_flight=7)
    assert Job.read(job.words()) == job


def test_a_value_may_hold_an_equals_sign() -> None:
    assert Job.read(["subject=a=b"]).subject == "a=b"


@pytest.mark.parametrize("word", ["size", "colour=red"])
def test_an_unknown_word_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="not a word of a job"):
        Job.read([word])


@pytest.mark.parametrize(("size", "messages"), [(0, 256), (16, 256), (1024, 256), (65536, 4), (1 << 20, 1)])
def test_a_publisher_asks_for_room_every_quarter_mebibyte(size: int, messages: int) -> None:
    assert Job(size=size).messages_between_checks == messages
