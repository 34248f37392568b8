"""What may be said: names, words, amounts, subjects."""

from __future__ import annotations

from typing import Any, cast

import pytest

from txnats import InvalidArgument
from txnats.jetstream.assets import checks
from txnats.jetstream.assets.stream_config import Retention


@pytest.mark.parametrize("name", ["A", "ORDERS_1", "with-dash", "ü", "a" * 255])
def test_good_names(name: str) -> None:
    assert checks.check_name("stream", name) == name


@pytest.mark.parametrize(
    "name", ["", "a b", "a.b", "a*", "a>", "a/b", "a\\b", "a\r\n", "a\x00", "a" * 256, "ü" * 200, 3, None]
)
def test_bad_names(name: Any) -> None:
    with pytest.raises(InvalidArgument, match="stream"):
        checks.check_name("stream", name)


def test_words() -> None:
    checks.check_word("retention", "limits", Retention)
    checks.check_word("retention", Retention.INTEREST, Retention)
    with pytest.raises(InvalidArgument, match="limits, interest, workqueue"):
        checks.check_word("retention", "never", Retention)


def test_texts() -> None:
    checks.check_texts("X", "d" * 4096, {"k": "v"})
    with pytest.raises(InvalidArgument, match="description"):
        checks.check_texts("X", "d" * 4097, {})
    with pytest.raises(InvalidArgument, match="metadata"):
        checks.check_texts("X", "", {"k": "v" * 128 * 1024})


@pytest.mark.parametrize("seconds", [None, 0, 0.0, 1, 100])
def test_good_seconds(seconds: float | None) -> None:
    checks.check_seconds_at_least("X", seconds, 0.1)


@pytest.mark.parametrize("seconds", [-1, 0.05, float("nan"), float("inf"), "1"])
def test_bad_seconds(seconds: Any) -> None:
    with pytest.raises(InvalidArgument, match="X"):
        checks.check_seconds_at_least("X", seconds, 0.1)


def test_bad_counts() -> None:
    for amount in [-2, 1.5, True, "1", None, 2**63, 10**5000]:
        with pytest.raises(InvalidArgument, match=r"X\.max"):
            checks.check_counts("X", {"max": cast(int, amount)}, -1)


def test_good_counts() -> None:
    checks.check_counts("X", {"a": -1, "b": 0, "c": 2**63 - 1}, -1)


def test_subjects() -> None:
    checks.check_subjects("X", ["a", "a.*", "b.>"])
    for wrong in (["a", "a"], ["a..b"], "a.b", ["a b"], ["a.>.b"]):
        with pytest.raises(InvalidArgument):
            checks.check_subjects("X", wrong)
    checks.check_literal("X", "a.b")
    with pytest.raises(InvalidArgument):
        checks.check_literal("X", "a.*")


def test_the_servers_metadata_is_its_own() -> None:
    assert checks.users_metadata({"_nats.ver": "2", "a": "b", "_nats": "c"}) == {"a": "b", "_nats": "c"}
